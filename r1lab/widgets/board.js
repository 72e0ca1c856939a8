/* Filters for the table of claims: every `.r1lab-board` with data-words on the page that has none
   yet. The rows are there already; this only hides and shows them. */
(() => {
  function start(box) {
    const [head, list] = box.children, rows = [...list.children];
    const chosen = { v: "", l: "", words: "" };
    const verdicts = box.dataset.words.split("|").map((pair) => pair.split("="));
    const lessons = [...new Set(rows.map((row) => row.dataset.l))].sort();
    const count = (key, value) => rows.filter((row) => row.dataset[key] === value).length;
    const bar = document.createElement("div");
    bar.innerHTML = `<button type="button" data-pick="">all ${rows.length}</button>` +
      verdicts.map(([letter, word]) => `<button type="button" data-pick="${letter}">${word}
        ${count("v", letter)}</button>`).join("") +
      `<br><select aria-label="lesson"><option value="">every lesson</option>${lessons.map((l) =>
        `<option value="${l}">lesson ${l} (${count("l", l)})</option>`).join("")}</select>
      <input type="search" placeholder="words or id" aria-label="words or id">
      <span class="shown"></span>`;
    head.after(bar);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const paint = () => {
      let n = 0;
      rows.forEach((row, i) => {
        const fits = (!chosen.v || row.dataset.v === chosen.v) &&
          (!chosen.l || row.dataset.l === chosen.l) && texts[i].includes(chosen.words);
        row.style.display = fits ? "" : "none";
        n += fits;
      });
      bar.querySelector(".shown").textContent = `${n} of ${rows.length} shown`;
      bar.querySelectorAll("button").forEach((b) =>
        b.setAttribute("aria-pressed", b.dataset.pick === chosen.v));
    };
    bar.querySelectorAll("button").forEach((b) => b.addEventListener("click", () => {
      chosen.v = b.dataset.pick;
      paint();
    }));
    bar.querySelector("select").addEventListener("change", (event) => {
      chosen.l = event.target.value;
      paint();
    });
    bar.querySelector("input").addEventListener("input", (event) => {
      chosen.words = event.target.value.trim().toLowerCase();
      paint();
    });
    box.dataset.live = "1";
    paint();
  }

  document.querySelectorAll(".r1lab-board[data-words]:not([data-live])").forEach(start);
})();
