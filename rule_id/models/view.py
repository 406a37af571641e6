"""How a network is seen, and how well networks are named that were seen in such a way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["FAR", "KINDS", "Cell", "View", "kind_of_rows", "nearest", "view_of_rows"]

KINDS = ("exact", "noisy", "poisson", "calcium")
"""What calibration tells apart of ways to see: without noise, with it, spikes, fluorescence."""

_KIND_OF = {"exact": "exact", "gaussian": "noisy", "poisson": "poisson", "calcium": "calcium"}

# A view of another kind is another experiment; a factor of two in units or checkpoints is not.
_OTHER_KIND, _OTHER_TRACKING = 4.0, 1.0

FAR = 3.0
"""How unlike two views may be for one to say much of the other: eight times as many units or
checkpoints."""


@dataclass(frozen=True)
class View:
    """How a network is seen.

    Attributes:
        observables: What is seen, a key of `PATTERNS`.
        kind: One of `KINDS`.
        units: Units that are seen of a layer, the median over layers; NaN where nothing says.
        noise_std: Noise in standard deviations of a layer, 0 or more.
        tracked: Whether the units are the same at all checkpoints.
        checkpoints: Number of checkpoints, 2 or more.
    """

    observables: str
    kind: str
    units: float
    noise_std: float
    tracked: bool
    checkpoints: int

    def __str__(self) -> str:
        """Say it in words.

        >>> str(View("activation", "poisson", 32, 0.0, False, 10))
        'activation, 32 units a layer, untracked, spikes, 10 checkpoints'
        """
        seen = {"exact": "", "noisy": f", noise {self.noise_std:.3g}"}
        as_what = seen | {"poisson": ", spikes", "calcium": ", fluorescence"}
        units = "" if np.isnan(self.units) else f", {self.units:.0f} units a layer"
        return (
            f"{self.observables.replace('+', ', ')}{units}"
            f"{'' if self.tracked else ', untracked'}{as_what[self.kind]}, "
            f"{self.checkpoints} checkpoints"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types; None for units that nothing says."""
        return vars(self) | {"units": None if np.isnan(self.units) else self.units}

    def unlike(self, other: View) -> float:
        r"""Return how unlike two views are, 0 for the same.

        .. math:: |\log_2 n/n'| + |\log_2 T/T'| + |\sigma - \sigma'| + 4 [kind \ne kind'] + [tracked
            \ne tracked']

        n units, T checkpoints, noise sigma. The weights are a convention: they choose which cell
        of a table is quoted, and the cell is named beside its number.
        """
        units = np.nan_to_num(abs(np.log2(self.units / other.units)))
        return float(
            units
            + abs(np.log2(self.checkpoints / other.checkpoints))
            + abs(self.noise_std - other.noise_std)
            + _OTHER_KIND * (self.kind != other.kind)
            + _OTHER_TRACKING * (self.tracked != other.tracked)
        )


@dataclass(frozen=True)
class Cell:
    """How well held-out networks were named that were all seen in one way.

    Attributes:
        view: The way.
        accuracy: Share whose class was named, and whose family was, where the class has one; and
            the mean over credit assignments of the share that was named of each:
            `{"class": 0.5, "credit_assignment": 0.6, "family": 0.7}`.
        chance: What guessing reaches, with the same keys.
        n: Number of networks.
    """

    view: View
    accuracy: dict[str, float]
    chance: dict[str, float]
    n: int

    def no_better_than_guessing(self, what: str) -> bool:
        """Say whether accuracy is within two standard errors of chance.

        Args:
            what: A key of `accuracy`.
        """
        chance = self.chance[what]
        error = (chance * (1 - chance) / self.n) ** 0.5
        return self.accuracy[what] <= chance + 2 * error

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "view": self.view.to_dict(),
            "accuracy": self.accuracy,
            "chance": self.chance,
            "n": self.n,
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Cell:
        """Return what `to_dict` gave; ValueError, KeyError or TypeError for anything else."""
        view = dict(values["view"])
        units = np.nan if view["units"] is None else float(view["units"])
        made = View(
            str(view["observables"]),
            str(view["kind"]),
            units,
            float(view["noise_std"]),
            bool(view["tracked"]),
            int(view["checkpoints"]),
        )
        if made.kind not in KINDS or made.checkpoints < 2 or units <= 0:
            raise ValueError(f"a view cannot be {view}")
        accuracy, chance = (
            {str(name): float(value) for name, value in values[key].items()}
            for key in ("accuracy", "chance")
        )
        return Cell(made, accuracy, chance, int(values["n"]))


def nearest(cells: Iterable[Cell], view: View) -> Cell | None:
    """Return the cell of the same observables that is least unlike a view; None without one."""
    same = [cell for cell in cells if cell.view.observables == view.observables]
    return min(same, key=lambda cell: cell.view.unlike(view), default=None)


def view_of_rows(
    meta: pd.DataFrame, observables: str, checkpoints: int, kind: str | None = None
) -> View:
    """Return how networks were seen, by what is said of their layers.

    Args:
        meta: One row a layer, of one measurement: `observation`, `noise_std`, `n_units`, `tracked`
            as far as they are there.
        observables: What is seen, a key of `PATTERNS`.
        checkpoints: Number of checkpoints.
        kind: One of `KINDS`; what `observation` says when None.
    """
    noise = _median(meta, "noise_std")
    return View(
        observables,
        kind or kind_of_rows(meta),
        _median(meta, "n_units"),
        0.0 if np.isnan(noise) else noise,
        bool(meta["tracked"].all()) if "tracked" in meta else True,
        checkpoints,
    )


def kind_of_rows(meta: pd.DataFrame) -> str:
    """Return which of `KINDS` the rows of one measurement are; of networks that drew, most."""
    observation = str(meta["observation"].mode().iloc[0]) if "observation" in meta else "exact"
    return _KIND_OF.get(observation, "exact")


def _median(meta: pd.DataFrame, column: str) -> float:
    values = meta[column].dropna().to_numpy(dtype=float) if column in meta else np.array([])
    return float(np.median(values)) if len(values) else float("nan")
