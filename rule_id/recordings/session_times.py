"""When sessions were: their order, and the days between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from rule_id.errors import InputError

__all__ = ["days", "order_in_time"]

DAY = timedelta(days=1)

DAYLIGHT_SAVING = timedelta(hours=1)
"""How far the offsets from UTC of one laboratory's sessions may be apart."""


def order_in_time(names: Sequence[str], starts: Sequence[datetime | None]) -> list[int]:
    """Return which session is first, second and so on.

    Args:
        names: Of the sessions, two or more.
        starts: When each began, with its time zone; None for all where they stand in order.

    Raises:
        InputError: There are fewer than two, two have one name or one start, a start has no time
            zone, or the zones are further apart than daylight saving time explains.
    """
    if len(names) < 2:
        raise InputError(
            f"a recording must have 2 sessions or more; got {len(names)}; with blocks the trials "
            "of one session are cut into checkpoints"
        )
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise InputError(f"sessions must have different names; {twice[0]} is there twice")
    if all(start is None for start in starts):
        return list(range(len(names)))
    known = _with_zones(names, starts)
    order = sorted(range(len(names)), key=lambda k: known[k])
    for before, after in pairwise(order):
        if known[before] == known[after]:
            raise InputError(
                f"sessions must start at different times; {names[before]} and {names[after]} both "
                f"start at {known[before]}"
            )
    return order


def days(starts: Sequence[datetime | None]) -> np.ndarray:
    """Return the days since the first session, (sessions,), or their numbers without starts."""
    known = [start for start in starts if start is not None]
    if not known:
        return np.arange(len(starts), dtype=np.float64)
    return np.array([(start - known[0]) / DAY for start in known])


def _with_zones(names: Sequence[str], starts: Sequence[datetime | None]) -> list[datetime]:
    known: list[datetime] = []
    offsets = {}
    for name, start in zip(names, starts, strict=True):
        offset = None if start is None else start.utcoffset()
        if start is None or offset is None:
            raise InputError(
                "the start of every session must have a time zone, or their order is a guess; "
                f"that of {name} has none: {start}"
            )
        known.append(start)
        offsets[offset] = f"{name} starts at {start}"
    low, high = min(offsets), max(offsets)
    if high - low > DAYLIGHT_SAVING:
        raise InputError(
            "sessions must be of one time zone, or their order may be wrong; "
            f"{offsets[low]}, {offsets[high]}"
        )
    return known
