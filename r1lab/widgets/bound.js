/* The bound slider without a kernel: every `.r1lab-bound` on the page that is not alive yet. Its
   data-state holds the verdict of each claim at 41 places, made by r1lab.claims.bounds. */
(() => {
  const WIDE = 640, HIGH = 190, LEFT = 34, TOP = 8, FOOT = 24;

  function start(box) {
    const state = JSON.parse(box.dataset.state), ids = Object.keys(state.letters);
    const order = Object.keys(state.words), last = state.letters[ids[0]].length - 1;
    const middle = last / 2;
    const count = (letter, i) => ids.filter((id) => state.letters[id][i] === letter).length;
    const x = (i) => LEFT + (WIDE - LEFT - 40) * i / last;
    const y = (n) => TOP + (HIGH - TOP - FOOT) * (1 - n / ids.length);

    function areas() {
      const below = Array(last + 1).fill(0);
      return order.map((letter) => {
        const under = below.map((n, i) => `${x(i)},${y(n)}`);
        below.forEach((_, i) => { below[i] += count(letter, i); });
        const over = below.map((n, i) => `${x(i)},${y(n)}`).reverse();
        return `<polygon points="${under.concat(over).join(" ")}" fill="${state.colours[letter]}"
          opacity="0.85"/>`;
      }).join("");
    }

    const ticks = state.ticks.map((word, k) => `<text x="${x(k * middle)}" y="${HIGH - 6}"
      text-anchor="${["start", "middle", "end"][k]}">${word}</text>`).join("");
    const sides = [0, ids.length].map((n) => `<text x="${LEFT - 6}" y="${y(n) + 4}"
      text-anchor="end">${n}</text>`).join("");
    const line = (i, more) => `<line x1="${x(i)}" x2="${x(i)}" y1="${TOP - 6}" y2="${HIGH - FOOT}"
      ${more}/>`;
    const still = areas();
    box.innerHTML = `<div class="claim" style="font-weight:bold"></div><div class="picture"></div>
      <input type="range" min="0" max="${last}" value="${middle}" aria-label="how much is asked"
      style="width:${WIDE - LEFT - 40 + 14}px;margin:0 0 6px ${LEFT - 7}px"><div class="chips"></div>`;
    const paint = (i) => {
      box.querySelector(".picture").innerHTML = `<svg viewBox="0 0 ${WIDE} ${HIGH}" width="${WIDE}"
        height="${HIGH}" font-size="11" font-family="sans-serif" role="img"
        aria-label="verdicts against the bound">${still}${ticks}${sides}
        ${line(middle, 'stroke="#fff" stroke-dasharray="4 3"')}
        ${line(i, 'class="now" stroke="#000" stroke-width="2"')}</svg>`;
      const place = i <= middle ? `${Math.round(100 * i / middle)} % of what was asked`
        : `${Math.round(100 * (i - middle) / middle)} % of the way from asked to the most`;
      box.querySelector(".claim").textContent = `${place}: ` + [...order].map((letter) =>
        `${count(letter, i)} ${state.words[letter]}`).join(", ");
      box.querySelector(".chips").innerHTML = ids.map((id) => {
        const now = state.letters[id][i], was = state.letters[id][middle];
        const words = now === was ? now : `${was} → ${now}`;
        return `<span class="chip" title="${state.statements[id].replaceAll('"', "&quot;")}"
          style="display:inline-block;margin:0 5px 5px 0;padding:1px 6px;border-left:9px solid
          ${state.colours[now]};background:${now === was ? "#f3f3f3" : "#FFF1C9"}">${id}
          ${words}</span>`;
      }).join("");
    };
    box.querySelector("input").addEventListener("input",
      (event) => paint(Number(event.target.value)));
    box.dataset.live = "1";
    paint(middle);
  }

  document.querySelectorAll(".r1lab-bound:not([data-live])").forEach(start);
})();
