"""The feature tables of an evaluation, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from rule_id.features import FeatureTable, extract_panel, with_deviations
from rule_id.features.material import CURVES, Material
from rule_id.models.cuts import Cut, cut_features
from rule_id.models.views import randomised_views

__all__ = ["CURVES", "PAPER_FEATURES", "Tables"]

PAPER_FEATURES = "paper-24"
"""Name in the results of the 2020 paper's features: 24 statistics at each checkpoint."""


class Tables:
    """Features of one corpus, made when they are first asked for.

    Args:
        material: The corpus.
        feature_set: One of `FEATURE_SETS`, the features of ours.
        seed: Seed of random views and random checkpoints.
    """

    def __init__(self, material: Material, feature_set: str, seed: int) -> None:
        """Keep what they are made from."""
        self.material = material
        self.feature_set = feature_set
        self.seed = seed
        self._made: dict[object, FeatureTable] = {}

    @cached_property
    def layers(self) -> FeatureTable:
        """All layers, each for itself, seen through the first measurement at all checkpoints."""
        return self._extract(self.feature_set, paper=False)

    @cached_property
    def main(self) -> FeatureTable:
        """The same with how each layer differs from the others of its network."""
        return self.layers if self.feature_set == "trajectory" else with_deviations(self.layers)

    @cached_property
    def paper(self) -> FeatureTable:
        """The features of the 2020 paper, of the same rows."""
        return self._extract("trajectory", paper=True)

    @cached_property
    def curves(self) -> FeatureTable:
        """Loss and performance alone, one row a network."""
        return self.material.curves()

    @cached_property
    def views(self) -> FeatureTable:
        """All layers in some random views each."""
        return randomised_views(self.material, self.feature_set, seed=self.seed)

    def cut(self, cut: Cut) -> FeatureTable:
        """All layers at some checkpoints, the rows of `main`."""
        return self._once(cut, lambda: self._cut(min(self.material.panels), cut))

    def measured(self, measurement: int) -> FeatureTable:
        """All layers through a measurement, the rows of `main`."""
        return self._once(measurement, lambda: self._cut(measurement, Cut()))

    def _cut(self, measurement: int, cut: Cut) -> FeatureTable:
        rng = np.random.default_rng([self.seed, measurement])
        return cut_features(self.material.panels[measurement], cut, self.feature_set, rng)

    def _once(self, key: object, make: Callable[[], FeatureTable]) -> FeatureTable:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _extract(self, feature_set: str, paper: bool) -> FeatureTable:
        panel, source = self.material.panel, self.material.source
        return extract_panel(panel, feature_set, paper=paper, source=source)
