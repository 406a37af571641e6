"""What a task consists of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["TaskData", "split"]


@dataclass(frozen=True)
class TaskData:
    """Examples of a classification task.

    Attributes:
        train_x: (n_train, n_in), float32, roughly zero mean and unit variance.
        train_y: (n_train,), int64, 0 to n_classes - 1.
        test_x: (n_test, n_in), held out: stimuli and performance are taken from it.
        test_y: (n_test,).
        n_classes: Number of classes.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    n_classes: int


def split(
    x: np.ndarray, y: np.ndarray, generator: np.random.Generator, test_fraction: float = 0.25
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split examples at random into train_x, train_y, test_x, test_y."""
    order = generator.permutation(len(x))
    n_test = int(round(test_fraction * len(x)))
    test, train = order[:n_test], order[n_test:]
    return (
        x[train].astype(np.float32),
        y[train].astype(np.int64),
        x[test].astype(np.float32),
        y[test].astype(np.int64),
    )
