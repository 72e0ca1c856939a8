/* A draw of problems set by hand, without a kernel: every `.r1lab-draws` on the page that is not
   alive yet. `element.expected(handles)` gives what Python's `pupil.expected` gives, which a test
   compares. */
(() => {
  const BLUE = "#0072B2", GREY = "#777777", ORANGE = "#E69F00";
  const WIDE = 460, HIGH = 240, LEFT = 40, FOOT = 34, TOP = 10, MOST = 75;

  function between(rate, handles) {
    const place = Math.min(Math.floor(rate * 5), 4), part = rate * 5 - place;
    return handles[place] * (1 - part) + handles[place + 1] * part;
  }

  function halfToEven(x) {  // as Python rounds
    const low = Math.floor(x);
    if (x - low !== 0.5) return Math.round(x);
    return low % 2 === 0 ? low : low + 1;
  }

  function expected(handles, data) {
    const { group, asked, budget, rate } = data.world;
    const price = (d) => halfToEven(60 + 20 * Math.min(d === null ? Infinity : d, 4));
    const success = (ability) => data.hard.map((d) =>
      d === null ? 0 : 1 / (1 + Math.exp(Math.min(50, d - ability))));
    const mean = (xs) => (100 * xs.reduce((a, b) => a + b, 0)) / xs.length;
    let ability = 0, spent = 0;
    const tokens = [0], curve = [mean(success(0))];
    for (;;) {
      const now = success(ability);
      let shares = now.map((s) => between(s, handles));
      const total = shares.reduce((a, b) => a + b, 0);
      shares = shares.map((w) => (total > 0 ? w / total : 1 / now.length));
      spent += asked * group * shares.reduce((sum, w, i) => sum + w * price(data.hard[i]), 0);
      if (spent > budget) return { tokens, curve };
      const learnt = shares.reduce((sum, w, i) => sum + w * now[i] * (1 - now[i]), 0);
      ability += rate * asked * learnt * (1 - 1 / group);
      tokens.push(spent);
      curve.push(mean(success(ability)));
    }
  }

  function drawn(lines, budget) {
    const x = (t) => LEFT + ((WIDE - LEFT - 12) * t) / budget;
    const y = (share) => TOP + (HIGH - TOP - FOOT) * (1 - share / MOST);
    const ticks = [0, 25, 50, 75].map((s) => `<line x1="${LEFT}" x2="${WIDE - 12}" y1="${y(s)}"
      y2="${y(s)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(s) + 4}" text-anchor="end">${s}</text>`);
    const curves = lines.map(({ found, style }) => `<polyline ${style} fill="none" points="${
      found.tokens.map((t, i) => `${x(t)},${y(found.curve[i])}`).join(" ")}"/>`);
    return `<svg viewBox="0 0 ${WIDE} ${HIGH}" width="${WIDE}" height="${HIGH}" font-size="11"
      role="img" aria-label="mean success against tokens" font-family="sans-serif">
      ${ticks.join("")}${curves.join("")}<text x="${WIDE / 2}" y="${HIGH - 8}" text-anchor="middle"
      fill="#555">tokens; up: mean success, %. Grey: uniform, dashed: the draw before</text></svg>`;
  }

  function element(name, words, style = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.style.cssText = style;
    return made;
  }

  function start(box) {
    const data = JSON.parse(box.dataset.state), plain = expected(data.presets.uniform, data);
    let handles = [...data.presets["s (1 - s)"]], now = expected(handles, data), before = null;
    const claim = element("b", ""), picture = element("div", ""), row = element("div", "",
      "display:flex;flex-wrap:wrap;gap:10px;margin:6px 0");
    const sliders = handles.map((_, i) => {
      const slider = document.createElement("input");
      Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.05 });
      slider.style.width = "90px";
      slider.setAttribute("aria-label", `weight at ${20 * i} % right`);
      const label = element("label", `${20 * i} % right `, "display:flex;flex-direction:column");
      label.append(slider);
      row.append(label);
      slider.addEventListener("input", () => change(sliders.map((s) => Number(s.value))));
      return slider;
    });
    const buttons = Object.keys(data.presets).map((name) => {
      const button = element("button", name, "margin-right:6px");
      button.addEventListener("click", () => change([...data.presets[name]]));
      return button;
    });
    box.replaceChildren(claim, element("div", "what a problem weighs, by its success rate:"), row,
      ...buttons, picture);

    function change(wanted) {
      before = now;
      handles = wanted;
      now = expected(handles, data);
      render();
    }

    function render() {
      sliders.forEach((slider, i) => { slider.value = handles[i]; });
      const end = now.curve.at(-1), gap = end - plain.curve.at(-1);
      claim.textContent = `This draw ends at ${end.toFixed(1)} %, ${Math.abs(gap).toFixed(1)} points ` +
        `${gap < 0 ? "behind" : "ahead of"} uniform draws, for the same tokens`;
      const lines = [{ found: plain, style: `stroke="${GREY}" stroke-width="2"` }];
      if (before) lines.push({ found: before,
        style: `class="ghost" stroke="${ORANGE}" stroke-dasharray="4 3"` });
      lines.push({ found: now, style: `class="now" stroke="${BLUE}" stroke-width="2.5"` });
      picture.innerHTML = drawn(lines, data.world.budget);
    }

    box.expected = (wanted) => expected(wanted, data);
    render();
  }

  document.querySelectorAll(".r1lab-draws:not([data-alive])").forEach((box) => {
    box.dataset.alive = "yes";
    start(box);
  });
})();
