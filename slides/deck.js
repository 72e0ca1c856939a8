/* A deck alive: one slide at a time. Keys: right, space or page down goes on, left or page up back,
   home, end; o overview, p presenter's window, n notes below, b black, f full screen, t starts the
   clock again. Without a script the slides stand one below the other. */
(() => {
  const slides = [...document.querySelectorAll("section")], body = document.body;
  const below = document.createElement("div");
  below.className = "notes-below";
  body.append(below);
  body.classList.add("live");
  let at = 0, begun = 0, view = null;

  function fit() {
    const high = innerHeight * (body.classList.contains("with-notes") ? 0.68 : 1);
    const k = Math.min(innerWidth / 1280, high / 720);
    body.style.setProperty("--k", k);
    body.style.setProperty("--x", `${(innerWidth - 1280 * k) / 2}px`);
    body.style.setProperty("--y", `${(high - 720 * k) / 2}px`);
  }
  function show(n) {
    at = Math.max(0, Math.min(slides.length - 1, n));
    if (at > 0 && !begun) begun = Date.now();
    slides.forEach((slide, i) => slide.classList.toggle("now", i === at));
    history.replaceState(null, "", `#${at + 1}`);
    below.innerHTML = notes();
    if (body.classList.contains("overview")) slides[at].scrollIntoView({ block: "nearest" });
    present();
  }
  const notes = () => slides[at].querySelector("aside").innerHTML;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const toggle = (name) => { body.classList.toggle(name); fit(); show(at); };

  function open_view() {
    if (view && !view.closed) return view.focus();
    view = window.open("", "", "width=1180,height=760");
    if (!view) return alert("The browser keeps the presenter's window closed: allow pop-ups for this page.");
    const page = view.document;
    page.title = "Notes: " + document.title;
    document.querySelectorAll("style").forEach((one) => page.head.append(page.importNode(one, true)));
    const own = page.createElement("style");
    own.textContent = `body{margin:0;display:grid;grid-template:auto 1fr/1fr 1fr;gap:14px;height:100vh;
      padding:14px;background:#fff;overflow:hidden} section{display:flex;zoom:.44;border:3px solid #595959}
      section.split{display:grid} .next{opacity:.75} .told{overflow:auto;font-size:22px}
      .time{font-size:26px} .time b{font-size:64px;font-weight:600;font-variant-numeric:tabular-nums}`;
    page.head.append(own);
    page.body.innerHTML = '<div class="here"></div><div class="next"></div><div class="told"></div><div class="time"></div>';
    view.addEventListener("keydown", steer);
    present();
  }
  function present() {
    if (!view || view.closed) return;
    const page = view.document, put = (name, slide) => page.querySelector(name)
      .replaceChildren(...(slide ? [page.importNode(slide, true)] : []));
    put(".here", slides[at]);
    put(".next", slides[at + 1]);
    page.querySelector(".told").innerHTML = notes();
    tick();
  }
  function tick() {
    if (!view || view.closed) return;
    const from = +slides[at].dataset.from, lasts = +slides[at].dataset.minutes;
    const gone = begun ? (Date.now() - begun) / 1000 : 0;
    view.document.querySelector(".time").innerHTML = `<b>${clock(gone)}</b><br>this slide: minute
      ${from} to ${from + lasts}<br>slide ${at + 1} of ${slides.length}`;
  }
  function steer(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowRight: () => show(at + 1), ArrowDown: () => show(at + 1), PageDown: () => show(at + 1),
      " ": () => show(at + (event.shiftKey ? -1 : 1)), ArrowLeft: () => show(at - 1),
      ArrowUp: () => show(at - 1), PageUp: () => show(at - 1), Home: () => show(0),
      End: () => show(slides.length - 1), Enter: () => body.classList.contains("overview") && toggle("overview"),
      Escape: () => body.classList.contains("overview") && toggle("overview"),
      o: () => toggle("overview"), n: () => toggle("with-notes"), b: () => toggle("dark"),
      p: open_view, t: () => { begun = Date.now(); tick(); },
      f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  }
  slides.forEach((slide, i) => slide.addEventListener("click", () => {
    if (body.classList.contains("overview")) { body.classList.remove("overview"); show(i); }
  }));
  addEventListener("keydown", steer);
  addEventListener("resize", fit);
  addEventListener("hashchange", () => show(parseInt(location.hash.slice(1), 10) - 1 || 0));
  setInterval(tick, 1000);
  fit();
  show(parseInt(location.hash.slice(1), 10) - 1 || 0);
})();
