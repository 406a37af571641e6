"""A compact part on disk; what is read need not be what was written."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.compact_parts.coding import Coded
from rule_id.compact_parts.kept import KEPT
from rule_id.compact_parts.path_coding import CodedPaths, n_angles
from rule_id.compact_parts.rows import CHECKPOINT_COLUMNS, LAYER_COLUMNS, PartTables
from rule_id.compact_parts.share_coding import SHARES, n_pairs
from rule_id.errors import InputError
from rule_id.folders import atomic_write
from rule_id.schema import MOST_COMPARED, PAIRS

__all__ = ["MOST_ROWS", "MOST_TEXT", "is_compact_part", "read_keys", "read_part", "write_part"]

MOST_ROWS = 1_000_000
"""Rows, layers times checkpoints, of what one part may decode to: 0.3 GB."""

MOST_TEXT = 300
"""Characters of a text, for it is repeated in each row."""

MOST_BYTES = 400_000_000
"""Size unpacked that a file may announce."""

TEXTS = ("network", "layer_name", "layer_kind", "depth_group", "observation")
WHOLE = ("layer", "measurement", "n_units", "checkpoint", "step")
SINGLE = ("loss", "performance")
LEVEL = 11
"""The most that Brotli packs, a fifteenth smaller than the most of Zstandard."""

FIRST, RANGE, COURSE = ".first", ".range", ".course"
STEPS, ANGLES, CODES = ".steps", ".angles", ".codes"
"""The first two, with `.first`, are the columns of a path, the last is that of other pairs."""


def is_compact_part(folder: Path, name: str) -> bool:
    """Say whether a part of a corpus is a compact one: its checkpoints are a table of their own."""
    return (folder / "checkpoints" / name).is_file()


def write_part(folder: Path, name: str, tables: PartTables) -> None:
    """Write the trajectories and the checkpoints of one part."""
    import pyarrow as pa

    columns = {c: _array(c, tables.layers[c]) for c in LAYER_COLUMNS}
    for statistic, course in tables.courses.items():
        columns[statistic + FIRST] = pa.array(course.first, from_pandas=False)
        columns[statistic + RANGE] = pa.array(course.range, from_pandas=False)
        columns[statistic + COURSE] = _binary(course.steps)
    for pair, path in tables.paths.items():
        columns[pair + FIRST] = pa.array(path.first, from_pandas=False)
        columns[pair + STEPS] = _binary(path.steps.astype("<u2").view(np.uint8))
        columns[pair + ANGLES] = _binary(path.angles.view(np.uint8))
    for pair, codes in tables.shares.items():
        columns[pair + CODES] = _binary(codes)
    checkpoints = {c: _array(c, tables.checkpoints[c]) for c in CHECKPOINT_COLUMNS}
    for place, table in (("checkpoints", checkpoints), ("trajectories", columns)):
        write = partial(_write, pa.table(table))
        atomic_write(folder / place / name, write)


def read_part(folder: Path, name: str) -> PartTables:
    """Read one part.

    Raises:
        InputError: It is damaged, is not what `write_part` writes, or would unpack to more than
            memory is meant for.
    """
    path = folder / "trajectories" / name
    layers, courses = _read_layers(path, with_courses=True)
    checkpoints = _read_checkpoints(folder / "checkpoints" / name)
    n_checkpoints = next(iter(courses.values())).steps.shape[1] + 1
    _require_fit(layers, checkpoints, n_checkpoints, path)
    return PartTables(layers, checkpoints, courses, *_read_pairs(path, n_checkpoints))


def read_keys(folder: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the layers and checkpoints of one part without its trajectories; see `read_part`."""
    path = folder / "trajectories" / name
    layers, _ = _read_layers(path, with_courses=False)
    checkpoints = _read_checkpoints(folder / "checkpoints" / name)
    n = len(checkpoints) // max(1, checkpoints["network"].nunique())
    _require_fit(layers, checkpoints, n, path)
    return layers, checkpoints


def _read_layers(path: Path, with_courses: bool) -> tuple[pd.DataFrame, dict[str, Coded]]:
    parts = (FIRST, RANGE, COURSE) if with_courses else ()
    names = [statistic + part for statistic in KEPT for part in parts]
    table = _read(path, [*LAYER_COLUMNS, *names])
    courses = {}
    for statistic in KEPT if with_courses else ():
        first, largest = (table[statistic + part].to_numpy() for part in (FIRST, RANGE))
        if not (np.isfinite(largest) & (largest >= 0)).all() or np.isinf(first).any():
            raise InputError(
                f"{path}: {statistic} must begin at a finite value and have a range of 0 or more"
            )
        courses[statistic] = Coded(first, largest, _steps(table[statistic + COURSE]))
    if len({course.steps.shape for course in courses.values()}) > 1:
        raise InputError(f"{path}: all courses must have the same number of checkpoints")
    return _frame(table, LAYER_COLUMNS), courses


def _read_pairs(
    path: Path, n_checkpoints: int
) -> tuple[dict[str, CodedPaths], dict[str, np.ndarray]]:
    """Return paths and shares; none of a copy of a corpus without pairs of checkpoints."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
    paths = {
        pair: _read_path(path, pair, n_checkpoints)
        for pair in PAIRS
        if pair not in SHARES and pair + FIRST in there
    }
    shares = {}
    for pair in SHARES:
        if pair + CODES in there:
            table = _read(path, [pair + CODES])
            shares[pair] = _codes(path, table, pair + CODES, n_pairs(n_checkpoints))
    if (paths or shares) and n_checkpoints > MOST_COMPARED:
        raise InputError(
            f"{path}: pairs must be of {MOST_COMPARED} checkpoints at most; got {n_checkpoints}"
        )
    return paths, shares


def _read_path(path: Path, pair: str, n_checkpoints: int) -> CodedPaths:
    table = _read(path, [pair + name for name in (FIRST, STEPS, ANGLES)])
    sizes = table[pair + FIRST].to_numpy()
    if np.isinf(sizes).any() or (sizes < 0).any():
        raise InputError(f"{path}: {pair} must begin at a finite size of 0 or more")
    steps = _codes(path, table, pair + STEPS, 2 * (n_checkpoints - 1))
    angles = _codes(path, table, pair + ANGLES, n_angles(n_checkpoints))
    lengths = np.ascontiguousarray(steps).view("<u2").astype(np.uint16)
    return CodedPaths(sizes, lengths, angles.view(np.int8))


def _codes(path: Path, table: Any, column: str, expected: int) -> np.ndarray:
    codes = _steps(table[column])
    if codes.shape[1] != expected:
        raise InputError(f"{path}: {column} must have {expected} bytes; got {codes.shape[1]}")
    return codes


def _read_checkpoints(path: Path) -> pd.DataFrame:
    return _frame(_read(path, list(CHECKPOINT_COLUMNS)), CHECKPOINT_COLUMNS)


def _require_fit(
    layers: pd.DataFrame, checkpoints: pd.DataFrame, n_checkpoints: int, path: Path
) -> None:
    counts = checkpoints["network"].value_counts()
    if set(counts.index) != set(layers["network"]) or (counts != n_checkpoints).any():
        raise InputError(
            f"{path}: every network must have layers, and {n_checkpoints} checkpoints in the table "
            "of checkpoints beside it"
        )
    if n_checkpoints < 2 or len(layers) * n_checkpoints > MOST_ROWS:
        raise InputError(
            f"{path}: a part must have 2 checkpoints or more, and at most {MOST_ROWS} rows; got "
            f"{len(layers)} layers at {n_checkpoints} checkpoints"
        )


def _type(column: str) -> Any:
    import pyarrow as pa

    if column in TEXTS:
        return pa.string()
    if column == "tracked":
        return pa.bool_()
    single = column in SINGLE or column.endswith((FIRST, RANGE))
    return pa.int64() if column in WHOLE else pa.float32() if single else pa.float64()


def _array(column: str, values: pd.Series) -> Any:
    import pyarrow as pa

    return pa.array(values.to_numpy(), type=_type(column), from_pandas=False)


def _binary(steps: np.ndarray) -> Any:
    import pyarrow as pa

    n, width = steps.shape
    content = pa.py_buffer(np.ascontiguousarray(steps).tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), n, [None, content])


def _steps(column: Any) -> np.ndarray:
    values = column.combine_chunks()
    width = values.type.byte_width
    content = np.frombuffer(values.buffers()[1], dtype=np.uint8)
    begin = values.offset * width
    return content[begin : begin + len(values) * width].reshape(len(values), width)


def _write(table: Any, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Of bytes of one kind side by side those that were rounded away and the exponents pack well,
    # and so do those of one checkpoint.
    split = {
        f.name: "BYTE_STREAM_SPLIT"
        for f in table.schema
        if f.type == pa.float32() or f.name.endswith((COURSE, STEPS))
    }
    plain = [f.name for f in table.schema if pa.types.is_fixed_size_binary(f.type)]
    pq.write_table(
        table, path, compression="brotli", compression_level=LEVEL, write_statistics=False,
        use_dictionary=[c for c in table.column_names if c not in split and c not in plain],
        column_encoding=split, store_schema=False, row_group_size=max(1, len(table)),
    )  # fmt: skip


def _read(path: Path, columns: list[str]) -> Any:
    """Read columns that must have the types that are written, none of them empty anywhere."""
    import pyarrow.parquet as pq

    texts = [name for name in columns if name in TEXTS]
    try:
        with pq.ParquetFile(path) as file:
            _require_small(file.metadata, path)
            _require_types(file.schema_arrow, columns, path)
        # Texts stay as they are packed: unpacked, a long one could fill the memory.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read(columns=columns, use_threads=False)
            table.validate(full=True)
    except InputError:
        raise
    except Exception as error:  # pyarrow raises many types for a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} must be a complete Parquet file: {reason}") from None
    empty = [name for name in columns if table[name].null_count]
    if empty or not len(table):
        raise InputError(f"{path}: no value may be missing, as in column {(empty or columns)[0]}")
    _require_short(table, path)
    return table


def _require_small(metadata: Any, path: Path) -> None:
    # Not of columns: pyarrow ends the process where what a file says of a column is damaged.
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if metadata.num_rows > MOST_ROWS or size > MOST_BYTES:
        raise InputError(
            f"{path} must have at most {MOST_ROWS} rows and {MOST_BYTES} bytes unpacked; got "
            f"{metadata.num_rows} rows and {size} bytes"
        )


def _require_types(schema: Any, columns: list[str], path: Path) -> None:
    import pyarrow as pa

    for name in columns:
        if schema.get_all_field_indices(name) == []:
            raise InputError(f"{path}: column {name} is missing")
        of = schema.field(name).type
        if name.endswith((COURSE, STEPS, ANGLES, CODES)):
            right = pa.types.is_fixed_size_binary(of) and 0 < of.byte_width < MOST_ROWS
            expected = "bytes of a fixed number"
        else:
            right, expected = of == _type(name), str(_type(name))
        if not right:
            raise InputError(f"{path}: column {name} must be of type {expected}; got {of}")


def _require_short(table: Any, path: Path) -> None:
    import pyarrow.compute as pc

    for name in set(TEXTS) & set(table.column_names):
        for chunk in table[name].chunks:
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0
            if longest > MOST_TEXT:
                raise InputError(
                    f"{path}: a {name} must have at most {MOST_TEXT} bytes; got {longest}"
                )


def _frame(table: Any, columns: tuple[str, ...]) -> pd.DataFrame:
    frame = table.select(list(columns)).to_pandas()
    return frame.astype({name: "str" for name in columns if name in TEXTS})
