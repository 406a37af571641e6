"""The guard that nothing is trained on that must be new where it is tested."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation.protocols import PROTOCOLS

__all__ = ["Leak", "require_apart"]


class Leak(RuntimeError):
    """A protocol trains on what it tests: a defect of ours, so that no number may come of it."""


def require_apart(protocol: str, train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Refuse to test what was trained on, by what the protocol keeps apart (`Protocol.apart`).

    It is asked of the rows that are fitted and tested in the end, not of the split that they come
    from, so that it also sees what goes wrong between the two.

    Args:
        protocol: One of `PROTOCOLS`.
        train: What the rows are that are trained on, of any table.
        test: What the rows are that are tested, of the same table or another.

    Raises:
        Leak: A block, or where only networks are kept apart a network, is on both sides.
    """
    column = PROTOCOLS[protocol].apart
    if column is None:
        return
    both = np.intersect1d(train[column].unique(), test[column].unique())
    if len(both):
        raise Leak(
            f"protocol {protocol} must have no {column} on both sides; {len(both)} are, "
            f"such as {both[0]}"
        )
