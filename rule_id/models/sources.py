"""What a classifier is trained on: a corpus, seen in random ways, or a feature table as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.features.deviations import with_deviations
from rule_id.features.material import Material, read_material
from rule_id.features.panel import Panel
from rule_id.features.signals import mask_fluorescence
from rule_id.features.table import FeatureTable, read_features
from rule_id.models.calibrating import HeldOut
from rule_id.models.cuts import WHOLE, Cut, cut_features
from rule_id.models.patterns import (
    TRAINED_GAPS,
    feature_matrix,
    feature_observables,
    network_ids,
)
from rule_id.models.view import view_of_rows
from rule_id.models.views import ALL_OBSERVABLES, randomised_views, seeings_of
from rule_id.reference import reference_path
from rule_id.storage import local_copy
from rule_id.trajectories import set_apart

__all__ = [
    "REFERENCE_CORPUS",
    "Source",
    "open_source",
    "reference_corpus",
    "texts",
    "with_observables",
]

REFERENCE_CORPUS = "corpus"
"""What is trained on when nothing is named."""

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Features (n, d), labels, blocks and network ids (n,)."""

CHECKPOINTS = (10, 5, 3)
"""Numbers of checkpoints, evenly spread, at which unseen networks are named beside all."""


class Source(Protocol):
    """What a classifier is trained and calibrated on."""

    @property
    def table(self) -> FeatureTable:
        """The rows that are fitted, and those of blocks to hold out."""

    @property
    def n_diverged(self) -> int:
        """Networks that diverged and have no rows."""

    def training_rows(self, fitted: FeatureTable, target: str, seed: int) -> Rows:
        """Return what the classifier is fitted to."""

    def complete(self, tested: FeatureTable) -> FeatureTable:
        """Return the rows of held-out networks as they are seen completely."""

    def held_out(self, blocks: list[int]) -> Iterator[HeldOut]:
        """Yield the networks of some blocks in every way in which they are seen."""

    def growing(self, blocks: list[int]) -> dict[str, Panel]:
        """Return trajectories of some blocks for each kind of view, to be seen while they grow."""


@dataclass(frozen=True)
class TableSource:
    """A feature table: no fewer checkpoints than it was made of, every row as it is."""

    table: FeatureTable
    n_diverged = 0

    def training_rows(self, fitted: FeatureTable, target: str, seed: int) -> Rows:
        """Return each row and its copy with gaps.

        A copy of which nothing would be left, as of a recording of activations alone, is none.
        """
        complete = feature_matrix(fitted, fitted.names)
        networks = network_ids(fitted.meta)
        ids, index = np.unique(networks, return_inverse=True)
        gap = np.random.default_rng([seed, 1]).integers(len(TRAINED_GAPS), size=len(ids))[index]
        observables = feature_observables(fitted.names)
        missing = np.array([np.isin(observables, gaps) for gaps in TRAINED_GAPS])[gap]
        partial = np.where(missing, np.float32(np.nan), complete)
        left = ~np.isnan(partial[:, observables != ""]).all(axis=1)
        labels, blocks = texts(fitted.meta[target]), fitted.meta["block"].to_numpy()
        return (
            np.concatenate([complete, partial[left]]),
            np.concatenate([labels, labels[left]]),
            np.concatenate([blocks, blocks[left]]),
            np.concatenate([networks, networks[left] + " with gaps"]),
        )

    def complete(self, tested: FeatureTable) -> FeatureTable:
        """Return all rows: every measurement is a recording of its own."""
        return tested

    def held_out(self, blocks: list[int]) -> Iterator[HeldOut]:
        """Yield the rows of each measurement."""
        kept = _usable_rows(self.table.meta) & self.table.meta["block"].isin(blocks)
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
class CorpusSource:
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
            kind = view_of_rows(panel.meta, ALL_OBSERVABLES, 2).kind
            if kind != "noisy":
                found.setdefault(kind, panel)
        return found

    def _unseen(self, measurement: int, blocks: list[int]) -> Panel:
        panel = self.material.panels[measurement]
        return panel.rows((_usable_rows(panel.meta) & panel.meta["block"].isin(blocks)).to_numpy())


def open_source(
    features: FeatureTable | str | Path | None, feature_set: str, seed: int
) -> TableSource | CorpusSource:
    """Return what to train on.

    Args:
        features: A corpus folder, a feature table or its file; None for the reference corpus.
        feature_set: Of a corpus, `summary` or `invariant`.
        seed: Seed of the random views of a corpus.

    Raises:
        InputError: It cannot be read, or an installation has no reference.
    """
    if isinstance(features, FeatureTable):
        return _table_source(features)
    if features is None:
        features = reference_corpus()
    features = local_copy(features)
    if not features.is_dir():
        return _table_source(read_features(features))
    one_of("feature set", feature_set, ("summary", "invariant"))
    material = read_material(features)
    views = randomised_views(material, feature_set, seed=seed)
    # As a feature table of the corpus says it, so that a report can tell that the two go together.
    info = {
        "paper": False,
        "corpus": Path(features).resolve().name,
        "n_checkpoints": material.n_checkpoints,
        "content_hash": material.content_hash,
    }
    return CorpusSource(material, feature_set, replace(views, info=info))


def _table_source(table: FeatureTable) -> TableSource:
    masked = mask_fluorescence(table)
    # Values at checkpoints are the paper's, layer by layer.
    return TableSource(masked if table.feature_set == "trajectory" else with_deviations(masked))


def reference_corpus() -> Path:
    """Return the corpus that ships.

    Raises:
        InputError: This installation has none.
    """
    corpus = reference_path(REFERENCE_CORPUS)
    if not (corpus / "manifest.json").is_file():
        raise InputError(
            "features must be given: this installation has no reference corpus, "
            f"rule_id/reference/{REFERENCE_CORPUS}"
        )
    return corpus


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


def _usable_rows(meta: pd.DataFrame) -> pd.Series:
    diverged = meta["diverged"].astype(bool) if "diverged" in meta else False
    return pd.Series(~(set_apart(meta) | diverged), index=meta.index)
