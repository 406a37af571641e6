"""The text of docs/kunin.md, with the numbers of a run in it."""

from typing import Any


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    return ""
