"""What an experimenter with less time or fewer sessions would have seen of training."""

from __future__ import annotations

import math
from typing import Any

from rule_id.errors import InputError
from rule_id.trajectories import Trajectories

__all__ = ["TRUNCATIONS", "cut"]

TRUNCATIONS: dict[str, dict[str, Any]] = {
    "all checkpoints": {},
    "first 75%": {"first": 0.75},
    "first 50%": {"first": 0.5},
    "first 25%": {"first": 0.25},
    "every 2nd": {"every": 2},
    "every 4th": {"every": 4},
}
"""Name of a variant of the truncated protocol to the arguments of `cut`."""


def cut(trajectories: Trajectories, *, first: float = 1.0, every: int = 1) -> Trajectories:
    """Keep the first checkpoints, or every n-th, of each layer.

    Of n checkpoints 0 ... n - 1, those with index < ceil(first n) and index mod every = 0 stay.
    Checkpoints are numbered anew and progress runs from 0 to 1 over what is left, so that
    nothing tells how much was cut off.

    Args:
        trajectories: Trajectories with 2 checkpoints or more a layer.
        first: Share of the checkpoints to keep, from the first on, in (0, 1].
        every: Keep every n-th checkpoint, a whole number of 1 or more.

    Returns:
        The same networks, with fewer checkpoints.

    Raises:
        InputError: `first` or `every` is out of range, or a layer keeps fewer than 2 checkpoints.
    """
    if not 0 < first <= 1:
        raise InputError(f"first must be a share in (0, 1]; got {first}")
    if every < 1:
        raise InputError(f"every must be a whole number of 1 or more; got {every}")
    layer = ["network", "measurement", "layer"]
    index = trajectories.rows.groupby(layer).cumcount()
    total = trajectories.rows.groupby(layer)["checkpoint"].transform("size")
    kept = (index < (first * total).map(math.ceil)) & (index % every == 0)
    rows = trajectories.rows[kept].reset_index(drop=True)
    groups = rows.groupby(layer)
    fewest = int(groups.size().min())
    if fewest < 2:
        raise InputError(
            f"first = {first} and every = {every} must leave each layer 2 checkpoints or more; "
            f"of {int(total.min())} they leave {fewest}"
        )
    start, end = (groups["progress"].transform(which) for which in ("first", "last"))
    rows["progress"] = (rows["progress"] - start) / (end - start)
    rows["checkpoint"] = groups.cumcount()
    return Trajectories(trajectories.networks, rows, trajectories.source)
