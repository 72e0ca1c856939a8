/* The advantage playground without a kernel: every `.r1lab-playground` on the page that is not
   alive yet. Its data-state holds rewards, lengths, form and the cap. The numbers are those of
   r1lab.losses, which a test compares; `element.numbers(rewards, lengths, form)` gives them. */
(() => {
  const BLUE = "#0072B2", ORANGE = "#E69F00", GREY = "#777777", EPS = 1e-4;
  const ROW = 30, TOP = 28, WIDE = 188, GAP = 10, BOTTOM = 40;
  const SCALED = { "GRPO": true, "Dr. GRPO": false, "DAPO": true };
  const LIMITS = {  // fixed for each form: the most that any setting of eight can reach
    "GRPO": [2.6, 16, 320], "Dr. GRPO": [2.6, 0.6, 120], "DAPO": [2.6, 16, 1500],
  };
  const COLUMNS = [
    ["advantage", "Better than its group?", "advantage", 1, 2],
    ["token", "Push on each token", "weight of a token, thousandths", 1000, 2],
    ["whole", "Push on the whole completion", "token weight x length, thousandths", 1000, 0],
  ];

  function numbers(rewards, lengths, form, cap) {
    const n = rewards.length, sum = (xs) => xs.reduce((a, b) => a + b, 0);
    const mean = sum(rewards) / n;
    const std = Math.sqrt(sum(rewards.map((r) => (r - mean) ** 2)) / (n - 1));
    const silent = rewards.every((r) => r === rewards[0]);
    const advantage = rewards.map((r) =>
      silent ? 0 : (r - mean) / (SCALED[form] ? std + EPS : 1));
    const share = {
      "GRPO": (length) => 1 / (n * length),
      "Dr. GRPO": () => 1 / (n * cap),
      "DAPO": () => 1 / sum(lengths),
    }[form];
    const token = advantage.map((a, i) => a * share(lengths[i]));
    return { advantage, token, whole: token.map((t, i) => t * lengths[i]) };
  }

  function drawn(state, ghost) {
    const rows = state.rewards.length, high = TOP + ROW * rows + BOTTOM;
    const now = numbers(state.rewards, state.lengths, state.form, state.cap);
    const old = ghost && ghost.form === state.form
      ? numbers(ghost.rewards, ghost.lengths, ghost.form, state.cap) : null;
    const parts = COLUMNS.map(([key, title, unit, factor, digits], c) => {
      const left = c * (WIDE + GAP), zero = left + WIDE / 2, limit = LIMITS[state.form][c];
      const reach = (v) => Math.max(-1, Math.min(1, v * factor / limit)) * (WIDE / 2 - 34);
      const bar = (v, i, style) => `<rect x="${zero + Math.min(0, reach(v))}"
        y="${TOP + ROW * i + 6}" width="${Math.abs(reach(v))}" height="18" ${style}/>`;
      const text = (x, y, words, more = "") => `<text x="${x}" y="${y}" ${more}>${words}</text>`;
      const bars = now[key].map((v, i) => {
        const side = v < 0 ? -1 : 1, shown = (v * factor).toFixed(digits);
        const label = (v > 0 ? "+" : "") + (Number(shown) === 0 ? (0).toFixed(digits) : shown);
        const end = side * Math.max(side * reach(v), old ? side * reach(old[key][i]) : 0);
        return bar(v, i, `class="now" fill="${state.rewards[i] ? BLUE : ORANGE}"`) +
          (old ? bar(old[key][i], i, `class="ghost" fill="none" stroke="${GREY}"
            stroke-dasharray="3 2"`) : "") +
          text(zero + end + 4 * side, TOP + ROW * i + 19, label,
            `font-size="11" text-anchor="${side < 0 ? "end" : "start"}"`);
      });
      const foot = TOP + ROW * rows;
      const edges = [-1, 1].map((k) => zero + k * (WIDE / 2 - 34)).map((x) => `<line x1="${x}"
        x2="${x}" y1="${TOP}" y2="${foot}" stroke="#ddd"/>`);
      return text(left, 16, title, 'font-size="13"') + edges.join("") +
        `<line x1="${zero}" x2="${zero}" y1="${TOP}" y2="${foot}" stroke="${GREY}"/>` +
        bars.join("") + [-1, 0, 1].map((k) => text(zero + k * (WIDE / 2 - 34), foot + 16,
          (k * limit).toString(), 'font-size="11" text-anchor="middle" class="tick"')).join("") +
        text(zero, foot + 33, unit, 'font-size="11" text-anchor="middle" fill="#555"');
    });
    const wide = 3 * (WIDE + GAP);
    return `<svg viewBox="0 0 ${wide} ${high}" width="${wide}" height="${high}"
      role="img" style="max-width:none"
      aria-label="Advantage and pushes of each completion"
      font-family="sans-serif">${parts.join("")}</svg>`;
  }

  function claim(state, ghost) {
    const n = state.rewards.length, right = state.rewards.filter((r) => r > 0).length;
    const silent = right % n === 0 ? ": all equal, this group teaches nothing" : "";
    const hint = ghost ? "dashed: before your last change"
      : "click who is right, drag how long each completion is";
    return `<b>${state.form}: ${right} of ${n} right${silent}</b> (${hint})`;
  }

  function start(box) {
    const state = JSON.parse(box.dataset.state);
    let ghost = null, dragging = false;
    const copy = () => ({ ...state, rewards: [...state.rewards], lengths: [...state.lengths] });
    const plain = "font:13px sans-serif;color:#000;background:#fff;border:1px solid #999;" +
      "border-radius:4px;padding:2px 8px;margin:0 4px 0 0;cursor:pointer;";
    const button = (words, at) => `<button type="button" ${at} style="${plain}">${words}</button>`;
    box.innerHTML = `<div>${Object.keys(LIMITS).map((f) => button(f, `data-form="${f}"`)).join("")}
      <span class="claim" style="margin-left:10px"></span></div>
      <div style="display:flex;margin-top:6px"><div style="flex:none;width:250px;
      padding-top:${TOP}px">${state.rewards.map((_, i) => `<div style="height:${ROW}px;display:flex;
      align-items:center">${button("", `data-row="${i}"`)}<input type="range" min="20" step="10"
      max="${state.cap}" value="${state.lengths[i]}" data-length="${i}" style="width:90px;margin:0"
      aria-label="tokens of completion ${i + 1}"><span data-tokens="${i}"
      style="margin-left:6px"></span></div>`).join("")}</div><div class="picture"></div></div>`;
    const all = (selector) => [...box.querySelectorAll(selector)];
    const paint = () => {
      box.querySelector(".picture").innerHTML = drawn(state, ghost);
      box.querySelector(".claim").innerHTML = claim(state, ghost);
      all("[data-form]").forEach((b) => {
        b.style.background = b.dataset.form === state.form ? "#ddd" : "#fff";
      });
      all("[data-row]").forEach((b, i) => {
        b.textContent = `${i + 1}: ${state.rewards[i] ? "right" : "wrong"}`;
        b.style.borderColor = state.rewards[i] ? BLUE : ORANGE;
        b.style.width = "76px";
      });
      all("[data-tokens]").forEach((s, i) => { s.textContent = `${state.lengths[i]} tokens`; });
    };
    const change = (act) => { ghost = copy(); act(); paint(); };
    all("[data-form]").forEach((b) => b.addEventListener("click",
      () => change(() => { state.form = b.dataset.form; })));
    all("[data-row]").forEach((b, i) => b.addEventListener("click",
      () => change(() => { state.rewards[i] = state.rewards[i] ? 0 : 1; })));
    all("[data-length]").forEach((s, i) => {
      s.addEventListener("input", () => {  // while it is dragged: the ghost is where it began
        if (!dragging) ghost = copy();
        dragging = true;
        state.lengths[i] = Number(s.value);
        paint();
      });
      s.addEventListener("change", () => { dragging = false; });
    });
    box.numbers = (rewards, lengths, form) => numbers(rewards, lengths, form, state.cap);
    box.dataset.live = "1";
    paint();
  }

  document.querySelectorAll(".r1lab-playground:not([data-live])").forEach(start);
})();
