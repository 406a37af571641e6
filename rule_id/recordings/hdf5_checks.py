"""What is read of an HDF5 file that nobody vouches for: plain arrays and texts in the file itself.

HDF5 can point to other files, run through plug-ins that are found by name, and unpack a kilobyte to
a gigabyte. None of it is followed here, and every size is known before anything is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings import keyed
from rule_id.recordings.hdf5_heaps import require_heaps_that_end
from rule_id.recordings.ordering import natural

__all__ = [
    "DAMAGED",
    "check_texts_at_once",
    "claim",
    "members",
    "opened",
    "read_attribute",
    "read_dataset",
]

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
"""What may pack an array; other filters are plug-ins, or believe what a file states of sizes."""

GZIP_RATIO = 1032
"""How many bytes gzip unpacks from one, at most."""

MOST_TEXTS = 1000
LONGEST_TEXT = 2**16

DAMAGED = (OSError, KeyError, RuntimeError, ValueError, TypeError, EOFError, OverflowError)
"""What the HDF5 library raises for files that are damaged or of another kind."""


@contextmanager
def opened(source: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading; what the library complains of is one line.

    Yields:
        The `h5py.File`.

    Raises:
        InputError: The file is damaged or of another kind.
    """
    import h5py

    try:
        with h5py.File(source, "r") as file:
            require_heaps_that_end(source, file)
            yield file
    except InputError:
        raise
    except DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{source.name} must be a complete HDF5 file: {reason}") from None


def members(group: Any) -> tuple[dict[str, Any], bool]:
    """Return what a group holds, by name, and whether the file says in which order it was made.

    Args:
        group: An `h5py.Group`.

    Returns:
        Groups and datasets in the order in which they were made, or in that of their names, where
        layer10 comes after layer9.

    Raises:
        InputError: A name is no text, or an entry is a link elsewhere, in this file or another.
    """
    import h5py

    links = group.id.links
    for name in group:
        if isinstance(name, bytes):
            raise InputError(f"{group.name} must have names in UTF-8; got {name!r:.60}")
    found = {name: links.get_info(name.encode()) for name in group}
    for name, link in found.items():
        if link.type != h5py.h5l.TYPE_HARD:
            raise InputError(f"{_key(group, name)} must be in its place; it is a link elsewhere")
    ordered = all(link.corder_valid for link in found.values())
    names = sorted(found, key=(lambda name: found[name].corder) if ordered else natural)
    return {name: group[name] for name in names}, ordered


def claim(key: str, dataset: Any) -> int:
    """Return how many bytes reading a dataset would take, after a look at what describes it alone.

    Args:
        key: What the recording calls it.
        dataset: What should be an `h5py.Dataset`.

    Raises:
        InputError: It is a group, has no plain numbers or texts, lies in another file, or is packed
            in another way than `FILTERS`.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{key} must be an array; it is a {type(dataset).__name__.lower()}")
    plain = _checked_type(key, dataset.dtype, dataset.shape)
    layout = dataset.id.get_create_plist()
    if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count():
        raise InputError(f"{key} must be in this file; it points to another")
    claimed = math.prod(dataset.shape) * plain.itemsize
    if layout.get_layout() != h5py.h5d.CHUNKED:
        return claimed
    filters = [layout.get_filter(index)[0] for index in range(layout.get_nfilters())]
    if not set(filters) <= set(FILTERS) or filters.count(1) > 1:
        allowed = ", ".join(FILTERS.values())
        raise InputError(f"{key} must be packed by {allowed}, each once; got the filters {filters}")
    if 1 in filters:
        _check_packed_chunks(key, dataset)
    # A chunk is unpacked whole, and may be larger than what the array takes of it.
    return claimed + math.prod(dataset.chunks) * plain.itemsize


def read_dataset(dataset: Any) -> np.ndarray:
    """Return what a dataset holds whose `claim` was small enough; texts as NumPy texts."""
    import h5py

    text = h5py.check_string_dtype(dataset.dtype)
    if text is None:
        return np.asarray(dataset[()])
    # One at a time, for each text of a file may be the same long one.
    entries = [_decoded(dataset[index]) for index in np.ndindex(dataset.shape)]
    return np.array(entries, dtype=str).reshape(dataset.shape)


def read_attribute(owner: Any, key: str) -> np.ndarray:
    """Return an attribute of a file or group as an array; texts as NumPy texts.

    Raises:
        InputError: It has no plain numbers or texts, or too many.
    """
    import h5py

    described = owner.attrs.get_id(key)
    _checked_type(key, described.dtype, described.shape)
    if h5py.check_string_dtype(described.dtype) is None:
        return np.asarray(owner.attrs[key])
    check_texts_at_once(owner, key, math.prod(described.shape))
    array = np.asarray(owner.attrs[key])
    return np.array([_decoded(entry) for entry in array.ravel()], dtype=str).reshape(array.shape)


def check_texts_at_once(owner: Any, key: str, n: int) -> None:
    """Refuse an attribute of n texts that may take more than `MAX_BYTES` to read.

    Attributes are read at once, and each text of one may be as long as the file.

    Raises:
        InputError: It may.
    """
    size = Path(owner.file.filename).stat().st_size
    if n * size > keyed.MAX_BYTES:
        raise InputError(f"{key} must be a dataset, not an attribute, in a file of this size")


def _checked_type(key: str, dtype: np.dtype, shape: tuple[int, ...] | None) -> np.dtype:
    import h5py

    if shape is None:
        raise InputError(f"{key} must hold something; it is empty")
    text = h5py.check_string_dtype(dtype)
    if text is None and dtype.kind not in "biuf":
        raise InputError(f"{key} must hold integers, floats or texts; got dtype {dtype}")
    if text is not None and (text.length or 0) > LONGEST_TEXT:
        raise InputError(f"{key} must hold texts of at most {LONGEST_TEXT} bytes")
    if text is not None and math.prod(shape) > MOST_TEXTS:
        raise InputError(f"{key} must hold at most {MOST_TEXTS} texts; got {math.prod(shape)}")
    return dtype


def _check_packed_chunks(key: str, dataset: Any) -> None:
    # The library unpacks a chunk to whatever it holds before it compares it with its size.
    sizes: list[int] = []
    dataset.id.chunk_iter(lambda chunk: sizes.append(chunk.size))
    most = keyed.MAX_BYTES // GZIP_RATIO
    if max(sizes, default=0) > most:
        raise InputError(
            f"{key} must be packed in chunks of at most {most / 2**20:.0f} MiB; got "
            f"{max(sizes) / 2**20:.0f} MiB"
        )


def _decoded(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def _key(group: Any, name: str) -> str:
    return f"{group.name}/{name}".lstrip("/")
