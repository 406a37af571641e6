"""Feature tables to one Parquet file, some rows at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rule_id.trajectories import atomic_write
from rule_id.unpacking import is_text

if TYPE_CHECKING:
    import pyarrow as pa

    from rule_id.features.table import FeatureTable

__all__ = ["HASH_KEY", "METADATA_KEY", "FeatureFile", "header_hash", "write_tables"]

METADATA_KEY = b"rule_id"
HASH_KEY = b"rule_id.hash"
"""Entries of the metadata: what the table is, and a hash of that. Pages have checksums."""

# Rows of a row group, 9 MB of summaries. What the file says of each stays in memory to the end,
# 0.4 MB for small groups and for large ones.
GROUP_ROWS = 4_000

# Of a table that is written at once, so that it can be read a little at a time.
MOST_GROUP_ROWS = 16_000


@dataclass(frozen=True)
class FeatureFile:
    """A feature table that was written and is not in memory; `read_features` reads it.

    Attributes:
        path: The Parquet file.
        n_rows: Number of rows, one a (network, layer, measurement).
        names: Names of the features, in column order.
        feature_set: One of `FEATURE_SETS`.
        info: How the table was made, see `FeatureTable`.
    """

    path: Path
    n_rows: int
    names: list[str]
    feature_set: str
    info: dict[str, Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.n_rows


def write_tables(
    path: str | Path, tables: Iterable[FeatureTable], *, half: bool = False
) -> FeatureFile:
    """Write tables as one Parquet file, which pandas alone can read; nothing if one fails.

    Args:
        path: The file to write.
        tables: One or more with the same columns, made while they are written. The file's info is
            that of the last.
        half: Store float16, whose range ends at 65504: what lies beyond is stored as that.
    """
    written: list[FeatureFile] = []
    target = Path(path)
    atomic_write(target, lambda unfinished: written.append(_write(unfinished, tables, half)))
    (file,) = written
    return FeatureFile(target, file.n_rows, file.names, file.feature_set, file.info)


def _write(path: Path, tables: Iterable[FeatureTable], half: bool) -> FeatureFile:
    # Imported here: who identifies a recording need not wait for it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    remaining = iter(tables)
    first = next(remaining)
    schema = pa.Schema.from_pandas(_frame(first, half), preserve_index=False)
    n_rows, waiting = 0, []
    # Statistics of columns help nobody here, and would stay in memory to the end.
    with pq.ParquetWriter(
        path, schema, compression="zstd", write_statistics=False, write_page_checksum=True
    ) as writer:
        for table in chain([first], remaining):
            waiting.append(
                pa.Table.from_pandas(_frame(table, half), schema=schema, preserve_index=False)
            )
            n_rows += len(table)
            if sum(map(len, waiting)) >= GROUP_ROWS:
                writer.write_table(pa.concat_tables(waiting), MOST_GROUP_ROWS)
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting), MOST_GROUP_ROWS)
        # One table keeps the order of its rows, whatever that is; several have none together.
        in_order = len(table) == n_rows
        header = {"feature_set": table.feature_set, "info": table.info, "in_order": in_order}
        text = json.dumps(header)
        mark = header_hash(text.encode(), schema, n_rows)
        writer.add_key_value_metadata({METADATA_KEY: text, HASH_KEY: mark})
    return FeatureFile(path, n_rows, table.names, table.feature_set, table.info)


def header_hash(header: bytes, schema: pa.Schema, n_rows: int) -> str:
    """Return the SHA-256 of what the file says of itself, as hexadecimal digits."""
    columns = (f"{field.name} {_kind(field.type)}".encode() for field in schema)
    return hashlib.sha256(b"\0".join([header, str(n_rows).encode(), *columns])).hexdigest()


def _kind(of: pa.DataType) -> str:
    """Return what a column holds, however it is packed."""
    import pyarrow as pa

    plain = of.value_type if pa.types.is_dictionary(of) else of
    return "text" if is_text(plain) else str(plain)


def _frame(table: FeatureTable, half: bool) -> pd.DataFrame:
    limit = float(np.finfo(np.float16).max)
    values = table.values.clip(-limit, limit).astype(np.float16) if half else table.values
    return pd.concat([table.meta, values], axis=1)
