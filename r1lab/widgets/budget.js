/* The budget slider without a kernel: every `.r1lab-budget` on the page that is not alive yet. Its
   data-state holds budgets and rows; `element.curve()` gives the points, which a test compares with
   Python's. What a model wrote is set as text, never as HTML. */
(() => {
  const BLUE = "#0072B2", ORANGE = "#E69F00", GREY = "#777777";
  const WIDE = 420, HIGH = 230, LEFT = 46, FOOT = 36, TOP = 10;

  function curve(data) {
    const mean = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length;
    return data.budgets.map((budget, i) => ({
      budget,
      tokens: mean(data.rows.map((row) => Math.min(row.tokens.length, budget))),
      right: 100 * mean(data.rows.map((row) => (row.answers[i][1] ? 1 : 0))),
    }));
  }

  function drawn(points, now, before) {
    const least = Math.log2(points[0].budget), most = Math.log2(points.at(-1).budget);
    const x = (t) => LEFT + (WIDE - LEFT - 12) * (Math.log2(Math.max(t, 1)) - least) / (most - least);
    const y = (share) => TOP + (HIGH - TOP - FOOT) * (1 - share / 100);
    const line = points.map((p) => `${x(p.tokens)},${y(p.right)}`).join(" ");
    const ticks = [0, 25, 50, 75, 100].map((s) => `<line x1="${LEFT}" x2="${WIDE - 12}" y1="${y(s)}"
      y2="${y(s)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(s) + 4}" text-anchor="end">${s}</text>`);
    const below = points.map((p) => `<text x="${x(p.budget)}" y="${HIGH - FOOT + 16}"
      text-anchor="middle">${p.budget}</text>`);
    const dots = points.map((p) => `<circle cx="${x(p.tokens)}" cy="${y(p.right)}" r="3"
      fill="${BLUE}"/>`);
    const at = (p, style) => `<circle cx="${x(p.tokens)}" cy="${y(p.right)}" r="8" ${style}/>`;
    const ghost = before === null ? "" : at(points[before],
      `class="ghost" fill="none" stroke="${GREY}" stroke-dasharray="3 2"`);
    return `<svg viewBox="0 0 ${WIDE} ${HIGH}" width="${WIDE}" height="${HIGH}" font-size="11"
      role="img" aria-label="right answers against tokens of thought" font-family="sans-serif">
      ${ticks.join("")}${below.join("")}<polyline points="${line}" fill="none" stroke="${BLUE}"
      stroke-width="2"/>${dots.join("")}${ghost}
      ${at(points[now], `class="now" fill="none" stroke="${ORANGE}" stroke-width="3"`)}
      <text x="${WIDE / 2}" y="${HIGH - 4}" text-anchor="middle" fill="#555">mean tokens of thought,
      log axis; up: right, %</text></svg>`;
  }

  function element(name, words, style = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.style.cssText = style;
    return made;
  }

  function start(box) {
    const data = JSON.parse(box.dataset.state), points = curve(data);
    let now = 3 < points.length ? 3 : 0, before = null, chosen = 0;
    const slider = document.createElement("input"), select = document.createElement("select");
    Object.assign(slider, { type: "range", min: 0, max: points.length - 1, value: now });
    slider.setAttribute("aria-label", "budget");
    select.setAttribute("aria-label", "problem");
    data.rows.forEach((row, i) => select.append(element("option", row.problem)));
    const claim = element("b", ""), picture = element("div", ""), text = element("div", "",
      "max-width:720px;line-height:1.5;font-family:monospace;font-size:12px;margin-top:6px");
    const label = element("label", "budget ");
    label.append(slider);
    box.replaceChildren(claim, element("br", ""), label, element("span", " "), select, picture, text);

    function render() {
      const point = points[now], row = data.rows[chosen], [answer, right] = row.answers[now];
      claim.textContent = `At most ${point.budget} tokens of thought: ${point.right.toFixed(0)} % of ` +
        `${data.rows.length} right, ${point.tokens.toFixed(0)} tokens used on average`;
      picture.innerHTML = drawn(points, now, before);
      const kept = row.tokens.slice(0, point.budget), lost = row.tokens.slice(point.budget);
      const forced = !row.ended || lost.length > 0;
      text.replaceChildren(
        element("span", kept.join("")),
        element("span", forced ? " | time is up | " : " | ended by itself | ", `color:${ORANGE}`),
        element("b", answer, `color:${right ? BLUE : ORANGE}`),
        element("span", right ? " right" : " wrong"),
        element("div", lost.length ? `never thought: ${lost.join("")}` : "", `color:${GREY}`));
    }

    slider.addEventListener("input", () => { before = now; now = Number(slider.value); render(); });
    select.addEventListener("change", () => { chosen = select.selectedIndex; render(); });
    box.curve = () => points;
    render();
  }

  document.querySelectorAll(".r1lab-budget:not([data-alive])").forEach((box) => {
    box.dataset.alive = "yes";
    start(box);
  });
})();
