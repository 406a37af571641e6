"""What a task consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rule_id.tasks.data import TaskData
from rule_id.tasks.loss import CROSS_ENTROPY, Loss

if TYPE_CHECKING:
    from torch import Tensor

    from rule_id.tasks.augmentation import NoiseLike

__all__ = ["TASK_GROUPS", "Task", "classification", "permuted_classes", "permuted_targets"]

TASK_GROUPS = ("supervised", "self-supervised", "reward")
"""The groups of tasks, by what the network is told."""


@dataclass(frozen=True)
class Task:
    """Data and loss.

    Attributes:
        name: As in the table of tasks.
        group: One of `TASK_GROUPS`.
        loss: What it is judged by.
        input_shape: (channels, height, width) of images and spectrograms, (features,) of vectors.
        n_out: Outputs of a network.
        n_train: Training examples.
        n_test: Held-out examples.
        draw: From a generator to the examples (and to a teacher, vocabulary or decoder, where
            there is one).
        augment: For a contrastive task, from images (E, B, *input_shape), a source of noise and
            the number of the view, 0 or 1, to that augmented view of the images.
        switched: From the examples and a generator to the targets (train_y, test_y) after a
            change of the task; None where there is none.
    """

    name: str
    group: str
    loss: Loss
    input_shape: tuple[int, ...]
    n_out: int
    n_train: int
    n_test: int
    draw: Callable[[np.random.Generator], TaskData]
    augment: Callable[[Tensor, NoiseLike, int], Tensor] | None = None
    switched: Callable[[TaskData, np.random.Generator], tuple[np.ndarray, np.ndarray]] | None = None


def classification(
    name: str,
    draw: Callable[[np.random.Generator], TaskData],
    input_shape: tuple[int, ...],
    n_classes: int,
    n_train: int,
    n_test: int,
) -> Task:
    """Return a supervised task with classes: cross entropy, classes permuted by a switch."""
    return Task(
        name=name,
        group="supervised",
        loss=CROSS_ENTROPY,
        input_shape=input_shape,
        n_out=n_classes,
        n_train=n_train,
        n_test=n_test,
        draw=draw,
        switched=permuted_classes,
    )


def permuted_classes(
    data: TaskData, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets (train_y, test_y) with every class renamed to another one."""
    n_classes = 1 + int(max(data.train_y.max(), data.test_y.max()))
    renamed = _derangement(n_classes, generator)
    return renamed[data.train_y], renamed[data.test_y]


def permuted_targets(
    data: TaskData, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets (train_y, test_y) with every output's target moved to another output."""
    moved = _derangement(data.train_y.shape[1], generator)
    return data.train_y[:, moved], data.test_y[:, moved]


def _derangement(n: int, generator: np.random.Generator) -> np.ndarray:
    """Return a permutation that leaves nothing in its place: one cycle, drawn at random."""
    cycle = generator.permutation(n)
    moved = np.empty(n, np.int64)
    moved[cycle] = np.roll(cycle, 1)
    return moved
