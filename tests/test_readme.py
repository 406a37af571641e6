"""The README and pages like it show what their commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import readme

from rule_id.models.calibrating import parts_of_classes
from rule_id.models.menu import reference_menu

NUMBER = re.compile(r"\d+(?:\.\d+)?(?!\d*%)")


def skeleton(text: str) -> str:
    """Everything but the numbers and the width of columns."""
    return re.sub(r"[ \-]+", " ", NUMBER.sub("#", re.sub(r"\d+%", "#", text)))


ANSWER = re.compile(r"\$ rule-id (?:identify|watch)")
RANKED = re.compile(r"  (.+?) {2,}(0\.\d+|1\.0+)")


def names() -> re.Pattern[str]:
    """The classes that an answer may name, longer ones first."""
    found = set()
    for bundle in reference_menu():
        parts = parts_of_classes(bundle.classes, bundle.families, bundle.target)
        found |= {*bundle.classes, *parts["credit_assignment"].values()}
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))))


def without_order(text: str) -> tuple[str, list[dict[str, float]]]:
    """Return a page without the names in answers, and apart from it what answers rank.

    Of thirty rules several are nearly as probable, and which comes first depends on the rounding
    of the processor: ranks may change, probabilities hardly.
    """
    lines: list[str] = []
    ranked: list[dict[str, float]] = []
    name, inside = names(), False
    for line in text.splitlines():
        inside = bool(ANSWER.match(line)) or (inside and line != "```")
        own = RANKED.fullmatch(line) if inside else None
        if own:
            if lines[-1] != "ranked":
                lines.append("ranked")
                ranked.append({})
            ranked[-1][own[1]] = float(own[2])
        elif not (inside and re.fullmatch(r"  \d+ others: .* together", line)):
            kept = name.sub("@", line) if inside else line
            kept = re.sub(r"% set: .*", "% set", kept)
            lines.append(re.sub(r"% set holds \d+ of", "% set holds some of", kept))
    return "\n".join(lines), ranked


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: page.stem)
def test_every_command_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    shown = page.read_text()
    assert "$ rule-id" in shown
    made, found = without_order(readme.regenerate(shown, tmp_path))
    shown, ranked = without_order(shown)
    for before, after in zip(ranked, found, strict=True):
        for one in {*before, *after}:
            assert abs(before.get(one, 0.0) - after.get(one, 0.0)) <= 0.1, one
    for expected, got in zip(shown.splitlines(), made.splitlines(), strict=True):
        assert skeleton(got) == skeleton(expected)
        # Rounding differs between processors, and a network may fall on the other side of a
        # boundary: counts must agree, fractions nearly, and d-prime (chance 0.00) roughly.
        for a, b in zip(NUMBER.findall(expected), NUMBER.findall(got), strict=True):
            tolerance = 0 if "." not in a else 1.0 if "(0.00)" in expected else 0.2
            assert abs(float(a) - float(b)) <= tolerance, (expected, got)


def test_all_commands_are_shown() -> None:
    shown = readme.README.read_text()
    for command in (
        "simulate",
        "features",
        "train",
        "evaluate",
        "report",
        "identify",
        "watch",
        "demo",
    ):
        assert f"$ rule-id {command}" in shown
    assert shown.index("make demo") < shown.index("make test") < shown.index("$ rule-id")
