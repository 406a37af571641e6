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

from rule_id.evaluation import Evaluation
from rule_id.models import Identification
from rule_id.reports import Page as Document
from rule_id.reports import evaluation_page, identification_page

CHROMIUM = shutil.which("chromium")
AXE = find_spec("axe_core_python")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

COMPLAINTS = """
const complaints = [];
addEventListener("error", (event) => complaints.push(event.message));
addEventListener("securitypolicyviolation", (event) => complaints.push(event.blockedURI));
const note = (found) => { document.body.dataset.note = JSON.stringify({...found, complaints}); };
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


@pytest.fixture(scope="module")
def pages(evaluation: Evaluation, answer: Identification) -> dict[str, Document]:
    return {"evaluation": evaluation_page(evaluation), "answer": identification_page(answer)}


def ran(page: Document, folder: Path, *scripts: str, width: int = 1280) -> dict[str, Any]:
    """Run scripts before those of the page, which its policy allows by name, and what they note."""
    script = "\n".join([COMPLAINTS, *scripts])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = page.html.replace("script-src ", f"script-src 'sha256-{digest}' ")
    text = text.replace("<head>", f"<head><script>{script}</script>")
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += ["--disable-component-update", "--no-first-run", "--virtual-time-budget=9000"]
    options += [f"--window-size={width},900", f"--user-data-dir={folder / 'profile'}"]
    command = [str(CHROMIUM), *options, "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    match = re.search(r'data-note="([^"]*)"', dom)
    assert match
    return dict(json.loads(unescape(match[1])))


def test_a_click_on_a_heading_sorts(pages: dict[str, Document], tmp_path: Path) -> None:
    note = ran(pages["evaluation"], tmp_path, CLICKS)
    assert note["up"] == sorted(note["before"]) and note["down"] == note["up"][::-1]
    assert note["sorted"] == "descending" and note["complaints"] == []


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("name", ["evaluation", "answer"])
def test_nothing_breaks_and_nothing_is_fetched(
    pages: dict[str, Document], tmp_path: Path, name: str, width: int
) -> None:
    note = ran(pages[name], tmp_path, READ, width=width)
    assert note["complaints"] == [] and note["fetched"] == []
    assert note["unnamed"] == 0 and note["figures"] == len(pages[name].pictures) > 2
    # A layer is called <script>, and its script would have said so.
    assert note["alerted"] == ""
    # Tables and figures scroll by themselves; the page does not scroll sideways.
    assert note["wide"] <= 0


@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
@pytest.mark.parametrize("name", ["evaluation", "answer"])
def test_axe_finds_no_serious_violation(
    pages: dict[str, Document], tmp_path: Path, name: str
) -> None:
    assert AXE is not None and AXE.submodule_search_locations
    axe = Path(AXE.submodule_search_locations[0]) / "axe.min.js"
    note = ran(pages[name], tmp_path, axe.read_text(encoding="utf-8"), CHECKS)
    assert [one for one in note["violations"] if one[0] in ("serious", "critical")] == []
