"""MNIST and what is stored like it: files of unsigned bytes with a header (idx)."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rule_id.errors import InputError
from rule_id.tasks.files.image_set import ImageSet

__all__ = ["N_CLASSES", "SIDE", "read_idx", "read_mnist"]

SIDE, N_CLASSES = 28, 10
UNSIGNED_BYTES = 8
"""The code of the only type of entries that is read."""

MOST_BYTES = 2**29
"""Largest array that is read; MNIST's is a tenth of it."""

CHUNK = 2**20


def read_mnist(folder: Path) -> tuple[ImageSet, ImageSet]:
    """Read the four files of MNIST or Fashion-MNIST.

    Args:
        folder: Holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-...` of both, each
            plain or with `.gz`, and with `-idx` or `.idx` in the name.

    Returns:
        Images (n, 1, 28, 28) of training and of test.

    Raises:
        InputError: A file is missing, or is not what its name says.
    """
    return _read_set(folder, "train"), _read_set(folder, "t10k")


def read_idx(path: Path, n_axes: int) -> np.ndarray:
    """Read an array of unsigned bytes, at most 512 MiB.

    Args:
        path: A file that begins with 0, 0, 8, the number of axes, then the length of each axis as
            four bytes, most significant first; the entries follow. Compressed when its name ends in
            `.gz`.
        n_axes: Axes that it must have.

    Raises:
        InputError: The header is another one, or the entries are fewer or more than it says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read(file, path, n_axes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} must be a whole gzip file; {error}") from error


def _read(file: BinaryIO | gzip.GzipFile, path: Path, n_axes: int) -> np.ndarray:
    expected = bytes([0, 0, UNSIGNED_BYTES, n_axes])
    header = file.read(4 + 4 * n_axes)
    if header[:4] != expected:
        raise InputError(f"{path} must begin with {expected.hex(' ')}; got {header[:4].hex(' ')}")
    if len(header) < 4 + 4 * n_axes:
        raise InputError(f"{path} must hold the lengths of {n_axes} axes; it ends before")
    shape = struct.unpack(f">{n_axes}I", header[4:])
    n_bytes = 1
    for length in shape:  # Python's integers do not overflow
        n_bytes *= length
    if not 0 < n_bytes <= MOST_BYTES:
        raise InputError(f"{path} must have 1 to {MOST_BYTES} entries; its header says {shape}")
    return np.frombuffer(_read_exactly(file, path, n_bytes), np.uint8).reshape(shape)


def _read_exactly(file: BinaryIO | gzip.GzipFile, path: Path, n_bytes: int) -> bytes:
    """Read by pieces: what a header claims is not allocated before it is there."""
    content = bytearray()
    while len(content) <= n_bytes and (chunk := file.read(CHUNK)):
        content += chunk
    if len(content) != n_bytes:
        there = f"only {len(content)}" if len(content) < n_bytes else "more"
        raise InputError(f"{path} must hold the {n_bytes} entries of its header; there are {there}")
    return bytes(content)


def _read_set(folder: Path, part: str) -> ImageSet:
    path = _find(folder, part, "images", 3)
    images = read_idx(path, 3)
    if images.shape[1:] != (SIDE, SIDE):
        raise InputError(f"{path} must hold images of {SIDE} x {SIDE}; got {images.shape[1:]}")
    path = _find(folder, part, "labels", 1)
    labels = read_idx(path, 1).astype(np.int64)
    if len(labels) != len(images):
        raise InputError(f"{path} must hold {len(images)} labels, one an image; got {len(labels)}")
    if labels.max() >= N_CLASSES:
        raise InputError(f"{path} must hold labels from 0 to 9; got {labels.max()}")
    return ImageSet(labels, images[:, None].__getitem__)


def _find(folder: Path, part: str, kind: str, n_axes: int) -> Path:
    name = f"{part}-{kind}-idx{n_axes}-ubyte"
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                return path
    raise InputError(f"folder {folder} must hold {name}, plain or .gz; there is no such file")
