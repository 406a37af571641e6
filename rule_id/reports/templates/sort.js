"use strict";
// Without scripts the tables are complete, only not sortable.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => sortBy(table, heads, column));
  });
}

function sortBy(table, heads, column) {
  const descending = heads[column].getAttribute("aria-sort") === "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => [key(row.cells[column]), row]);
  keyed.sort(([a], [b]) => compare(a, b, descending ? -1 : 1));
  body.replaceChildren(...keyed.map(([, row]) => row));
}

function key(cell) {
  const text = (cell.firstChild?.textContent ?? "").trim();
  return cell.classList.contains("number") ? parseFloat(text.replace(/,/g, "")) : text;
}

// A missing number stays last in both directions.
function compare(a, b, sign) {
  if (typeof a === "string") return sign * a.localeCompare(b);
  if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
  return sign * (a - b);
}

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
