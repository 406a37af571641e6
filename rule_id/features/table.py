"""The feature table: one row a (network, layer, measurement), one column a feature.

Columns with a dot in their name are features (`weight_abs_mean.early_slope`); the others say what
the row is and are never given to a classifier.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError, first_line, require_file
from rule_id.features.writing import METADATA_KEY, write_tables
from rule_id.unpacking import require_modest

__all__ = ["FEATURE_SETS", "FeatureTable", "read_features", "split_name"]

ORDER = ["network", "measurement", "layer"]

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


def read_features(path: str | Path) -> FeatureTable:
    """Read a feature table.

    Args:
        path: A Parquet file written by `features` or `FeatureTable.write`.

    Returns:
        The table; in the order of network, measurement and layer when it was written in batches.

    Raises:
        InputError: The file is missing, damaged, empty, or not a feature table of ours.
    """
    # Imported here: who identifies a recording need not wait for it.
    import pyarrow.parquet as pq

    source = Path(path)
    require_file(source, "a feature table")
    try:
        with pq.ParquetFile(source) as file:
            require_modest(file, source, source.stat().st_size)
            frame, metadata = file.read().to_pandas(), file.metadata.metadata or {}
    except InputError:
        raise
    except Exception as error:  # pyarrow and pandas raise many types for a damaged file
        reason = first_line(error)
        raise InputError(f"{source} must be a complete Parquet file: {reason}") from None
    own = metadata.get(METADATA_KEY)
    if own is None:
        raise InputError(f"{source} must be a feature table written by `rule-id features`")
    try:
        header = json.loads(own)
        feature_set, info = str(header["feature_set"]), dict(header["info"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{source}: the header of a feature table is damaged: {error!r}") from None
    features = [name for name in frame.columns if "." in name]
    missing = [name for name in ("network", "layer", "depth") if name not in frame.columns]
    if missing or not features or frame.empty:
        lack = f"column {missing[0]}" if missing else "features" if not features else "rows"
        raise InputError(f"{source}: a feature table must have {lack}; there are none")
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(frame[name])]
    if texts:
        raise InputError(f"{source}: features must hold numbers; {texts[0]} does not")
    if not header.get("in_order", True):
        frame = frame.sort_values([name for name in ORDER if name in frame], ignore_index=True)
    meta = frame[[name for name in frame.columns if "." not in name]]
    values = frame[features].astype(np.float32)
    return FeatureTable(meta, values, feature_set, info)


def split_name(feature: str) -> tuple[str, str]:
    """Split a feature's name into its statistic and its summary.

    >>> split_name("weight_abs_mean.early_slope")
    ('weight_abs_mean', 'early_slope')
    """
    statistic, _, summary = feature.partition(".")
    return statistic, summary
