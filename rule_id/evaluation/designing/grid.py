"""Every measurement of a corpus, at few or many checkpoints, with some or all observables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from rule_id.features import FeatureTable
from rule_id.features.material import Material
from rule_id.models import PATTERNS
from rule_id.models.cuts import WHOLE, Cut, cut_features
from rule_id.models.patterns import feature_observables
from rule_id.models.views import SOME_UNITS, Seeing, seeing_of

__all__ = ["CHECKPOINTS", "Look", "looks", "noise_level", "units_text"]

CHECKPOINTS = (2, 3, 5, 11)
"""Numbers of checkpoints that are tested beside all, evenly spread over training."""


@dataclass(frozen=True)
class Look:
    """Networks as one measurement sees them at some checkpoints.

    Attributes:
        seeing: What the measurement sees.
        n_units: Units seen of a layer, the mean over layers.
        checkpoints: How many checkpoints.
        table: Features of all layers of all networks.
        patterns: The patterns of observables that the measurement can give, and the observables of
            each.
    """

    seeing: Seeing
    n_units: float
    checkpoints: int
    table: FeatureTable
    patterns: dict[str, tuple[str, ...]]


def looks(material: Material, feature_set: str) -> tuple[int, Iterator[Look]]:
    """Return how many looks there are, and each of them, one in memory at a time.

    Measurements that turn out to be the same (a thousand units and all, where no layer has more)
    are looked at once.

    Args:
        material: The networks.
        feature_set: `summary` or `invariant`.
    """
    seeings = _different(seeing_of(panel, name) for name, panel in material.panels.items())
    cuts = _cuts(int(material.panel.n_checkpoints.min()), material.n_checkpoints)
    every = ((seeing, *cut) for seeing in seeings for cut in cuts)
    found = (_look(material, seeing, cut, n, feature_set) for seeing, cut, n in every)
    return len(seeings) * len(cuts), found


def units_text(seeing: Seeing) -> str:
    """Return how many units of a layer are seen.

    >>> units_text(Seeing(0, "exact", 0.0, np.inf, 1.0, True))
    'all'
    >>> units_text(Seeing(0, "exact", 0.0, -0.1, 0.1, True))
    '10%'
    """
    if np.isinf(seeing.units):
        return "all"
    return f"{seeing.units:.0f}" if seeing.units >= 0 else f"{-100 * seeing.units:.2g}%"


def noise_level(seeing: Seeing) -> str:
    """Return the level of noise, with the observation model where that has noise of its own.

    >>> noise_level(Seeing(0, "gaussian", 4.0, 10, 0.1, True))
    '4'
    >>> noise_level(Seeing(0, "poisson", 0.0, 10, 0.1, True))
    'poisson'
    """
    amount = f"{seeing.noise_std:.3g}"
    if seeing.observation in SOME_UNITS:
        return amount
    return f"{seeing.observation} {amount}" if seeing.noise_std else seeing.observation


def _different(seeings: Iterator[Seeing]) -> list[Seeing]:
    """Return the first of each that differ in more than their number."""
    first: dict[Seeing, Seeing] = {}
    for seeing in seeings:
        first.setdefault(replace(seeing, measurement=0), seeing)
    return list(first.values())


def _cuts(fewest: int, most: int) -> list[tuple[Cut, int]]:
    """Return which checkpoints are seen, and how many."""
    some = [(Cut(number=n, spread=True), n) for n in CHECKPOINTS if n < fewest]
    return [*some, (WHOLE, most)]


def _look(material: Material, seeing: Seeing, cut: Cut, checkpoints: int, feature_set: str) -> Look:
    panel = material.panels[seeing.measurement]
    # Nothing is drawn: checkpoints are evenly spread.
    table = cut_features(panel, cut, feature_set, np.random.default_rng(0))
    n_units = float(panel.meta["n_units"].mean())
    return Look(seeing, n_units, checkpoints, table, _patterns(table))


def _patterns(table: FeatureTable) -> dict[str, tuple[str, ...]]:
    """Return the patterns whose observables most layers have values of."""
    observables = feature_observables(table.names)
    measured = [
        observable
        for observable in set(observables) - {""}
        if (~np.isnan(table.matrix()[:, observables == observable]).all(axis=1)).mean() > 0.5
    ]
    return {name: kept for name, kept in PATTERNS.items() if set(kept) <= set(measured)}
