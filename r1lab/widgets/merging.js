/* The merge slider without a kernel: every `.r1lab-merging` on the page that is not alive yet. Its
   data-state holds problems and steps; `element.chord(tokens)` gives the coin's share, which a test
   compares with Python's. What a model wrote is set as text, never as HTML. */
(() => {
  const BLUE = "#0072B2", ORANGE = "#E69F00", GREY = "#777777";
  const WIDE = 420, HIGH = 250, LEFT = 46, FOOT = 38, TOP = 10;

  function chord(steps, tokens) {
    const [a, b] = [steps[0], steps.at(-1)].sort((x, y) => x.tokens - y.tokens);
    const share = a.tokens === b.tokens ? 0 : (tokens - a.tokens) / (b.tokens - a.tokens);
    return a.right + Math.min(1, Math.max(0, share)) * (b.right - a.right);
  }

  function drawn(steps, now, before) {
    const most = 1.08 * Math.max(...steps.map((s) => s.tokens));
    const x = (t) => LEFT + (WIDE - LEFT - 12) * t / most;
    const y = (share) => TOP + (HIGH - TOP - FOOT) * (1 - share / 100);
    const line = steps.map((s) => `${x(s.tokens)},${y(s.right)}`).join(" ");
    const levels = [0, 25, 50, 75, 100].map((s) => `<line x1="${LEFT}" x2="${WIDE - 12}" y1="${y(s)}"
      y2="${y(s)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(s) + 4}" text-anchor="end">${s}</text>`);
    const unit = most > 300 ? 100 : 50, ticks = [];
    for (let t = 0; t <= most; t += unit) ticks.push(`<text x="${x(t)}" y="${HIGH - FOOT + 16}"
      text-anchor="middle">${t}</text>`);
    const dots = steps.map((s) => `<circle cx="${x(s.tokens)}" cy="${y(s.right)}" r="3" fill="${BLUE}"/>`);
    const [one, other] = [steps[0], steps.at(-1)];
    const coin = `<line x1="${x(one.tokens)}" y1="${y(one.right)}" x2="${x(other.tokens)}"
      y2="${y(other.right)}" stroke="${GREY}" stroke-dasharray="5 3"/>`;
    const at = (s, style) => `<circle cx="${x(s.tokens)}" cy="${y(s.right)}" r="8" ${style}/>`;
    const ghost = before === null ? "" : at(steps[before],
      `class="ghost" fill="none" stroke="${GREY}" stroke-dasharray="3 2"`);
    return `<svg viewBox="0 0 ${WIDE} ${HIGH}" width="${WIDE}" height="${HIGH}" font-size="11"
      role="img" aria-label="right answers against mean tokens, and the coin between the parents"
      font-family="sans-serif">${levels.join("")}${ticks.join("")}${coin}<polyline points="${line}"
      fill="none" stroke="${BLUE}" stroke-width="2"/>${dots.join("")}${ghost}
      ${at(steps[now], `class="now" fill="none" stroke="${ORANGE}" stroke-width="3"`)}
      <text x="${WIDE / 2}" y="${HIGH - 5}" text-anchor="middle" fill="#555">mean tokens; up: right, %;
      dashed: a coin between the parents</text></svg>`;
  }

  function element(name, words, style = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.style.cssText = style;
    return made;
  }

  function start(box) {
    const data = JSON.parse(box.dataset.state), steps = data.steps;
    let now = steps.length - 1, before = null, chosen = 0;
    const slider = document.createElement("input"), select = document.createElement("select");
    Object.assign(slider, { type: "range", min: 0, max: steps.length - 1, value: now });
    slider.setAttribute("aria-label", "alpha, the share of the long parent");
    select.setAttribute("aria-label", "problem");
    data.problems.forEach((problem) => select.append(element("option", problem)));
    const claim = element("b", ""), picture = element("div", ""), text = element("div", "",
      "max-width:720px;line-height:1.5;font-family:monospace;font-size:12px;margin-top:6px");
    const label = element("label", "short parent ");
    label.append(slider, element("span", " long parent"));
    box.replaceChildren(claim, element("br", ""), label, element("span", " "), select, picture, text);

    function render() {
      const step = steps[now], [answer, tokens, right] = step.answers[chosen];
      claim.textContent = `alpha ${step.alpha}: ${step.right.toFixed(0)} % of ` +
        `${data.problems.length} right with ${step.tokens.toFixed(0)} tokens; a coin gets ` +
        `${chord(steps, step.tokens).toFixed(0)} %`;
      slider.setAttribute("aria-valuetext", `alpha ${step.alpha}`);
      picture.innerHTML = drawn(steps, now, before);
      text.replaceChildren(element("span", answer), element("b",
        ` ${right ? "right" : "wrong"}, ${tokens} tokens`, `color:${right ? BLUE : ORANGE}`));
    }

    slider.addEventListener("input", () => { before = now; now = Number(slider.value); render(); });
    select.addEventListener("change", () => { chosen = select.selectedIndex; render(); });
    box.chord = (tokens) => chord(steps, tokens);
    render();
  }

  document.querySelectorAll(".r1lab-merging:not([data-alive])").forEach((box) => {
    box.dataset.alive = "yes";
    start(box);
  });
})();
