from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from rule_id.evaluation import Evaluation
from rule_id.reports import report

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# Clicks a heading twice; notes the column each time, and what a reader's console would show.
CLICKS = """
<script>
const complaints = [];
addEventListener("error", (event) => complaints.push(event.message));
addEventListener("securitypolicyviolation", (event) => complaints.push(event.blockedURI));
addEventListener("load", () => {
  const table = document.querySelector("#table-network").closest("table");
  const rows = table.tBodies[0].rows;
  const column = () => [...rows].map((row) => parseFloat(row.cells[3].textContent));
  const note = {before: column()};
  table.tHead.rows[0].cells[3].querySelector("button").click();
  note.up = column();
  table.tHead.rows[0].cells[3].querySelector("button").click();
  note.down = column();
  note.sorted = table.tHead.rows[0].cells[3].getAttribute("aria-sort");
  document.body.dataset.note = JSON.stringify({...note, complaints});
});
</script>
"""


@pytest.fixture(scope="module")
def page(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(evaluation, out=tmp_path_factory.mktemp("browser"))


def rendered(page: Path) -> str:
    """Return the page as the browser holds it after its scripts have run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += ["--disable-component-update", "--no-first-run", "--virtual-time-budget=2000"]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [str(CHROMIUM), *options, profile, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_headings_tables_and_figures_are_shown(page: Path) -> None:
    dom = rendered(page)
    assert "<h1>Which learning rule made these networks?</h1>" in dom
    for heading in ("In short", "Generalisation", "Feature importance", "Methods, to copy"):
        assert re.search(rf"<h2[^>]*>{heading}</h2>", dom)
    assert dom.count("<caption") >= 10 and dom.count("<svg") == 7
    sources = re.findall(r"\ssrc=\"([^\"]*)", dom)
    assert not [source for source in sources if not source.startswith("data:")]


def test_a_click_on_a_heading_sorts_and_nothing_breaks(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("<body>", "<body>" + CLICKS)
    clicked = tmp_path / "clicked.html"
    clicked.write_text(text, encoding="utf-8")
    match = re.search(r'data-note="([^"]*)"', rendered(clicked))
    assert match
    note = json.loads(unescape(match[1]))
    assert note["up"] == sorted(note["before"]) and note["down"] == note["up"][::-1]
    assert note["sorted"] == "descending" and note["complaints"] == []
