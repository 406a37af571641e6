"""The README and pages like it show what their commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import readme

NUMBER = re.compile(r"\d+(?:\.\d+)?(?!\d*%)")


def skeleton(text: str) -> str:
    """Everything but the numbers and the width of columns."""
    return re.sub(r"[ \-]+", " ", NUMBER.sub("#", re.sub(r"\d+%", "#", text)))


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: page.stem)
def test_every_command_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    shown = page.read_text()
    assert "$ rule-id" in shown
    made = readme.regenerate(shown, tmp_path)
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
