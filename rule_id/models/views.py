"""How networks are seen: through which measurement, at which checkpoints, which observables.

One model is trained on networks that are each seen in some randomly chosen ways, and tested on
networks that are all seen in the same way, for each way of a grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rule_id.features import FeatureTable, Panel, join_panels
from rule_id.features.material import Material
from rule_id.models import PATTERNS
from rule_id.models.cuts import WHOLE, cut_features, random_cut
from rule_id.models.mix import Mix
from rule_id.models.patterns import feature_observables

__all__ = ["ALL_OBSERVABLES", "SOME_UNITS", "Seeing", "randomised_views", "seeing_of", "seeings_of"]

CUTS_A_COPY = 8
"""Different cuts among the views of one copy; each takes a pass over its networks."""

ALL_OBSERVABLES = list(PATTERNS)[-1]
SOME_UNITS = ("exact", "gaussian")
"""Observations of the values of units themselves, not of spikes or fluorescence."""


@dataclass(frozen=True)
class Seeing:
    """What a measurement of a corpus sees, as its rows say.

    Attributes:
        measurement: Its number in the corpus.
        observation: The observation model.
        noise_std: Noise, in standard deviations of a layer; the mean where networks drew it.
        units: The most units that are seen of a layer, infinite where all of every layer are.
        share: The mean share of a layer's units that is seen.
        tracked: Whether the units are the same at all checkpoints.
    """

    measurement: int
    observation: str
    noise_std: float
    units: float
    share: float
    tracked: bool

    @property
    def name(self) -> str:
        """What it is called in the results.

        >>> Seeing(4, "gaussian", 1.0, 10, 0.1, True).name
        '10 units, noise 1'
        """
        count = f"{self.units:.0f} units" if self.units != 1 else "1 unit"
        if self.units < 0:
            count = f"{-self.units:.3g} of the units"
        if np.isinf(self.units):
            count = "all units"
        elif not self.tracked:
            count += ", untracked"
        model = "" if self.observation in SOME_UNITS else f", {self.observation}"
        return f"{count}{model}, noise {self.noise_std:.3g}"


def seeing_of(panel: Panel, measurement: int) -> Seeing:
    """Return what a measurement sees.

    A number of units is one that no layer exceeds and that some layer has more of; where layers are
    seen by share, `units` is minus the share.

    Args:
        panel: The trajectories under it.
        measurement: Its number in the corpus.
    """
    meta = panel.meta
    partly = meta[meta["unit_fraction"] < 1]
    if partly.empty:
        units = np.inf
    elif partly["n_units"].nunique() == 1:
        units = float(partly["n_units"].iloc[0])
    else:
        units = -float(partly["unit_fraction"].median())
    return Seeing(
        measurement,
        # Some measurements drew their noise, and see some networks without.
        str(meta["observation"].mode().iloc[0]),
        float(meta["noise_std"].mean()),
        units,
        float(meta["unit_fraction"].mean()),
        bool(meta["tracked"].all()),
    )


def seeings_of(panels: dict[int, Panel]) -> dict[int, Seeing]:
    """Return what each measurement of a corpus sees; of several that see the same, the first.

    A thousand units of layers that have fewer are all units, and would else be counted twice.

    Args:
        panels: The trajectories under each measurement.
    """
    seeings: dict[str, Seeing] = {}
    for measurement, panel in panels.items():
        seeing = seeing_of(panel, measurement)
        seeings.setdefault(seeing.name, seeing)
    return {one.measurement: one for one in seeings.values()}


def randomised_views(
    material: Material, feature_set: str, *, seed: int, mix: Mix | None = None
) -> FeatureTable:
    """Return features of every layer, seen completely and in some random ways.

    The first copies of a network are seen under the first measurement, at all checkpoints. In each
    further copy it is seen under a measurement, at checkpoints (`random_cut`) and with observables
    that are drawn for it, the same for all of its layers; in half of these all observables that the
    measurement has. In half of them some of its layers are seen, one or more drawn at random.

    Args:
        material: The networks.
        feature_set: `summary` or `invariant`.
        seed: Seed of the draws.
        mix: How many copies of each kind, and what they are drawn from; `Mix()` when None.

    Returns:
        One row a (copy, layer). `copy` is 0 in the first complete one and 1 in all others.
        `measurement` counts on for each copy, so that what is combined to a network is one view of
        it.
    """
    mix = mix or Mix()
    whole = cut_features(material.panel, WHOLE, feature_set, np.random.default_rng([seed, 0]))
    parts = [whole] * mix.complete
    for copy in range(1, mix.random + 1):
        rng = np.random.default_rng([seed, copy])
        parts += _random_copy(material, feature_set, mix, rng)
    metas = [
        part.meta.assign(measurement=place, copy=0 if place == 0 else 1)
        for place, part in enumerate(parts)
    ]
    values = pd.concat([part.values for part in parts], ignore_index=True)
    meta = pd.concat(metas, ignore_index=True)
    # A view of which nothing would be left, as of fluorescence without activations, is none.
    kept = values[_measured(list(values.columns))].notna().any(axis=1).to_numpy()
    return FeatureTable(meta, values, feature_set, whole.info).rows(kept)


def _measured(names: list[str]) -> list[str]:
    return [n for n, o in zip(names, feature_observables(names), strict=True) if o]


def _random_copy(
    material: Material, feature_set: str, mix: Mix, rng: np.random.Generator
) -> Iterator[FeatureTable]:
    """Yield features of every layer once, in parts that share their checkpoints."""
    ids = material.networks["network"]
    measurements = mix.of(material.panels)
    chosen = dict(zip(ids, rng.choice(measurements, len(ids)), strict=True))
    panel = join_panels(
        own.rows((own.meta["network"].map(chosen) == number).to_numpy())
        for number, own in material.panels.items()
        if number in measurements
    )
    panel = panel.rows(_some_layers(panel.meta["network"], rng))
    cut_of = dict(zip(ids, rng.integers(CUTS_A_COPY, size=len(ids)), strict=True))
    # Half of the numbers stand for no gap.
    gap_of = dict(zip(ids, rng.integers(2 * max(1, len(mix.gaps)), size=len(ids)), strict=True))
    numbers = panel.meta["network"].map(cut_of).to_numpy()
    for number in np.unique(numbers):
        some = panel.rows(numbers == number)
        table = cut_features(some, random_cut(rng), feature_set, rng)
        yield _with_gaps(table, table.meta["network"].map(gap_of).to_numpy(), mix.gaps)


def _some_layers(networks: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Say which layers (n,) are seen: all of half of the networks, of others one or more."""
    index, ids = pd.factorize(networks)
    n_layers = np.bincount(index)
    seen = np.where(rng.random(len(ids)) < 0.5, n_layers, rng.integers(1, n_layers + 1))
    order = np.lexsort((rng.random(len(index)), index))
    place = np.empty(len(index), dtype=np.intp)
    place[order] = np.arange(len(index)) - np.repeat(np.cumsum(n_layers) - n_layers, n_layers)
    return np.asarray(place < seen[index])


def _with_gaps(
    table: FeatureTable, gap: np.ndarray, gaps: Sequence[tuple[str, ...]]
) -> FeatureTable:
    """Take the observables of gaps from rows; a number beyond those takes none."""
    observables = feature_observables(table.names)
    missing = np.zeros((2 * max(1, len(gaps)), len(observables)), dtype=bool)
    for place, absent in enumerate(gaps):
        missing[place] = np.isin(observables, absent)
    return replace(table, values=table.values.mask(missing[gap]))
