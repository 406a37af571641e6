"""Training on a feature table that is larger than memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.features.panel import Panel
from rule_id.features.reading import StoredTable
from rule_id.features.table import FeatureTable
from rule_id.models.calibrating import HeldOut
from rule_id.models.patterns import network_ids
from rule_id.models.sources import (
    Rows,
    TrainingPart,
    gaps_of,
    rows_with_gaps,
    table_source,
    usable_rows,
    with_observables,
)

__all__ = ["StoredSource"]

LEAST_ROWS = 100

_KEYS = ("network", "measurement")


@dataclass(frozen=True)
class StoredSource:
    """A feature table on disk, all of which is fitted and some of which is in memory.

    Networks drawn at random are in memory: on those of them that are fitted hyperparameters are
    chosen and ranges and edges of bins are found, those of blocks held out score and calibrate.

    Attributes:
        stored: The table.
        most_rows: Rows that are read at once, and that are in memory.
        table: The networks in memory.
    """

    stored: StoredTable
    most_rows: int
    table: FeatureTable

    @classmethod
    def draw(cls, stored: StoredTable, most_rows: int, seed: int) -> StoredSource:
        """Draw the networks that are in memory.

        Args:
            stored: The table.
            most_rows: How many rows they have together at most, 100 or more.
            seed: Seed of the draw.

        Raises:
            InputError: `most_rows` is too small, or the table is not one of simulated networks.
        """
        if most_rows < LEAST_ROWS:
            raise InputError(f"most_rows must be {LEAST_ROWS} or more; got {most_rows}")
        if "block" not in stored.meta.columns:
            raise InputError("features must be those of simulated networks; no column block")
        networks = stored.meta.loc[usable_rows(stored.meta), "network"].astype("category")
        sizes = networks.cat.remove_unused_categories().value_counts(sort=False)
        sizes.index = sizes.index.astype(str)
        sizes = sizes.sort_index()
        order = np.random.default_rng([seed, 2]).permutation(len(sizes))
        if len(sizes) and sizes.to_numpy()[order[0]] > most_rows:
            raise InputError(
                f"most_rows must be {sizes.max()} or more, the rows of one network; got {most_rows}"
            )
        drawn = sizes.index[order][sizes.to_numpy()[order].cumsum() <= most_rows]
        kept = list(stored.batches(most_rows, set(drawn)))
        if not kept:
            raise InputError("features must hold networks that neither diverged nor were set apart")
        table = FeatureTable(
            pd.concat([one.meta for one in kept], ignore_index=True),
            pd.concat([one.values for one in kept], ignore_index=True),
            stored.feature_set,
            stored.info,
        )
        return cls(stored, most_rows, table_source(table).table)

    @property
    def n_diverged(self) -> int:
        """Networks that diverged, of which none is in memory."""
        return self._count(self._diverged)

    @property
    def n_set_apart(self) -> int:
        """Networks that the plan set apart and that did not diverge."""
        return self._count(~usable_rows(self.stored.meta) & ~self._diverged)

    def training_rows(self, fitted: FeatureTable, target: str, seed: int) -> Rows:
        """Return what `TableSource` does of the networks in memory."""
        return table_source(fitted).training_rows(fitted, target, seed)

    def fit(self, classifier: Any, rows: Rows, split: TrainingPart) -> Any:
        """Fit to all networks that may be trained on, read anew in each pass."""
        part = self.stored.meta[self._trained_on(split.test_blocks)]
        once = part.drop_duplicates([name for name in _KEYS if name in part.columns])
        gaps = gaps_of(network_ids(once), split.seed)

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for table in self.stored.batches(self.most_rows, set(part["network"])):
                some = with_observables(table_source(table).table, split.observables)
                some = FeatureTable(some.meta, some.values[split.names], some.feature_set)
                X, y, *_ = rows_with_gaps(some, split.target, gaps)
                yield X, y

        with tempfile.TemporaryDirectory() as folder:
            return classifier.fit_batches(batches, folder, rows[0])

    def learned(self, fitted: FeatureTable, test_blocks: list[int]) -> pd.DataFrame:
        """Return what the rows on disk are that are trained on."""
        return self.stored.meta[self._trained_on(test_blocks)]

    def complete(self, tested: FeatureTable) -> FeatureTable:
        """Return all rows, as `TableSource` does."""
        return tested

    def held_out(self, blocks: list[int]) -> Iterator[HeldOut]:
        """Yield the rows in memory under each measurement."""
        return table_source(self.table).held_out(blocks)

    def growing(self, blocks: list[int]) -> dict[str, Panel]:
        """Return nothing, as `TableSource` does."""
        return {}

    @property
    def _diverged(self) -> pd.Series:
        meta = self.stored.meta
        if "diverged" not in meta:
            return pd.Series(False, index=meta.index)
        return meta["diverged"].astype(bool)

    def _count(self, rows: pd.Series) -> int:
        return int(self.stored.meta.loc[rows, "network"].nunique())

    def _trained_on(self, test_blocks: list[int]) -> pd.Series:
        meta = self.stored.meta
        return usable_rows(meta) & ~meta["block"].isin(test_blocks)
