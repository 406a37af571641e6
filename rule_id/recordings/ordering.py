"""Orders that nobody stated."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["natural", "order_warning"]


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Return what names sort by so that 10 comes after 9.

    >>> sorted(["l10", "l9", "l1"], key=natural)
    ['l1', 'l9', 'l10']
    """
    parts = re.findall(r"\d+|\D+", name)
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]


def order_warning(layers: Sequence[str]) -> list[str]:
    """Say that the order of layers is a guess, where there are several.

    Args:
        layers: Their names in the order in which they are taken; repeated ones count once.
    """
    names = list(dict.fromkeys(layers))
    if len(names) < 2:
        return []
    return [
        f"nothing says which layer comes first; taken by name: {', '.join(names)} (name them in "
        "order in layers)"
    ]
