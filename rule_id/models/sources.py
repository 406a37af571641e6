"""What a classifier is trained on: a corpus, seen in random ways, or a feature table as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from rule_id.features.deviations import with_deviations
from rule_id.features.material import Material
from rule_id.features.panel import Panel
from rule_id.features.signals import mask_fluorescence
from rule_id.features.table import FeatureTable
from rule_id.models.calibrating import HeldOut
from rule_id.models.combine import fit_networks
from rule_id.models.cuts import WHOLE, Cut, cut_features
from rule_id.models.patterns import (
    TRAINED_GAPS,
    feature_matrix,
    feature_observables,
    network_ids,
)
from rule_id.models.view import kind_of_rows, view_of_rows
from rule_id.models.views import ALL_OBSERVABLES, seeings_of
from rule_id.trajectories import set_apart

__all__ = [
    "CorpusSource",
    "InMemory",
    "Rows",
    "Source",
    "TableSource",
    "TrainingPart",
    "gaps_of",
    "rows_with_gaps",
    "table_source",
    "texts",
    "usable_rows",
    "with_observables",
]

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Features (n, d), labels, blocks and network ids (n,)."""

CHECKPOINTS = (10, 5, 3)
"""Numbers of checkpoints, evenly spread, at which unseen networks are named beside all."""


@dataclass(frozen=True)
class TrainingPart:
    """What a classifier is trained on, of what there is.

    Attributes:
        names: The features that it takes.
        target: The column of `meta` that it learns.
        observables: Those of which it takes features; rows without any are left out.
        test_blocks: Blocks that it is not to see.
        seed: Seed of the gaps.
    """

    names: list[str]
    target: str
    observables: Sequence[str] | None
    test_blocks: list[int]
    seed: int


class Source(Protocol):
    """What a classifier is trained and calibrated on."""

    @property
    def table(self) -> FeatureTable:
        """The rows that are fitted, and those of blocks to hold out."""

    @property
    def n_diverged(self) -> int:
        """Networks that diverged and have no rows."""

    @property
    def n_set_apart(self) -> int:
        """Networks that the plan set apart and that have no rows."""

    def training_rows(self, fitted: FeatureTable, target: str, seed: int) -> Rows:
        """Return what hyperparameters are chosen on, and where all is in memory what is fitted."""

    def fit(self, classifier: Any, rows: Rows, split: TrainingPart) -> Any:
        """Fit a classifier to what is to be trained on, and return it.

        Args:
            classifier: An unfitted one.
            rows: The training rows.
            split: What may be trained on of what is not in memory.
        """

    def learned(self, fitted: FeatureTable, test_blocks: list[int]) -> pd.DataFrame:
        """Return what the rows are that the classifier is fitted to, copies apart."""

    def complete(self, tested: FeatureTable) -> FeatureTable:
        """Return the rows of held-out networks as they are seen completely."""

    def held_out(self, blocks: list[int]) -> Iterator[HeldOut]:
        """Yield the networks of some blocks in every way in which they are seen."""

    def growing(self, blocks: list[int]) -> dict[str, Panel]:
        """Return trajectories of some blocks for each kind of view, to be seen while they grow."""


class InMemory:
    """What sources have in common of which all is in memory."""

    n_set_apart = 0

    def fit(self, classifier: Any, rows: Rows, split: TrainingPart) -> Any:
        """Fit to the training rows, which are all in memory."""
        X, y, _, networks = rows
        return fit_networks(classifier, X, y, networks)

    def learned(self, fitted: FeatureTable, test_blocks: list[int]) -> pd.DataFrame:
        """Return what the training rows are."""
        return fitted.meta


@dataclass(frozen=True)
class TableSource(InMemory):
    """A feature table: no fewer checkpoints than it was made of, every row as it is."""

    table: FeatureTable
    n_diverged = 0

    def training_rows(self, fitted: FeatureTable, target: str, seed: int) -> Rows:
        """Return each row and its copy with gaps."""
        return rows_with_gaps(fitted, target, gaps_of(network_ids(fitted.meta), seed))

    def complete(self, tested: FeatureTable) -> FeatureTable:
        """Return all rows: every measurement is a recording of its own."""
        return tested

    def held_out(self, blocks: list[int]) -> Iterator[HeldOut]:
        """Yield the rows of each measurement."""
        kept = usable_rows(self.table.meta) & self.table.meta["block"].isin(blocks)
        unseen = self.table.rows(kept)
        checkpoints = int(self.table.info.get("n_checkpoints", 2))
        measurement = unseen.meta.get("measurement", pd.Series(0, index=unseen.meta.index))
        for number in sorted(measurement.unique()):
            some = unseen.rows(measurement == number)
            yield HeldOut(view_of_rows(some.meta, ALL_OBSERVABLES, checkpoints), some)

    def growing(self, blocks: list[int]) -> dict[str, Panel]:
        """Return nothing: features are those of complete training."""
        return {}


@dataclass(frozen=True)
class CorpusSource(InMemory):
    """A corpus, of which random views are fitted."""

    material: Material
    feature_set: str
    table: FeatureTable

    @property
    def n_diverged(self) -> int:
        """Networks that diverged, which the material left out."""
        return self.material.n_diverged

    def training_rows(self, fitted: FeatureTable, target: str, seed: int) -> Rows:
        """Return the random views as they are."""
        return (
            feature_matrix(fitted, fitted.names),
            texts(fitted.meta[target]),
            fitted.meta["block"].to_numpy(),
            network_ids(fitted.meta),
        )

    def complete(self, tested: FeatureTable) -> FeatureTable:
        """Return the first view, which is complete."""
        return tested.rows(tested.meta["copy"] == 0)

    def held_out(self, blocks: list[int]) -> Iterator[HeldOut]:
        """Yield the networks under each measurement, at several numbers of checkpoints."""
        n = self.material.n_checkpoints
        cuts = [WHOLE, *(Cut(number=few, spread=True) for few in CHECKPOINTS if few < n)]
        for measurement in seeings_of(self.material.panels):
            panel = self._unseen(measurement, blocks)
            for cut in cuts:
                rng = np.random.default_rng(0)
                table = cut_features(panel, cut, self.feature_set, rng)
                view = view_of_rows(panel.meta, ALL_OBSERVABLES, cut.number or n)
                yield HeldOut(view, table)

    def growing(self, blocks: list[int]) -> dict[str, Panel]:
        """Return those under the first measurement of each kind that a recording can be of."""
        found: dict[str, Panel] = {}
        for measurement in seeings_of(self.material.panels):
            panel = self._unseen(measurement, blocks)
            kind = kind_of_rows(panel.meta)
            if kind != "noisy":
                found.setdefault(kind, panel)
        return found

    def _unseen(self, measurement: int, blocks: list[int]) -> Panel:
        panel = self.material.panels[measurement]
        return panel.rows((usable_rows(panel.meta) & panel.meta["block"].isin(blocks)).to_numpy())


def table_source(table: FeatureTable) -> TableSource:
    """Return a table of whole networks as a source: what is usable of it, and deviations."""
    masked = mask_fluorescence(table)
    # Values at checkpoints are the paper's, layer by layer.
    return TableSource(masked if table.feature_set == "trajectory" else with_deviations(masked))


def gaps_of(networks: np.ndarray, seed: int) -> pd.Series:
    """Draw for each network which of `TRAINED_GAPS` its second copy has.

    Args:
        networks: Network ids, each as often as wanted.
        seed: Seed of the draw.

    Returns:
        A number for each id, in their order.
    """
    ids = np.unique(networks)
    return pd.Series(
        np.random.default_rng([seed, 1]).integers(len(TRAINED_GAPS), size=len(ids)), index=ids
    )


def rows_with_gaps(table: FeatureTable, target: str, gaps: pd.Series) -> Rows:
    """Return each row and its copy with gaps.

    A copy of which nothing would be left, as of a recording of activations alone, is none.

    Args:
        table: Rows to train on.
        target: The column of labels.
        gaps: The gap of each network (`gaps_of`).
    """
    complete, networks = feature_matrix(table, table.names), network_ids(table.meta)
    observables = feature_observables(table.names)
    missing = np.array([np.isin(observables, gap) for gap in TRAINED_GAPS])
    partial = np.where(missing[gaps[networks].to_numpy()], np.float32(np.nan), complete)
    left = ~np.isnan(partial[:, observables != ""]).all(axis=1)
    labels, blocks = texts(table.meta[target]), table.meta["block"].to_numpy()
    return (
        np.concatenate([complete, partial[left]]),
        np.concatenate([labels, labels[left]]),
        np.concatenate([blocks, blocks[left]]),
        np.concatenate([networks, networks[left] + " with gaps"]),
    )


def with_observables(table: FeatureTable, observables: Sequence[str] | None) -> FeatureTable:
    """Return the features of some observables, of the rows that hold any; all when None."""
    if observables is None:
        return table
    of = feature_observables(table.names)
    kept = np.isin(of, ["", *observables])
    values = table.values.loc[:, kept]
    some = replace(table, values=values)
    return some.rows(values.loc[:, of[kept] != ""].notna().any(axis=1))


def texts(column: pd.Series) -> np.ndarray:
    """Return a column of texts as an array of them."""
    return column.to_numpy(dtype=object).astype(str)


def usable_rows(meta: pd.DataFrame) -> pd.Series:
    """Say which rows may be learned from: no diverged networks and none that the plan set apart."""
    diverged = meta["diverged"].astype(bool) if "diverged" in meta else False
    return pd.Series(~(set_apart(meta) | diverged), index=meta.index)
