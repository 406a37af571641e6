"""The feature table: one row a (network, layer, measurement), one column a feature.

Columns with a dot in their name are features (`weight_abs_mean.early_slope`); the others say what
the row is and are never given to a classifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.features.writing import write_tables

__all__ = ["FEATURE_SETS", "FeatureTable", "split_name"]

FEATURE_SETS = ("trajectory", "summary", "invariant")


@dataclass(frozen=True)
class FeatureTable:
    """Features of layers, and what the layers belong to.

    Attributes:
        meta: One row a (network, layer, measurement), n rows: `network`, `layer`, `layer_name`,
            `depth`, `depth_group`, `measurement`, ..., and for simulated networks `block`,
            the `TARGETS`, `architecture`, `task`, ...
        values: The features, n rows of float32 with the same index; NaN where not measured.
        feature_set: One of `FEATURE_SETS`.
        info: How the table was made (`paper`, `corpus`, `n_checkpoints`, ...), JSON types only.
    """

    meta: pd.DataFrame
    values: pd.DataFrame
    feature_set: str
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names of the features, in column order."""
        return list(self.values.columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.meta)

    def matrix(self) -> np.ndarray:
        """Return the features as an array (n rows, n features) of float32."""
        return self.values.to_numpy(dtype=np.float32)

    def rows(self, mask: np.ndarray | pd.Series) -> FeatureTable:
        """Return the rows where the boolean `mask` (n rows,) is true, the index made anew."""
        keep = np.asarray(mask, dtype=bool)
        return FeatureTable(
            self.meta[keep].reset_index(drop=True),
            self.values[keep].reset_index(drop=True),
            self.feature_set,
            self.info,
        )

    def write(self, path: str | Path, *, half: bool = False) -> None:
        """Write the table as one Parquet file, which pandas alone can read.

        Args:
            path: The file to write.
            half: Store float16, whose range ends at 65504: what lies beyond is stored as that.
        """
        write_tables(path, [self], half=half)


def split_name(feature: str) -> tuple[str, str]:
    """Split a feature's name into its statistic and its summary.

    >>> split_name("weight_abs_mean.early_slope")
    ('weight_abs_mean', 'early_slope')
    """
    statistic, _, summary = feature.partition(".")
    return statistic, summary
