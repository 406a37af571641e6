"""Each page in headless Chromium: nothing breaks, nothing is fetched, everybody can read it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from designed import made_design

from rule_id.evaluation import Evaluation
from rule_id.models import Identification
from rule_id.reports import Page as Document
from rule_id.reports import design_page, evaluation_page, identification_page

CHROMIUM = shutil.which("chromium")
AXE = find_spec("axe_core_python")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

COMPLAINTS = """
const complaints = [];
addEventListener("error", (event) => complaints.push(event.message));
addEventListener("securitypolicyviolation", (event) => complaints.push(event.blockedURI));
const note = (found) => { document.body.dataset.note = JSON.stringify({...found, complaints}); };
"""

# Clicks every heading of every table twice, and notes the columns that are then out of order: text
# by the alphabet, numbers by size, and in both directions what is no number last.
SORTS = """
addEventListener("load", () => {
  const found = {tables: 0, columns: 0, wrong: []};
  const value = (cell) => {
    const text = (cell.firstChild?.textContent ?? "").trim();
    return cell.classList.contains("number") ? parseFloat(text.replace(/,/g, "")) : text;
  };
  const ordered = (a, b, sign) => {
    if (typeof a === "string") return sign * a.localeCompare(b) <= 0;
    return Number.isNaN(b) || (!Number.isNaN(a) && sign * (a - b) <= 0);
  };
  for (const table of document.querySelectorAll("table")) {
    found.tables += 1;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      found.columns += 1;
      for (const [order, sign] of [["ascending", 1], ["descending", -1]]) {
        head.querySelector("button").click();
        const values = [...table.tBodies[0].rows].map((row) => value(row.cells[column]));
        const right = values.every((b, k) => k === 0 || ordered(values[k - 1], b, sign));
        if (!right || head.getAttribute("aria-sort") !== order) {
          found.wrong.push([table.caption.textContent, head.textContent, order]);
        }
      }
    });
  }
  note(found);
});
"""

# Clicks a heading twice, and notes the column each time.
CLICKS = """
addEventListener("load", () => {
  const table = document.querySelector("#table-network").closest("table");
  const rows = table.tBodies[0].rows;
  const column = () => [...rows].map((row) => parseFloat(row.cells[3].textContent));
  const found = {before: column()};
  table.tHead.rows[0].cells[3].querySelector("button").click();
  found.up = column();
  table.tHead.rows[0].cells[3].querySelector("button").click();
  found.down = column();
  found.sorted = table.tHead.rows[0].cells[3].getAttribute("aria-sort");
  note(found);
});
"""

READ = """
addEventListener("load", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  note({
    fetched: performance.getEntriesByType("resource").map((one) => one.name),
    unnamed: [...document.querySelectorAll("figure svg")].filter(
      (svg) => !svg.getAttribute("aria-label")).length,
    figures: document.querySelectorAll("figure svg").length,
    alerted: document.body.dataset.alerted || "",
    wide: document.documentElement.scrollWidth - innerWidth,
  });
});
"""

CHECKS = """
addEventListener("load", async () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const found = await axe.run();
  note({violations: found.violations.map((one) => [one.impact, one.id, one.nodes[0].html])});
});
"""


PAGES = ("evaluation", "answer", "design", "report")


@pytest.fixture(scope="module")
def pages(
    evaluation: Evaluation, answer: Identification, full_report: Document
) -> dict[str, Document]:
    found = (
        evaluation_page(evaluation),
        identification_page(answer),
        design_page(made_design(True)),
        full_report,
    )
    return dict(zip(PAGES, found, strict=True))


def in_browser(text: str, folder: Path, *options: str) -> str:
    """Open a page in headless Chromium and return what it prints."""
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    shared = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    shared += ["--disable-component-update", "--no-first-run", "--virtual-time-budget=9000"]
    shared += [f"--user-data-dir={folder / 'profile'}"]
    command = [str(CHROMIUM), *shared, *options, file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


def ran(page: Document, folder: Path, *scripts: str, width: int = 1280) -> dict[str, Any]:
    """Run scripts before those of the page, which its policy allows by name, and what they note."""
    script = "\n".join([COMPLAINTS, *scripts])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = page.html.replace("script-src ", f"script-src 'sha256-{digest}' ")
    text = text.replace("<head>", f"<head><script>{script}</script>")
    dom = in_browser(text, folder, f"--window-size={width},900", "--dump-dom")
    match = re.search(r'data-note="([^"]*)"', dom)
    assert match
    return dict(json.loads(unescape(match[1])))


def test_a_click_on_a_heading_sorts(pages: dict[str, Document], tmp_path: Path) -> None:
    note = ran(pages["evaluation"], tmp_path, CLICKS)
    assert note["up"] == sorted(note["before"]) and note["down"] == note["up"][::-1]
    assert note["sorted"] == "descending" and note["complaints"] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_table_sorts_by_every_column(
    pages: dict[str, Document], tmp_path: Path, name: str
) -> None:
    note = ran(pages[name], tmp_path, SORTS)
    assert note["tables"] == pages[name].html.count("<table") > 0
    assert note["columns"] > note["tables"]
    assert note["wrong"] == [] and note["complaints"] == []


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_breaks_and_nothing_is_fetched(
    pages: dict[str, Document], tmp_path: Path, name: str, width: int
) -> None:
    note = ran(pages[name], tmp_path, READ, width=width)
    assert note["complaints"] == [] and note["fetched"] == []
    assert note["unnamed"] == 0 and note["figures"] == len(pages[name].pictures) > 0
    # A layer is called <script>, and its script would have said so.
    assert note["alerted"] == ""
    # Tables and figures scroll by themselves; the page does not scroll sideways.
    assert note["wide"] <= 0


@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation(
    pages: dict[str, Document], tmp_path: Path, name: str
) -> None:
    assert AXE is not None and AXE.submodule_search_locations
    axe = Path(AXE.submodule_search_locations[0]) / "axe.min.js"
    note = ran(pages[name], tmp_path, axe.read_text(encoding="utf-8"), CHECKS)
    assert [one for one in note["violations"] if one[0] in ("serious", "critical")] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_printed_with_what_is_folded(
    pages: dict[str, Document], tmp_path: Path, name: str
) -> None:
    printed = tmp_path / "page.pdf"
    in_browser(pages[name].html, tmp_path, f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    document = printed.read_bytes()
    assert document.startswith(b"%PDF-") and re.search(rb"/Type\s*/Page\b", document)
    if (reader := shutil.which("pdftotext")) is None:
        return
    command = [reader, "-layout", str(printed), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    folds = re.findall(r"<details>(.*?)</details>", pages[name].html, re.DOTALL)
    captions = [one for fold in folds for one in re.findall(r"<caption[^>]*>([^<]+)<", fold)]
    shown = " ".join(text.split())
    # Long captions are broken into lines, which other columns may stand between.
    assert captions and all(" ".join(unescape(one).split()[:3]) in shown for one in captions)
