"""CIFAR-10 in its binary version."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rule_id.errors import InputError, require_file
from rule_id.tasks.files.image_set import ImageSet

__all__ = ["IMAGE_SHAPE", "N_CLASSES", "read_cifar10"]

IMAGE_SHAPE, N_CLASSES = (3, 32, 32), 10
RECORD = 1 + 3 * 32 * 32
"""Bytes of an image: its label, then its red, green and blue values row by row."""

MOST_RECORDS = 100_000
TRAIN_FILES = tuple(f"data_batch_{index}.bin" for index in range(1, 6))
TEST_FILE = "test_batch.bin"


def read_cifar10(folder: Path) -> tuple[ImageSet, ImageSet]:
    """Read the six files of CIFAR-10's binary version.

    Args:
        folder: Holds `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`.

    Returns:
        Images (n, 3, 32, 32) of training and of test.

    Raises:
        InputError: A file is missing or is not whole records, or the folder holds the version that
            Python's pickle wrote: to read that one would run what is in it.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    if not (folder / TRAIN_FILES[0]).exists() and (folder / "data_batch_1").exists():
        raise InputError(
            f"folder {folder} must hold CIFAR-10's binary version (cifar-10-binary.tar.gz: "
            f"{TRAIN_FILES[0]} ...); it holds the pickled Python version, which is not read"
        )
    train = np.concatenate([_records(folder / name) for name in TRAIN_FILES])
    return _image_set(train), _image_set(_records(folder / TEST_FILE))


def _records(path: Path) -> np.ndarray:
    require_file(path, "a file of CIFAR-10's binary version")
    n_bytes = path.stat().st_size
    if n_bytes % RECORD or not 0 < n_bytes <= MOST_RECORDS * RECORD:
        raise InputError(
            f"{path} must be 1 to {MOST_RECORDS} records of {RECORD} bytes; got {n_bytes} bytes"
        )
    records = np.fromfile(path, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() >= N_CLASSES:
        raise InputError(f"{path} must hold labels from 0 to 9; got {records[:, 0].max()}")
    return records


def _image_set(records: np.ndarray) -> ImageSet:
    images = records[:, 1:].reshape(-1, *IMAGE_SHAPE)
    return ImageSet(records[:, 0].astype(np.int64), images.__getitem__)
