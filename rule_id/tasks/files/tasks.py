"""The tasks that need a folder of the user's."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import numpy as np

from rule_id.errors import InputError
from rule_id.tasks.data import TaskData, standardised
from rule_id.tasks.files import cifar, idx
from rule_id.tasks.files.image_folder import read_image_folder
from rule_id.tasks.files.image_set import ImageSet
from rule_id.tasks.task import Task, classification

__all__ = ["FILE_TASKS", "IMAGE_SIZE", "MOST_TEST", "MOST_TRAIN", "file_task"]

FILE_TASKS = ("mnist", "fashion_mnist", "cifar10", "image_folder")

MOST_TRAIN, MOST_TEST = 10_000, 2_000
"""Examples that a draw takes at most, at random: of each network's task all are in memory."""

MOST_VALUES = 2**28
"""Input values of a draw's training examples at most (1 GiB): fewer of large images are taken."""

IMAGE_SIZE, SMALLEST_SIZE, LARGEST_SIZE = 32, 8, 256


def file_task(name: str, folder: str | Path | None, size: int | None = None) -> Task:
    """Return a task whose examples are read from files.

    Each draw takes at most 10,000 training and 2,000 test examples at random; of images above 94 x
    94 pixels in colour fewer, so that they fit in 1 GiB. Channels are centred at their mean and
    divided by one common standard deviation.

    Args:
        name: One of `FILE_TASKS`.
        folder: Where its files are. Files are read once in a process.
        size: Side of the images of `image_folder`, 8 to 256 pixels, None for 32; of the other
            tasks None.

    Raises:
        InputError: There is no folder, the size is not the task's to have or out of range, or the
            files are not what they should be.
    """
    if folder is None:
        raise InputError(f"task {name} needs folder, where its files are; got none")
    path = Path(folder).resolve()
    if not path.is_dir():
        raise InputError(f"folder of task {name} must be a folder; there is none at {path}")
    if name != "image_folder" and size is not None:
        raise InputError(f"size is for image_folder alone; got {size} for task {name}")
    if size is not None and not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise InputError(f"size must be from {SMALLEST_SIZE} to {LARGEST_SIZE}; got {size}")
    return _read(name, path, size or IMAGE_SIZE)


@cache
def _read(name: str, folder: Path, size: int) -> Task:
    if name == "image_folder":
        train, test, n_classes = read_image_folder(folder, size)
        shape: tuple[int, ...] = (3, size, size)
    elif name == "cifar10":
        train, test = cifar.read_cifar10(folder)
        n_classes, shape = cifar.N_CLASSES, cifar.IMAGE_SHAPE
    else:
        train, test = idx.read_mnist(folder)
        n_classes, shape = idx.N_CLASSES, (1, idx.SIDE, idx.SIDE)
    n_train = min(len(train.labels), MOST_TRAIN, MOST_VALUES // int(np.prod(shape)))
    n_test = min(len(test.labels), MOST_TEST)
    draw = partial(_draw, train=train, test=test, n_train=n_train, n_test=n_test)
    return classification(name, draw, shape, n_classes, n_train, n_test)


def _draw(
    generator: np.random.Generator, train: ImageSet, test: ImageSet, n_train: int, n_test: int
) -> TaskData:
    train_x, train_y = _choose(train, n_train, generator)
    test_x, test_y = _choose(test, n_test, generator)
    data = TaskData(train_x, train_y, test_x, test_y, train_y)
    return standardised(data, centre=[0, 2, 3])


def _choose(
    images: ImageSet, n: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    chosen = generator.permutation(len(images.labels))[:n]
    return images.images(chosen).astype(np.float32), images.labels[chosen]
