"""What fits took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from rule_id.evaluation.results import FURTHER, in_order

__all__ = ["Cost", "cost_table"]


class Cost(NamedTuple):
    """What a fit took.

    Attributes:
        protocol: What it was for.
        model: What was fitted.
        seconds: The time of one core, in s.
    """

    protocol: str
    model: str
    seconds: float


def cost_table(costs: Iterable[Cost]) -> pd.DataFrame:
    """Return how many fits there were of each model under each protocol, and what they took.

    Args:
        costs: What each took.

    Returns:
        One row a (protocol, model): `fits`, their number, and `seconds` of one core, their sum.
    """
    table = pd.DataFrame(list(costs), columns=list(Cost._fields))
    sums = table.groupby(["protocol", "model"])["seconds"].agg(fits="size", seconds="sum")
    return in_order(sums.reset_index())[list(FURTHER["cost"])]
