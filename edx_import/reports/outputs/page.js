"use strict";
// Sorts and filters the rows of the one table. Without it, the page shows them as they came.
const table = document.querySelector("table");
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];
const rows = [...body.rows];
const words = new Intl.Collator(undefined, { numeric: true });

function keyOf(row, index, isNumber) {
  const text = row.cells[index].textContent;
  if (text === "") return null;
  if (!isNumber) return text;
  const number = Number(text);
  return Number.isNaN(number) ? null : number;
}

function compared(a, b, isNumber) {
  return isNumber ? a - b || 0 : words.compare(a, b);
}

function sortBy(index, descending) {
  const isNumber = heads[index].classList.contains("n");
  const keyed = rows.map((row, place) => ({ row, place, key: keyOf(row, index, isNumber) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.place - b.place;
    return (descending ? -1 : 1) * compared(a.key, b.key, isNumber) || a.place - b.place;
  });
  body.append(...keyed.map((one) => one.row));
}

heads.forEach((head, index) => {
  head.querySelector("button").addEventListener("click", () => {
    const descending = head.ariaSort === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    sortBy(index, descending);
  });
});

const search = document.querySelector("input[type=search]");
const count = document.querySelector("output");
const all = count.textContent;
let texts = null;

function filter() {
  texts ??= rows.map((row) => [...row.cells].map((cell) => cell.textContent).join("\n").toLowerCase());
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, index) => {
    row.hidden = !wanted.every((word) => texts[index].includes(word));
    shown += !row.hidden;
  });
  count.textContent = wanted.length ? `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows match` : all;
}

search.addEventListener("input", filter);
