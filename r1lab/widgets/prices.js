/* The compute ledger without a kernel: every `.r1lab-prices` on the page that is not alive yet. Its
   data-state holds the curve, the rows, prices and shares; `element.now()` gives bills and winners,
   which a test compares with Python's. Names are set as text, never as HTML. */
(() => {
  const COLOURS = ["#0072B2", "#E69F00", "#009E73"], GREY = "#777777";
  const WIDE = 640, HIGH = 250, LEFT = 46, FOOT = 38, TOP = 10, RIGHT = 12;

  const bill = (row, price, shared) => row.student + price * (row.training / shared + row.asking);

  function bought(curve, spent) {
    const reached = curve.filter(([soFar]) => soFar <= spent);
    const right = (reached.length ? reached.at(-1) : curve[0])[1];
    return { right, beyond: spent > curve.at(-1)[0] };
  }

  function found(data, price, shared) {
    return data.rows.map((row) => {
      const spent = bill(row, price, shared), { right, beyond } = bought(data.curve, spent);
      return { name: row.name, spent, taught: row.right, right, beyond };
    });
  }

  function drawn(data, rows, before) {
    const all = data.rows.flatMap((row) => data.prices.map((price) => bill(row, price, 1)));
    const least = Math.log10(Math.min(...all, ...data.curve.slice(1).map(([soFar]) => soFar)));
    const most = Math.log10(Math.max(...all, data.curve.at(-1)[0]));
    const x = (value) => LEFT + (WIDE - LEFT - RIGHT) *
      (Math.log10(Math.max(value, 10 ** least)) - least) / (most - least);
    const y = (share) => TOP + (HIGH - TOP - FOOT) * (1 - share / 100);
    const line = (points) => points.map(([a, b]) => `${x(a)},${y(b)}`).join(" ");
    const ticks = [0, 25, 50, 75, 100].map((s) => `<line x1="${LEFT}" x2="${WIDE - RIGHT}" y1="${y(s)}"
      y2="${y(s)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(s) + 4}" text-anchor="end">${s}</text>`);
    const below = [0.01, 0.1, 1, 10, 100].filter((v) => Math.log10(v) >= least && Math.log10(v) <= most)
      .map((v) => `<text x="${x(v)}" y="${HIGH - FOOT + 16}" text-anchor="middle">${v}</text>`);
    const last = data.curve.at(-1);
    const on = `<polyline points="${line([last, [10 ** most, last[1]]])}" fill="none" stroke="${GREY}"
      stroke-dasharray="4 4"/>`;
    const dots = rows.map((one, i) => {
      const colour = COLOURS[i % COLOURS.length];
      const old = before ? `<circle class="ghost" cx="${x(before[i].spent)}" cy="${y(one.taught)}" r="7"
        fill="none" stroke="${GREY}" stroke-dasharray="3 2"/>` : "";
      return `${old}<line x1="${x(one.spent)}" x2="${x(one.spent)}" y1="${y(one.taught)}"
        y2="${y(one.right)}" stroke="${colour}"/><circle class="now" cx="${x(one.spent)}"
        cy="${y(one.taught)}" r="6" fill="${colour}"/>`;
    });
    return `<svg viewBox="0 0 ${WIDE} ${HIGH}" width="${WIDE}" height="${HIGH}" font-size="11"
      role="img" aria-label="percent right against the bill" font-family="sans-serif">
      ${ticks.join("")}${below.join("")}<polyline points="${line(data.curve)}" fill="none"
      stroke="${GREY}" stroke-width="2"/>${on}${dots.join("")}
      <text x="${WIDE / 2}" y="${HIGH - 4}" text-anchor="middle" fill="#555">bill, log axis; up: right,
      %; grey: reinforcement learning, dashed beyond its longest run</text></svg>`;
  }

  function element(name, words, style = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.style.cssText = style;
    return made;
  }

  function slider(words, values, at) {
    const label = element("label", "", "display:inline-block;margin-right:18px");
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: 0, max: values.length - 1, value: at });
    input.setAttribute("aria-label", words);
    const shown = element("b", "");
    label.append(element("span", `${words} `), input, shown);
    return { label, input, shown, value: () => values[Number(input.value)] };
  }

  function start(box) {
    const data = JSON.parse(box.dataset.state);
    const price = slider("price of the teacher's work", data.prices, data.prices.indexOf(1));
    const shared = slider("students that share the teacher", data.shares, 0);
    const picture = element("div", ""), list = element("div", "", "line-height:1.6");
    box.replaceChildren(price.label, shared.label, picture, list);
    let before = null, rows = found(data, price.value(), shared.value());

    function render() {
      price.shown.textContent = ` ${price.value()}`;
      shared.shown.textContent = ` ${shared.value()}`;
      picture.innerHTML = drawn(data, rows, before);
      list.replaceChildren(...rows.map((one, i) => {
        const ahead = one.taught - one.right, line = element("div", "");
        const who = ahead > 0 ? "the taught one" : "reinforcement learning";
        const more = one.beyond ? " (its longest run)" : "";
        line.append(element("span", "● ", `color:${COLOURS[i % COLOURS.length]}`),
          element("span", `${one.name}: bill ${one.spent.toFixed(2)} ${data.unit}, right ` +
            `${one.taught.toFixed(1)} %; reinforcement learning for the same: ` +
            `${one.right.toFixed(1)} %${more}. Ahead: `),
          element("b", who), element("span", `, by ${Math.abs(ahead).toFixed(1)} points`));
        return line;
      }));
    }

    for (const one of [price, shared]) {
      one.input.addEventListener("input", () => {
        before = rows;
        rows = found(data, price.value(), shared.value());
        render();
      });
    }
    box.now = () => rows;
    render();
  }

  document.querySelectorAll(".r1lab-prices:not([data-alive])").forEach((box) => {
    box.dataset.alive = "yes";
    start(box);
  });
})();
