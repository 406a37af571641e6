"""Answers for recordings as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rule_id.features import wording
from rule_id.models import Identification
from rule_id.reports.rendering import write_page

__all__ = ["write_verdicts"]


def write_verdicts(answers: Sequence[Identification], path: str | Path) -> Path:
    """Write answers as a page: the verdict first, then what it rests on and what it lacks.

    Args:
        answers: What `identify` returned.
        path: The HTML file; its folder is made.

    Returns:
        The path.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return write_page(path, "verdicts.html", answers=list(answers), wording=wording)
