"""How much a small file may become when it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from rule_id.errors import InputError, first_line

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["MOST_TIMES", "SMALL", "is_text", "opened_parquet", "unpacked"]

MOST_TIMES = 500
"""How many times its size a file may unpack to; corpora and tables of ours unpack to ten times."""

SMALL = 2**28
"""Bytes that any file may unpack to."""

_VALUE = 4
"""Bytes of a value, at least."""


@contextmanager
def opened_parquet(source: Path | BytesIO, path: Path, size: int) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file of a table of numbers and texts; `unpacked` reads what it gives.

    Args:
        source: The file, or what it holds.
        path: Its name, for messages.
        size: Its bytes.

    Raises:
        InputError: It would unpack to more than 256 MiB and `MOST_TIMES` times its size, or has a
            column of lists or tables.
    """
    # Imported here: who identifies a recording need not wait for it.
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        _require_modest(file, path, size)
        texts = [field.name for field in file.schema_arrow if is_text(field.type)]
    if isinstance(source, BytesIO):
        source.seek(0)
    # Texts stay as they are packed: a long one that many rows share could fill the memory.
    with pq.ParquetFile(source, read_dictionary=texts, page_checksum_verification=True) as file:
        yield file


def unpacked(
    table: pa.Table | pa.RecordBatch, path: Path, size: int, *, texts: bool = True
) -> pa.Table:
    """Return what was read of a file of `opened_parquet` with its texts unpacked.

    Args:
        table: What was read.
        path: The file's name, for the message.
        size: Its bytes.
        texts: Whether texts are unpacked; else they are checked and stay numbers of a list.

    Raises:
        InputError: Texts would take more than 256 MiB and `MOST_TIMES` times the file, or are none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = table if isinstance(table, pa.Table) else pa.Table.from_batches([table])
    packed = [n for n, f in enumerate(whole.schema) if pa.types.is_dictionary(f.type)]
    for place in packed:
        if not is_text(whole.schema.field(place).type.value_type):
            continue
        chunks = whole.column(place).chunks
        _require_texts(chunks, path, whole.column_names[place])
        lengths = (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in chunks)
        n_bytes = sum(len(chunk) * n for chunk, n in zip(chunks, lengths, strict=True))
        if n_bytes > max(SMALL, MOST_TIMES * size):
            raise _too_much(path, size, f"column {whole.column_names[place]} {n_bytes} bytes")
    if not texts:
        return whole.unify_dictionaries()
    for place in packed:
        field = whole.schema.field(place)
        plain = whole.column(place).cast(field.type.value_type)
        whole = whole.set_column(place, field.with_type(field.type.value_type), plain)
    return whole


def _require_texts(chunks: list[pa.DictionaryArray], path: Path, name: str) -> None:
    """Refuse bytes that are no text: pandas would fail at them later, wherever they are met."""
    import pyarrow as pa

    for chunk in chunks:
        try:
            chunk.dictionary.validate(full=True)
        except pa.ArrowInvalid as error:
            reason = first_line(error)
            raise InputError(f"{path}: column {name} must hold texts: {reason}") from None


def _require_modest(file: pq.ParquetFile, path: Path, size: int) -> None:
    """Refuse far more values than so small a file holds by itself.

    Columns of one value take no room on disk whatever their length, and all of it in memory; of
    lists nothing says how long they are.
    """
    import pyarrow as pa

    values = file.metadata.num_rows * file.metadata.num_columns
    if values * _VALUE > max(SMALL, MOST_TIMES * size):
        raise _too_much(path, size, f"{values} values")
    for field in file.schema_arrow:
        if pa.types.is_nested(field.type):
            raise InputError(f"{path} must hold numbers and texts; {field.name} is {field.type}")


def is_text(of: pa.DataType) -> bool:
    """Say whether a type is that of texts, or of bytes."""
    import pyarrow as pa

    return any(is_of(of) for is_of in (pa.types.is_string, pa.types.is_large_string,
                                       pa.types.is_binary, pa.types.is_large_binary))  # fmt: skip


def _too_much(path: Path, size: int, what: str) -> InputError:
    return InputError(
        f"{path} must unpack to no more than {MOST_TIMES} times its size, {size} bytes; it says "
        f"that it holds {what}"
    )
