"""What was found about what to record, and how it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from rule_id.evaluation.designing.cost import ANY, noise_levels

__all__ = ["COLUMNS", "Design", "crossed", "noise_text"]

COLUMNS = (
    "measurement", "units", "n_units", "share", "noise", "noise_std", "observation", "tracked",
    "observables", "checkpoints", "n", "accuracy", "accuracy_sem", "balanced_accuracy",
    "balanced_accuracy_sem", "smoothed", "lower", "chance", "floor", "cost",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Design:
    """How well the candidates are told apart by each measurement, and the cheapest that does.

    Attributes:
        table: One row a (measurement, observables, checkpoints), with `COLUMNS`. `units` is what
            was asked for of each layer (a number, `all`, or a share such as `10%`), `n_units` how
            many were seen on average, `noise` the level of noise in multiples of a layer's standard
            deviation, or the observation model that has its own. `n` networks were tested.
            `accuracy_sem` is the standard error over blocks, `smoothed` is accuracy made to rise
            with units, `lower` the lower of both accuracies less one `accuracy_sem`.
        cheapest: One row a level of noise, all together (`any`) first: the cheapest measurement
            whose `lower` reaches the accuracy that was asked for, or, where `reached` is False, the
            best there is.
        info: `candidates`, `target`, `accuracy`, `prices`, numbers of networks and blocks, other
            options, notes, versions; JSON types only.
    """

    table: pd.DataFrame
    cheapest: pd.DataFrame
    info: dict[str, Any]

    @property
    def overall(self) -> pd.Series:
        """The row of `cheapest` for any level of noise."""
        return self.cheapest[self.cheapest["noise"] == ANY].iloc[0]

    @property
    def shown(self) -> pd.DataFrame:
        """The rows of the table with the observables of `overall`, at the lowest noise."""
        rows = self.table[self.table["observables"] == self.overall["observables"]]
        return rows[rows["noise"] == noise_levels(rows)[0]]

    def __str__(self) -> str:
        """Return what to record, and accuracy over units and checkpoints around it."""
        shown = self.shown
        return "\n".join(
            [
                _asked(self.info),
                *_answers(self.cheapest, self.info["accuracy"]),
                f"Accuracy with {_plus(shown['observables'].iloc[0])}, "
                f"{noise_text(shown['noise'].iloc[0])}, units of a layer by checkpoints:",
                _grid(crossed(shown, "checkpoints")),
            ]
        )


def crossed(rows: pd.DataFrame, columns: str, values: str = "accuracy") -> pd.DataFrame:
    """Return values by units (rows, few first) and something else.

    Args:
        rows: Of `Design.table`.
        columns: The other column.
        values: What is shown.
    """
    order = rows.sort_values("n_units")["units"].unique()
    # Of measurements that differ in nothing that is shown the first one is.
    first = rows.drop_duplicates(["units", columns])
    return first.pivot(index="units", columns=columns, values=values).loc[order]


def noise_text(level: str) -> str:
    """Return how a level of noise is called.

    >>> noise_text("4"), noise_text("poisson")
    ('noise 4', 'poisson')
    """
    return f"noise {level}" if level[0].isdigit() else level


def _asked(info: dict[str, Any]) -> str:
    left_out = [
        f"{info[key]} {why}"
        for key, why in (("n_diverged", "diverged"), ("n_held_out", "set apart"))
        if info[key]
    ]
    without = f"; left out: {', '.join(left_out)}" if left_out else ""
    return (
        f"{', '.join(info['candidates'])}: {info['n_networks']} networks in {info['n_blocks']} "
        f"blocks{without}. Without a measurement: {info['floor']:.2f}."
    )


def _answers(cheapest: pd.DataFrame, accuracy: float) -> list[str]:
    overall, *levels = cheapest.to_dict("records")
    head = f"Cheapest that reaches {accuracy:.2f}:"
    if not overall["reached"]:
        least = f"{accuracy:.2f} with an s.e.m. to spare"
        head = f"No measurement of this corpus reaches {least}; the best, {_what(overall)}."
    return [head, *(f"  {noise_text(row['noise'])}: {_at_best(row)}" for row in levels)]


def _at_best(row: dict[Any, Any]) -> str:
    return _what(row) if row["reached"] else f"not reached; at best {_what(row)}"


def _what(row: dict[Any, Any]) -> str:
    # Cents of a measurement that costs thousands are no one's concern.
    cost = f"{row['cost']:,.0f}" if row["cost"] >= 10 else f"{row['cost']:.2g}"
    return (
        f"{row['units']} units, {row['checkpoints']} checkpoints, {_plus(row['observables'])}: "
        f"{row['accuracy']:.2f} ± {row['accuracy_sem']:.2f}, cost {cost}"
    )


def _plus(pattern: str) -> str:
    return pattern.replace("+", " + ")


def _grid(table: pd.DataFrame) -> str:
    text = table.map(lambda value: "" if pd.isna(value) else f"{value:.2f}")
    return text.rename_axis(index=None, columns=None).to_string()
