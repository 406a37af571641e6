from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rule_id.errors import InputError
from rule_id.reports.html import Page, build_page
from rule_id.reports.parts import Bullets, Fold, Reading, Section, Text
from rule_id.reports.pictures import draw_picture


@pytest.fixture(scope="module")
def page() -> Page:
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    picture = draw_picture("line", 'A "line" < 2', figure, pd.DataFrame({"x": [1, 2]}))
    parts = [Text("</style><script>alert(1)</script>"), Bullets(["a"]), Reading("b", "c", "d")]
    return build_page("T", "H", "L", [Section("one", "One", [*parts, Fold("more", [picture])])])


def test_a_folder_gets_the_page_its_figures_and_their_numbers(page: Page, tmp_path: Path) -> None:
    assert page.save(tmp_path / "report") == tmp_path / "report" / "index.html"
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"report/index.html", "report/figures/line.svg", "report/figures/line.csv"}
    assert pd.read_csv(tmp_path / "report/figures/line.csv")["x"].tolist() == [1, 2]
    assert (tmp_path / "report/figures/line.svg").read_text().startswith("<?xml")


def test_a_file_is_the_page_alone(page: Page, tmp_path: Path) -> None:
    assert page.save(tmp_path / "a.html").read_text(encoding="utf-8") == page.html
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_what_is_in_the_way_is_refused(page: Page, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "folder.html").mkdir()
    for name, what in (("taken", "a file"), ("folder.html", "a folder")):
        with pytest.raises(InputError, match=f"a page must be saved to .*{name} is {what}"):
            page.save(tmp_path / name)


def test_in_a_notebook_a_page_stands_in_a_frame_of_its_own(page: Page) -> None:
    frame = page._repr_html_()
    document = re.search(r'srcdoc="([^"]*)"', frame)
    assert document and unescape(document[1]) == page.html
    assert frame.startswith("<iframe") and "<style" not in frame and 'title="T"' in frame


def test_the_browser_gets_a_file_that_stays(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    file = page.open_in_browser()
    assert opened == [file.as_uri()] and file.read_text(encoding="utf-8") == page.html


def test_text_is_escaped_and_scripts_are_allowed_by_their_hash(page: Page) -> None:
    assert page.html.count("<script>") == 1 and "&lt;script&gt;alert(1)" in page.html
    assert "script-src 'sha256-" in page.html
    assert 'aria-label="A &#34;line&#34; &lt; 2"' in page.html


def test_what_is_printed_is_whole_and_light(page: Page) -> None:
    (rules,) = re.findall(r"@media print \{\n(.*?)\n\}\n", page.html, re.DOTALL)
    of = dict(re.findall(r"^  ([^{\n]+) \{ (.*) \}$", rules, re.MULTILINE))
    assert "break-inside: avoid" in of["figure, tr, .reading, .quote"]
    assert of[".scroll, figure"] == "overflow: visible;"
    assert of["figure svg"] == "max-width: 100%; max-height: 230mm;"
    assert "content-visibility: visible" in of["details::details-content"]
    # Folds are opened by the script as well, for browsers that do not know that part.
    assert re.search(r'"beforeprint".*details\.open = true', page.html, re.DOTALL)
    backgrounds = re.findall(r"background: ([^;]+);", page.html)
    assert set(backgrounds) == {"#fff", "var(--wash)"} and ":root" in of
    assert of[":root"] == "--wash: #fff;"
