"""XGBoost's bins of features that are read some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from rule_id.models.screening import only

__all__ = ["Batches", "bins_on_disk"]

Batches = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]
"""Features (n_i, d) and labels (n_i,) of one batch after the other, anew at each call."""


class _Passes(xgboost.DataIter):
    """What XGBoost asks for batches: once for edges of bins, once to put values into them."""

    def __init__(
        self,
        batches: Batches,
        classes: np.ndarray,
        weights: np.ndarray,
        folder: str | Path,
        kept: np.ndarray | None,
    ) -> None:
        self._batches, self._classes, self._weights = batches, classes, weights
        self._kept = kept
        self._left = batches()
        # What the first trees were grown on is still there when bins of what they chose are made.
        name = "bins" if kept is None else "chosen"
        super().__init__(cache_prefix=str(Path(folder) / name))

    def next(self, input_data: Callable[..., Any]) -> bool:
        batch = next(self._left, None)
        if batch is None:
            return False
        X, y = batch
        if self._kept is not None:
            X = only(X, self._kept)
        codes = np.searchsorted(self._classes, y)
        input_data(data=X, label=codes, weight=self._weights[codes])
        return True

    def reset(self) -> None:
        self._left = self._batches()


def bins_on_disk(
    batches: Batches,
    classes: np.ndarray,
    weights: np.ndarray,
    folder: str | Path,
    some: np.ndarray,
    *,
    kept: np.ndarray | None = None,
    max_bin: int,
    nthread: int,
) -> xgboost.DMatrix:
    """Return features in bins, which lie on disk.

    Args:
        batches: Features and labels.
        classes: The k classes, sorted.
        weights: The weight of a row of each (k,).
        folder: Where the bins lie; it may go when the matrix is gone.
        some: Features (m, d) whose quantiles are the edges of bins. Those of all rows would take a
            megabyte of memory a feature for a million rows.
        kept: Which features there shall be (d,), the others missing; None for all.
        max_bin: Bins of a feature.
        nthread: Threads; 0 for all cores.
    """
    some = some if kept is None else only(some, kept)
    edges = xgboost.QuantileDMatrix(some, max_bin=max_bin, nthread=nthread)
    passes = _Passes(batches, classes, weights, folder, kept)
    return xgboost.ExtMemQuantileDMatrix(passes, ref=edges, max_bin=max_bin, nthread=nthread)
