"""The examples of a task: what they are, how they are split, scaled and made noisy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rule_id.errors import InputError

__all__ = ["TaskData", "noisy_targets", "split", "standardised"]


@dataclass(frozen=True)
class TaskData:
    """Examples of one draw of a task.

    Attributes:
        train_x: (n_train, *input_shape), float32, about zero mean and unit variance.
        train_y: (n_train,) classes, int64, or (n_train, k) targets, float32.
        test_x: (n_test, *input_shape), held out: stimuli and performance are taken from it.
        test_y: (n_test,) or (n_test, k).
        train_groups: (n_train,), int64 from 0: what a presentation class by class goes by. The
            class, or what the task names in its place.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    train_groups: np.ndarray


def split(
    x: np.ndarray,
    y: np.ndarray,
    generator: np.random.Generator,
    *,
    n_test: int,
    groups: np.ndarray | None = None,
) -> TaskData:
    """Split examples at random into those of training and of test.

    Args:
        x: Inputs (n, ...).
        y: Classes (n,), whole numbers, or targets (n, k).
        generator: Draws who is held out.
        n_test: How many are.
        groups: Group of each example (n,); None for the class.
    """
    order = generator.permutation(len(x))
    test, train = order[:n_test], order[n_test:]
    x = x.astype(np.float32)
    y = y.astype(np.int64 if np.issubdtype(y.dtype, np.integer) else np.float32)
    groups = (y if groups is None else groups).astype(np.int64)
    return TaskData(x[train], y[train], x[test], y[test], groups[train])


def standardised(
    data: TaskData,
    centre: Sequence[int] | None = None,
    scale: Sequence[int] | None = None,
) -> TaskData:
    """Return the data with inputs of zero mean and unit variance over the training examples.

    Args:
        data: Examples.
        centre: Axes that share a mean; None for all of them.
        scale: Axes that share a standard deviation; None for all of them.
    """
    mean = data.train_x.mean(None if centre is None else tuple(centre), keepdims=True)
    centred = data.train_x - mean
    std = centred.std(None if scale is None else tuple(scale), keepdims=True)
    std[std == 0] = 1  # what never varies stays at zero
    return replace(data, train_x=centred / std, test_x=(data.test_x - mean) / std)


def noisy_targets(train_y: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return targets of which some are those of other examples.

    An example gets the target of another one drawn at random, which may be the same by chance.

    Args:
        train_y: Targets (n,) or (n, k), n at least 2; not changed.
        share: Share of the examples whose target is replaced, 0 to 1.
        generator: Draws which, and by whose.

    Raises:
        InputError: `share` is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise InputError(f"share of noisy targets must be from 0 to 1; got {share}")
    n = len(train_y)
    chosen = generator.permutation(n)[: round(share * n)]
    others = (chosen + generator.integers(1, n, len(chosen))) % n
    noisy = train_y.copy()
    noisy[chosen] = train_y[others]
    return noisy
