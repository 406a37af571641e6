"""Learning rates of two decades around the best one, which a committed table holds.

Every rule then draws from a range of the same width, and none is told by how well its rates suit
it. The table is made by `make learning-rates`; what it lacks, such as a user's own rule, is
searched when a plan is resolved (`rule_id.simulation.rate_search`).
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

from rule_id.simulation.distributions import Distribution

__all__ = ["BestRates", "RateKey", "known_rates", "learning_rates"]

BELOW, ABOVE = 1.5, 0.5
"""Decades of the range below and above the best rate: what is too high fails, the rest is slow."""


class RateKey(NamedTuple):
    """Whose learning rate it is.

    Attributes:
        rule: Name of the rule.
        architecture_group: One of `rule_id.networks.ARCHITECTURE_GROUPS`.
        task: Name of the task.
    """

    rule: str
    architecture_group: str
    task: str


BestRates = dict[RateKey, float]


def learning_rates(best: float) -> Distribution:
    """Return what learning rates are drawn from: two decades that contain the best one.

    >>> [round(rate, 4) for rate in learning_rates(0.1).written()["log_uniform"]]
    [0.0032, 0.3162]
    """
    return Distribution("log_uniform", (best * 10**-BELOW, best * 10**ABOVE))


@cache
def known_rates() -> BestRates:
    """Return the committed table."""
    text = resources.files("rule_id.simulation").joinpath("learning_rates.csv").read_text()
    rows = csv.DictReader(text.splitlines())
    return {
        RateKey(row["rule"], row["architecture_group"], row["task"]): float(row["learning_rate"])
        for row in rows
    }
