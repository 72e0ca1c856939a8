/* The back of an envelope without a kernel: every `.r1lab-envelope` on the page that is not alive
   yet. Its data-state holds an estimate, what was disclosed, and the sliders. The numbers are those
   of r1lab.cost, which a test compares; `element.numbers(estimate)` gives them. */
(() => {
  const BLUE = "#0072B2", ORANGE = "#E69F00", GREY = "#777777";
  const ROW = 34, LEFT = 18, WIDE = 420, SPAN = 2;  // decades to each side, fixed

  const ratios = (state, estimate) =>
    Object.keys(state.factors).map((key) => estimate[key] / state.disclosed[key]);
  const dollars = (e) => (e.steps * e.answers * e.tokens / 1e6) * e.price;

  function numbers(state, estimate) {
    const errors = ratios(state, estimate);
    return { dollars: dollars(estimate), tokens: estimate.steps * estimate.answers * estimate.tokens,
      errors, whole: errors.reduce((a, b) => a * b, 1) };
  }

  const short = (x) => {
    const units = [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"]];
    const unit = units.find(([size]) => x >= size * 0.9995);
    const value = unit ? x / unit[0] : x;
    const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return (unit ? value.toFixed(digits) : value >= 100 ? Math.round(value).toLocaleString("en")
      : String(Number(value.toPrecision(3)))) + (unit ? unit[1] : "");
  };

  function picture(state, estimate, ghost) {
    const x = (ratio) => LEFT + (WIDE / 2) *
      (1 + Math.max(-SPAN, Math.min(SPAN, Math.log10(ratio))) / SPAN);
    const rows = (e) => {
      let place = 1;
      const chain = ratios(state, e).map((f) => [place, place *= f]);
      return [...chain, [1, place]];
    };
    const now = rows(estimate), old = ghost ? rows(ghost) : null, foot = ROW * now.length;
    const bar = ([a, b], i, style) => `<rect x="${Math.min(x(a), x(b))}" y="${ROW * i + 8}"
      width="${Math.max(1, Math.abs(x(b) - x(a)))}" height="18" ${style}/>`;
    const bars = now.map(([a, b], i) =>
      bar([a, b], i, `class="now" fill="${b >= a ? BLUE : ORANGE}"`) +
      (old ? bar(old[i], i, `class="ghost" fill="none" stroke="${GREY}" stroke-dasharray="3 2"`)
        : "") +
      (i < now.length - 1 ? `<line x1="${x(b)}" x2="${x(b)}" y1="${ROW * i + 8}"
        y2="${ROW * (i + 1) + 26}" stroke="${GREY}"/>` : "") +
      `<text x="${Math.max(x(a), x(b), old ? Math.max(x(old[i][0]), x(old[i][1])) : 0) + 5}"
        y="${ROW * i + 21}" font-size="12">× ${short(b / a)}</text>`);
    const ticks = [0.01, 0.1, 1, 10, 100].map((t) => `<line x1="${x(t)}" x2="${x(t)}"
      y1="0" y2="${foot}" stroke="${t === 1 ? "#000" : "#ddd"}"/><text class="tick" x="${x(t)}"
      y="${foot + 14}" font-size="11" text-anchor="middle">${t}</text>`);
    return `<svg viewBox="0 0 ${WIDE + 100} ${foot + 36}" width="${WIDE + 100}" height="${foot + 36}"
      role="img" aria-label="How far each factor of the estimate is off" font-family="sans-serif">
      ${ticks.join("")}${bars.join("")}<text x="${x(1)}" y="${foot + 31}" font-size="11"
      text-anchor="middle" fill="#555">estimate divided by what was disclosed</text></svg>`;
  }

  function start(box) {
    const state = JSON.parse(box.dataset.state), keys = Object.keys(state.factors);
    let estimate = { ...state.estimate }, ghost = null, dragging = false;
    const plain = "font:13px sans-serif;color:#000;background:#fff;border:1px solid #999;" +
      "border-radius:4px;padding:2px 8px;margin:0 4px 0 0;cursor:pointer;";
    const slider = (key) => {
      const [words, least, most] = state.factors[key];
      return `<div style="height:${ROW}px;display:flex;align-items:center">
        <span style="width:160px">${words}</span><input type="range" step="0.01"
        min="${Math.log10(least)}" max="${Math.log10(most)}" data-key="${key}"
        style="width:110px;margin:0" aria-label="${words}"><span data-value="${key}"
        style="margin-left:6px;width:64px"></span></div>`;
    };
    box.innerHTML = `<div><button type="button" data-set="estimate" style="${plain}">the guest's
      envelope</button><button type="button" data-set="disclosed" style="${plain}">as disclosed
      </button><span class="claim" style="margin-left:8px"></span></div>
      <div style="display:flex;margin-top:6px"><div style="flex:none;width:350px">
      ${keys.map(slider).join("")}<div style="height:${ROW}px;display:flex;align-items:center">
      <b class="total"></b></div></div><div class="picture"></div></div>`;
    const all = (selector) => [...box.querySelectorAll(selector)];
    const paint = () => {
      const found = numbers(state, estimate), reported = dollars(state.disclosed);
      box.querySelector(".picture").innerHTML = picture(state, estimate, ghost);
      box.querySelector(".claim").innerHTML = `<b>${short(found.tokens)} tokens</b>` +
        (ghost ? " (dashed: before your last change)" : " (drag a slider)");
      box.querySelector(".total").textContent =
        `${short(found.dollars)} dollars; reported: ${short(reported)}`;
      all("[data-value]").forEach((s) => { s.textContent = short(estimate[s.dataset.value]); });
      all("[data-key]").forEach((s) => { s.value = Math.log10(estimate[s.dataset.key]); });
    };
    all("[data-set]").forEach((b) => b.addEventListener("click", () => {
      ghost = { ...estimate };
      estimate = { ...state[b.dataset.set] };
      paint();
    }));
    all("[data-key]").forEach((s) => {
      s.addEventListener("input", () => {
        if (!dragging) ghost = { ...estimate };
        dragging = true;
        estimate[s.dataset.key] = 10 ** Number(s.value);
        paint();
      });
      s.addEventListener("change", () => { dragging = false; });
    });
    box.numbers = (given) => numbers(state, given);
    box.dataset.live = "1";
    paint();
  }

  document.querySelectorAll(".r1lab-envelope:not([data-live])").forEach(start);
})();
