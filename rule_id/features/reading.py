"""Feature tables from their Parquet files, whole or some networks at a time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError, first_line, require_file
from rule_id.features.table import FeatureTable
from rule_id.features.targets import TARGETS
from rule_id.features.writing import HASH_KEY, METADATA_KEY, header_hash
from rule_id.unpacking import opened_parquet, unpacked

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = ["StoredTable", "open_features", "read_features"]

ORDER = ["network", "measurement", "layer"]

CHOSEN_BY = ("network", "measurement", "block", "diverged", "held_out", *TARGETS)
"""Columns that say which rows are trained on, and as what."""


def read_features(path: str | Path) -> FeatureTable:
    """Read a feature table.

    Args:
        path: A Parquet file written by `features` or `FeatureTable.write`.

    Returns:
        The table; in the order of network, measurement and layer when it was written in batches.

    Raises:
        InputError: The file is missing, damaged, empty, or not a feature table of ours.
    """
    source = Path(path)
    with _opened(source) as file:
        frame, header = _frame(source, file.read()), _header(source, file)
        _require_rows(source, file, len(frame))
    names = _features(source, list(frame.columns), len(frame))
    _require_numbers(source, frame, names)
    if not header.in_order:
        frame = frame.sort_values([name for name in ORDER if name in frame], ignore_index=True)
    meta = frame[[name for name in frame.columns if "." not in name]]
    return FeatureTable(meta, frame[names].astype(np.float32), header.feature_set, header.info)


@dataclass(frozen=True)
class StoredTable:
    """A feature table on disk, of which only what rows are chosen by is in memory.

    Attributes:
        path: The Parquet file.
        meta: Of `FeatureTable.meta` the columns `CHOSEN_BY` that there are, in the order of the
            file; texts are categorical, which takes a few bytes a row.
        names: Names of the features, in column order.
        feature_set: One of `FEATURE_SETS`.
        info: How the table was made, see `FeatureTable`.
    """

    path: Path
    meta: pd.DataFrame
    names: list[str]
    feature_set: str
    info: dict[str, Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.meta)

    def batches(
        self, most_rows: int, networks: Collection[str] | None = None
    ) -> Iterator[FeatureTable]:
        """Read the table, whole networks at a time.

        Args:
            most_rows: Rows that are read at once; a batch has up to the rows of one network more.
            networks: Those to be read; all when None.

        Raises:
            InputError: The file cannot be read, or changed since it was opened.
        """
        kept = np.full(len(self), True)
        if networks is not None:
            kept = self.meta["network"].isin(set(networks)).to_numpy()
        ends = np.append(_first_rows(self.meta)[1:], len(self))
        begin, rest = 0, None
        for frame in self._frames(most_rows):
            rest = frame if rest is None else pd.concat([rest, frame], ignore_index=True)
            # The last network may go on in what is read next.
            end = int(ends[ends <= begin + len(rest)].max(initial=begin))
            if kept[begin:end].any():
                yield self._table(rest[: end - begin]).rows(kept[begin:end])
            rest, begin = rest[end - begin :], end
        if begin < len(self):
            raise InputError(f"{self.path} must stay as it is while it is read; rows are missing")

    def _frames(self, most_rows: int) -> Iterator[pd.DataFrame]:
        with _opened(self.path) as file:
            # One group after the other: a reader of all keeps something of each that it has read.
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(most_rows, row_groups=[group], use_threads=False):
                    frame = _frame(self.path, batch)
                    _require_numbers(self.path, frame, self.names)
                    yield frame

    def _table(self, frame: pd.DataFrame) -> FeatureTable:
        meta = frame[[name for name in frame.columns if "." not in name]]
        values = frame[self.names].astype(np.float32)
        return FeatureTable(meta, values, self.feature_set, self.info)


def open_features(path: str | Path) -> StoredTable:
    """Open a feature table that need not fit into memory.

    Args:
        path: As of `read_features`.

    Raises:
        InputError: As of `read_features`; also where the rows of a network do not follow one
            another, as they do in all that `features` writes.
    """
    source = Path(path)
    with _opened(source) as file:
        header, columns = _header(source, file), file.schema_arrow.names
        names = _features(source, columns, file.metadata.num_rows)
        kept = [name for name in CHOSEN_BY if name in columns]
        meta = _frame(source, file.read(kept), texts=False)
        _require_rows(source, file, len(meta))
    if len(_first_rows(meta)) != meta["network"].nunique():
        raise InputError(
            f"{source}: rows of a network must follow one another, as `rule-id features` writes "
            "them, for the table to be read in batches"
        )
    return StoredTable(source, meta, names, header.feature_set, header.info)


@dataclass(frozen=True)
class _Header:
    feature_set: str
    info: dict[str, Any]
    in_order: bool


@contextmanager
def _opened(source: Path) -> Iterator[pq.ParquetFile]:
    require_file(source, "a feature table")
    try:
        with opened_parquet(source, source, source.stat().st_size) as file:
            yield file
    except InputError:
        raise
    except MemoryError:
        raise InputError(
            f"{source} does not fit into memory: `rule-id train TABLE --most-rows N` (most_rows) "
            "reads it in batches"
        ) from None
    except Exception as error:  # pyarrow and pandas raise many types for a damaged file
        reason = first_line(error)
        raise InputError(f"{source} must be a complete Parquet file: {reason}") from None


def _header(source: Path, file: pq.ParquetFile) -> _Header:
    said = file.metadata.metadata or {}
    own, mark = said.get(METADATA_KEY), said.get(HASH_KEY)
    if own is None:
        raise InputError(f"{source} must be a feature table written by `rule-id features`")
    # Tables of before hashes were written have none.
    found = header_hash(own, file.schema_arrow, file.metadata.num_rows)
    if mark is not None and found.encode() != mark:
        raise InputError(f"{source} does not hold what was written; run `rule-id features` again")
    try:
        header = json.loads(own)
        return _Header(
            str(header["feature_set"]), dict(header["info"]), bool(header.get("in_order", True))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{source}: the header of a feature table is damaged: {error!r}") from None


def _frame(source: Path, table: Any, texts: bool = True) -> pd.DataFrame:
    """Return what a file holds, not what pandas once noted of it: of that nothing is a hash."""
    whole = unpacked(table, source, source.stat().st_size, texts=texts)
    frame: pd.DataFrame = whole.to_pandas(ignore_metadata=True)
    return frame


def _require_rows(source: Path, file: pq.ParquetFile, n_rows: int) -> None:
    if n_rows != file.metadata.num_rows:
        raise InputError(
            f"{source} must be a complete Parquet file: it says that it has "
            f"{file.metadata.num_rows} rows, and holds {n_rows}"
        )


def _features(source: Path, columns: list[str], n_rows: int) -> list[str]:
    """Return the columns that are features, of a table that has what it must have."""
    names = [name for name in columns if "." in name]
    missing = [name for name in ("network", "layer", "depth") if name not in columns]
    if missing or not names or not n_rows:
        lack = f"column {missing[0]}" if missing else "features" if not names else "rows"
        raise InputError(f"{source}: a feature table must have {lack}; there are none")
    return names


def _require_numbers(source: Path, frame: pd.DataFrame, names: list[str]) -> None:
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(frame[name])]
    if texts:
        raise InputError(f"{source}: features must hold numbers; {texts[0]} does not")


def _first_rows(meta: pd.DataFrame) -> np.ndarray:
    """Return where the rows of each network begin, ascending."""
    networks = meta["network"].to_numpy(dtype=object)
    return np.flatnonzero(np.append(True, networks[1:] != networks[:-1]))
