/* The clock of partial rollouts without a kernel: every `.r1lab-pieces` on the page that is not
   alive yet. Its data-state holds the lengths of all completions; `element.schedule(piece)` gives
   what Python's `schedule` gives, which a test compares. */
(() => {
  const AGES = ["#0072B2", "#E69F00", "#D55E00", "#999999"], AHEAD = 2;
  const NAMES = ["by the policy that learns", "one update older", "two older", "more"];
  const WIDE = 640, HIGH = 250, LEFT = 12, FOOT = 34, TOP = 8;

  function schedule(groups, updates, piece, ahead) {
    const n = Math.floor(groups.length / updates), left = groups.map((g) => [...g]);
    const first = groups.map((_, g) => groups.slice(0, g).reduce((s, x) => s + x.length, 0));
    const segments = [], times = [], born = groups.map(() => []), learns = {};
    let under = [], begun = 0, clock = 0, old = 0, done = 0;
    while (done < updates) {
      while (under.length < ahead * n && begun < groups.length) under.push(begun++);
      const rows = [];
      under.forEach((g) => left[g].forEach((rest, i) => { if (rest) rows.push([g, i]); }));
      let longest = 0;
      rows.forEach(([g, i]) => {
        const tokens = Math.min(piece, left[g][i]);
        segments.push([first[g] + i, clock, tokens, done]);
        born[g].push([done, tokens]);
        longest = Math.max(longest, tokens);
        left[g][i] -= tokens;
      });
      clock += longest;
      const ready = under.filter((g) => left[g].every((rest) => rest === 0)).slice(0, n);
      if (ready.length === n) {
        ready.forEach((g) => {
          born[g].forEach(([at, tokens]) => { if (at < done) old += tokens; });
          groups[g].forEach((_, i) => { learns[first[g] + i] = done; });
        });
        under = under.filter((g) => !ready.includes(g));
        times.push(clock);
        done += 1;
      }
    }
    const all = groups.flat().reduce((a, b) => a + b, 0);
    return { segments, times, steps: clock, old: old / all, learns };
  }

  function drawn(found, data, rows, before) {
    const end = Math.max(data.whole, found.steps);
    const x = (t) => LEFT + ((WIDE - LEFT - 12) * t) / end;
    const high = (HIGH - TOP - FOOT) / rows, y = (row) => TOP + row * high;
    const bars = found.segments.map(([row, at, tokens, made]) => {
      const age = Math.min(found.learns[row] - made, AGES.length - 1);
      return `<rect x="${x(at)}" y="${y(row)}" width="${Math.max(0.5, x(at + tokens) - x(at))}"
        height="${0.8 * high}" fill="${AGES[age]}"/>`;
    });
    const lines = found.times.map((t) => `<line x1="${x(t)}" x2="${x(t)}" y1="${TOP}"
      y2="${HIGH - FOOT}" stroke="#bbb"/>`);
    const mark = (t, words, style) => `<line x1="${x(t)}" x2="${x(t)}" y1="${TOP}"
      y2="${HIGH - FOOT + 6}" ${style}/><text x="${x(t) - 4}" y="${HIGH - FOOT + 17}"
      text-anchor="end">${words}</text>`;
    const ghost = before === null ? "" : `<line class="ghost" x1="${x(before)}" x2="${x(before)}"
      y1="${TOP}" y2="${HIGH - FOOT + 6}" stroke="#777" stroke-dasharray="3 2"/>`;
    return `<svg viewBox="0 0 ${WIDE} ${HIGH}" width="${WIDE}" height="${HIGH}" font-size="11"
      role="img" aria-label="each completion as a bar over decoding steps" font-family="sans-serif">
      ${lines.join("")}${bars.join("")}${ghost}
      ${mark(data.whole, `whole: ${data.whole}`, 'stroke="#222" stroke-dasharray="5 3"')}
      ${mark(data.many, `whole, twice as many at once: ${data.many}`,
    'stroke="#222" stroke-dasharray="1 3"')}
      <text x="${LEFT}" y="${HIGH - 4}" fill="#555">decoding steps, one after the other; a row is a
      completion, a grey line an update</text></svg>`;
  }

  function element(name, words, style = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.style.cssText = style;
    return made;
  }

  function start(box) {
    const data = JSON.parse(box.dataset.state), rows = data.groups.flat().length;
    let now = Math.min(3, data.pieces.length - 1), before = null;
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: data.pieces.length - 1, value: now });
    slider.setAttribute("aria-label", "tokens a piece");
    const claim = element("b", ""), picture = element("div", ""), label = element("label", "piece ");
    label.append(slider);
    const legend = element("div", "", "font-size:12px");
    AGES.forEach((colour, i) => legend.append(
      element("span", "", `display:inline-block;width:9px;height:9px;background:${colour}`),
      element("span", ` ${NAMES[i]}  `)));
    box.replaceChildren(claim, element("br", ""), label, legend, picture);
    const at = (piece) => schedule(data.groups, data.updates, piece, AHEAD);

    function render() {
      const piece = data.pieces[now], found = at(piece);
      const saved = 100 * (1 - found.steps / data.whole);
      claim.textContent = `${piece} tokens at a time: ${found.steps} decoding steps in the place of ` +
        `${data.whole}, ${saved.toFixed(0)} % saved (whole completions, as many at once: ` +
        `${data.many}); ${(100 * found.old).toFixed(0)} % of the tokens are older than the policy ` +
        "that learns from them";
      picture.innerHTML = drawn(found, data, rows, before);
    }

    slider.addEventListener("input", () => {
      before = at(data.pieces[now]).steps;
      now = Number(slider.value);
      render();
    });
    box.schedule = (piece) => at(piece);
    render();
  }

  document.querySelectorAll(".r1lab-pieces:not([data-alive])").forEach((box) => {
    box.dataset.alive = "yes";
    start(box);
  });
})();
