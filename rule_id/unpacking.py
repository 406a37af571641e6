"""How much a small file may become when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rule_id.errors import InputError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = ["MOST_TIMES", "require_modest"]

MOST_TIMES = 500
"""How many times its size a file may unpack to; corpora and tables of ours unpack to ten times."""

SMALL = 2**28
"""Bytes that any file may unpack to."""

_VALUE = 4
"""Bytes of a value, at least."""


def require_modest(file: pq.ParquetFile, path: Path, size: int) -> None:
    """Refuse a Parquet file that holds far more values than so small a file holds by itself.

    Columns of one value take no room on disk whatever their length, and all of it in memory.

    Args:
        file: The file, of which nothing but the end was read.
        path: Its name, for the message.
        size: Its bytes.

    Raises:
        InputError: It would unpack to more than 256 MiB and `MOST_TIMES` times its size.
    """
    values = file.metadata.num_rows * file.metadata.num_columns
    if values * _VALUE > max(SMALL, MOST_TIMES * size):
        raise InputError(
            f"{path} must unpack to no more than {MOST_TIMES} times its size, {size} bytes; it "
            f"says that it holds {values} values"
        )
