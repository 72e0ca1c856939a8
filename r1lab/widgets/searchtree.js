/* The search tree without a kernel: every `.r1lab-searchtree` on the page that is not alive yet. Its
   data-state holds the states of one problem; `element.tree()` gives visits and totals, which a test
   compares with Python's. All words are set as text, never as HTML. */
(() => {
  const BLUE = "#0072B2", ORANGE = "#E69F00", GREY = "#777777";

  function fresh(data) {
    const zero = () => data.nodes.map(() => 0);
    return { visits: zero(), total: zero(), asked: data.nodes.map(() => false),
      done: data.nodes.map(() => false), path: [], count: 0, won: false };
  }

  function simulate(data, tree, how) {
    const nodes = data.nodes, mean = (i) => tree.total[i] / tree.visits[i];
    const path = [0];
    while (tree.asked[path.at(-1)] && nodes[path.at(-1)].children.length) {
      const here = path.at(-1), children = nodes[here].children;
      let best = -1, most = -Infinity;
      for (const child of children.filter((c) => !tree.done[c])) {
        const prior = how.prior === "base" ? nodes[child].prior : 1 / children.length;
        const known = tree.visits[child] ? mean(child) : mean(here);
        const bound = known + (how.explore * prior * Math.sqrt(tree.visits[here])) /
          (1 + tree.visits[child]);
        if (bound > most) { best = child; most = bound; }
      }
      path.push(best);
    }
    const leaf = nodes[path.at(-1)], end = !leaf.children.length;
    const worth = end ? leaf.worth.exact : how.value === "nothing" ? 0.5 : leaf.worth[how.value];
    tree.asked[path.at(-1)] = true;
    for (const i of path) { tree.visits[i] += 1; tree.total[i] += worth; }
    for (const i of [...path].reverse()) tree.done[i] = nodes[i].children.every((c) => tree.done[c]);
    tree.path = path;
    tree.count += 1;
    tree.won = end && worth === 1;
  }

  function element(name, words, style = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.style.cssText = style;
    return made;
  }

  function choice(name, options, chosen, then) {
    const label = element("label", `${name} `, "margin-right:10px");
    const select = document.createElement("select");
    select.setAttribute("aria-label", name);
    for (const [value, words] of options) {
      const option = element("option", words);
      option.value = value;
      option.selected = value === chosen;
      select.append(option);
    }
    select.addEventListener("change", () => then(select.value));
    label.append(select);
    return label;
  }

  function start(box) {
    const data = JSON.parse(box.dataset.state);
    const how = { explore: data.explore[1], value: "learned", prior: "base" };
    let tree = fresh(data);
    const claim = element("b", ""), list = element("div", "", "margin-top:6px;font-size:12px");
    claim.setAttribute("aria-live", "polite");
    const buttons = [["one simulation", 1], ["ten", 10], ["until it is found", 1000]].map(([w, n]) => {
      const made = element("button", w, "margin-right:6px");
      made.addEventListener("click", () => { grow(n); });
      return made;
    });
    const again = element("button", "from the start");
    again.addEventListener("click", () => { tree = fresh(data); render(); });
    const restart = (key) => (value) => {
      how[key] = key === "explore" ? Number(value) : value;
      tree = fresh(data);
      render();
    };
    const choices = element("div", "", "margin:6px 0");
    choices.append(
      choice("value", [["learned", "the learned judge"], ["exact", "exact"],
        ["nothing", "one half everywhere"]], how.value, restart("value")),
      choice("prior", [["base", "the base"], ["alike", "all alike"]], how.prior, restart("prior")),
      choice("exploration c", data.explore.map((c) => [String(c), String(c)]), String(how.explore),
        restart("explore")));
    box.replaceChildren(claim, choices, ...buttons, again, list);

    function grow(n) {
      for (let i = 0; i < n && !tree.won && !tree.done[0]; i += 1) simulate(data, tree, how);
      render();
    }

    function row(i, depth) {
      const node = data.nodes[i], last = tree.path.includes(i), visits = tree.visits[i];
      const line = element("div", "", `margin-left:${22 * depth}px;white-space:nowrap`);
      line.append(element("span", node.step, `display:inline-block;min-width:96px;
        font-family:monospace;color:${last ? ORANGE : "#000"};font-weight:${last ? 700 : 400}`));
      const wide = Math.round((140 * visits) / Math.max(1, tree.visits[0]));
      line.append(element("span", "", `display:inline-block;width:${wide}px;height:9px;
        background:${BLUE};margin-right:6px`));
      line.append(element("span", `visits ${visits}, value ${(tree.total[i] / visits).toFixed(2)}, ` +
        `prior ${node.prior.toFixed(3)}; truth: ${node.worth.exact ? "good" : "dead"}` +
        `${tree.done[i] ? ", closed" : ""}`, `color:${GREY}`));
      list.append(line);
      const children = node.children.filter((c) => tree.visits[c]);
      children.sort((a, b) => tree.visits[b] - tree.visits[a]).forEach((c) => row(c, depth + 1));
      const rest = node.children.length - children.length;
      if (tree.asked[i] && rest) {
        list.append(element("div", `${rest} more, not visited`,
          `margin-left:${22 * (depth + 1)}px;color:${GREY}`));
      }
    }

    function render() {
      claim.textContent = tree.won
        ? `Found after ${tree.count} simulations: ${data.nodes[tree.path.at(-1)].step}`
        : tree.done[0] ? `Nothing to be found: all states were seen in ${tree.count} simulations`
          : `${tree.count} simulations`;
      list.replaceChildren();
      if (tree.visits[0]) row(0, 0);
      else list.append(element("div", "No state was asked yet.", `color:${GREY}`));
    }

    box.tree = () => ({ visits: tree.visits, total: tree.total, won: tree.won, count: tree.count });
    box.grow = grow;
    render();
  }

  document.querySelectorAll(".r1lab-searchtree:not([data-alive])").forEach((box) => {
    box.dataset.alive = "yes";
    start(box);
  });
})();
