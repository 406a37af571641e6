"""What a measurement costs, and the cheapest that is good enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from rule_id.errors import InputError, one_of
from rule_id.trajectories import OBSERVABLES

__all__ = [
    "ANY",
    "PRICES",
    "cheapest",
    "costs_of",
    "lower_bounds",
    "noise_levels",
    "prices_of",
    "reaches",
    "read_prices",
    "smoothed",
]

PRICES = {"activation": 1.0, "weight": 10.0, "activity_change": 10.0}
"""What one unit of a layer costs at one checkpoint, in any currency."""

ANY = "any"
"""Name of all levels of noise together."""

LINE = ["noise", "tracked", "observables", "checkpoints"]
"""What measurements have in common that differ in units alone."""

ROUNDING = 1e-9


def read_prices(texts: Iterable[str]) -> dict[str, float]:
    """Return prices from text.

    Args:
        texts: Such as `activation=1`.

    Raises:
        InputError: There is no number behind an equals sign.

    >>> read_prices(["weight=2.5"])
    {'weight': 2.5}
    """
    prices = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            prices[name] = float(number)
        except ValueError:
            raise InputError(f"price must be OBSERVABLE=NUMBER; got {text!r}") from None
    return prices


def prices_of(given: Mapping[str, float] | None) -> dict[str, float]:
    """Return the price of every observable, `PRICES` where none was given.

    Raises:
        InputError: There is no such observable, or a price is not a number of 0 or more.
    """
    for name, price in (given or {}).items():
        one_of("price", name, PRICES)
        if not (math.isfinite(price) and price >= 0):
            raise InputError(f"price of {name} must be a number, 0 or more; got {price}")
    return PRICES | dict(given or {})


def costs_of(table: pd.DataFrame, prices: Mapping[str, float]) -> pd.Series:
    """Return what each measurement costs: checkpoints x units x the prices of its observables.

    Noise costs nothing, since the apparatus decides on it.

    Args:
        table: `checkpoints`, `n_units` (of a layer, as seen) and `observables` of n measurements.
        prices: Of one unit at one checkpoint, for each observable.

    Returns:
        Shape (n,), in the currency of the prices.
    """
    per_unit = table["observables"].map(
        lambda names: sum(prices[name] for name in OBSERVABLES if name in names.split("+"))
    )
    return table["checkpoints"] * table["n_units"] * per_unit


def smoothed(table: pd.DataFrame) -> pd.Series:
    """Return accuracies that do not fall as more units are seen, all else being equal.

    Who sees more units knows no less. Isotonic regression averages neighbours that are out of
    order, so that one that was lucky does not stand out.

    Args:
        table: `LINE`, `units`, `n_units` and `accuracy` of n measurements. Shares of a layer and
            numbers of units are not compared with each other.

    Returns:
        Shape (n,).
    """
    result = table["accuracy"].copy()
    by_share = np.where(table["units"].str.endswith("%"), "share", "number")
    for _, rows in table.groupby([*LINE, by_share]):
        rising = IsotonicRegression().fit_transform(rows["n_units"], rows["accuracy"])
        result[rows.index] = rising
    return result


def reaches(table: pd.DataFrame, accuracy: float) -> pd.Series:
    """Say which measurements (n,) reach an accuracy: those whose `lower` does."""
    return table["lower"] >= accuracy - ROUNDING


def lower_bounds(table: pd.DataFrame) -> pd.Series:
    """Return what a measurement reaches at least, give or take: the lower of two, less one s.e.m.

    Its accuracy, and its `smoothed` accuracy: of many measurements some are lucky, and the cheapest
    of those that reach an accuracy is one of the lucky.

    Args:
        table: `accuracy`, `smoothed` and `accuracy_sem` of n measurements.

    Returns:
        Shape (n,).
    """
    return table[["accuracy", "smoothed"]].min(axis=1) - table["accuracy_sem"]


def cheapest(table: pd.DataFrame, accuracy: float) -> pd.DataFrame:
    """Return the cheapest measurement that reaches an accuracy, for each level of noise and any.

    Of equally cheap ones the one with the highest `lower` is taken; where none reaches the
    accuracy, the one with the highest `lower` of all.

    Args:
        table: `noise`, `noise_std`, `lower`, `cost` and others of all measurements.
        accuracy: What is to be reached, in (0, 1].

    Returns:
        One row a level of noise, all together (`ANY`) first: `reached`, then the columns of the
        table.
    """
    best = {ANY: _best(table, accuracy)} | {
        level: _best(table[table["noise"] == level], accuracy) for level in noise_levels(table)
    }
    return pd.DataFrame([{**row, "noise": level} for level, row in best.items()])


def noise_levels(table: pd.DataFrame) -> list[str]:
    """Return the levels of noise, rising; then observation models that have their own."""
    rows = table.assign(own=~table["noise"].str[0].str.isdigit())
    return list(rows.sort_values(["own", "noise_std"], kind="stable")["noise"].unique())


def _best(rows: pd.DataFrame, accuracy: float) -> dict[Any, Any]:
    reaching = rows[reaches(rows, accuracy)]
    if len(reaching):
        first = reaching.sort_values(["cost", "lower"], ascending=[True, False], kind="stable")
    else:
        first = rows.sort_values(["lower", "cost"], ascending=[False, True], kind="stable")
    return {"noise": "", "reached": bool(len(reaching))} | dict(first.iloc[0])
