"""Prediction sets: split conformal prediction, class by class, for whole networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = [
    "MISCOVERAGE",
    "block_weights",
    "calibrate",
    "not_rejected",
    "prediction_set",
    "smallest_calibration",
]

MISCOVERAGE = 0.1
"""Share of networks whose class the set may miss: sets are 90% sets."""


def calibrate(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> dict[str, list[float]]:
    r"""Return the sorted nonconformity scores of each class.

    .. math:: s_i = 1 - p_{y_i}(x_i)

    Args:
        probabilities: Shape (m, k), of networks that the classifier was not fitted to.
        labels: Shape (m,), their true classes.
        classes: The k classes, in the order of the columns.
    """
    labels = np.asarray(labels)
    return {
        name: sorted((1 - probabilities[labels == name, column]).tolist())
        for column, name in enumerate(classes)
    }


def block_weights(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], blocks: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the weight of each score that `calibrate` returns, where each block weighs 1.

    A network of class c in a block with n networks of c weighs 1 / n, so that the weights of c sum
    to the number of blocks that hold c.

    Args:
        probabilities: As in `calibrate`.
        labels: As in `calibrate`.
        classes: As in `calibrate`.
        blocks: Shape (m,), the block of each network.
    """
    weights = {}
    for column, name in enumerate(classes):
        of_class = np.asarray(labels) == name
        order = np.argsort(1 - probabilities[of_class, column], kind="stable")
        _, index, counts = np.unique(
            np.asarray(blocks)[of_class], return_inverse=True, return_counts=True
        )
        weights[name] = (1 / counts[index])[order]
    return weights


def not_rejected(
    probabilities: np.ndarray,
    calibration: Mapping[str, Sequence[float]],
    *,
    miscoverage: float = MISCOVERAGE,
    weights: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    r"""Return which classes the data of each network do not reject.

    Class c stays when its p-value exceeds the miscoverage, over the scores s_i of its own, each
    with weight w_i:

    .. math:: p_c = \frac{1 + \sum_{i: s_i \ge 1 - p_c(x)} w_i}{1 + \sum_i w_i}

    Where networks to come are exchangeable with those of calibration, weights of 1 miss the true
    class with at most the given probability, in each class. Networks of one block resemble each
    other, and then that does not hold for a network of a new block. It does with `block_weights`,
    whatever the likeness within blocks and the sizes of blocks, provided that the blocks that hold
    c are exchangeable with each other and so are the networks of c within a block. The promise is
    for a network drawn from a new block, hence on average over new blocks with each weighing the
    same; it is not one for each block.

    Args:
        probabilities: Shape (n, k), in the order of `calibration`.
        calibration: What `calibrate` returned.
        miscoverage: In (0, 1).
        weights: What `block_weights` returned; each network weighs 1 when None.

    Returns:
        Shape (n, k), boolean.

    Source: Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", 2005, chapter 4
    (label-conditional Mondrian predictors). With weights: Lee, Barber, Willett, "Distribution-free
    inference with hierarchical data", arXiv:2306.06342, theorem 1 (hierarchical conformal
    prediction), whose quantile is written as a p-value here and taken class by class. Without the
    two 1 it is the CDF pooling of Dunn, Wasserman, Ramdas, "Distribution-free prediction sets for
    two-layer hierarchical models", 2023, which holds in the limit of many blocks only.
    """
    n, k = np.shape(probabilities)
    kept = np.empty((n, k), dtype=bool)
    for column, (name, scores) in zip(range(k), calibration.items(), strict=True):
        weight = np.ones(len(scores)) if weights is None else weights[name]
        from_here = np.append(np.cumsum(weight[::-1])[::-1], 0.0)
        place = np.searchsorted(scores, 1 - probabilities[:, column], side="left")
        # Weights and not shares are compared, because 1 / 10 > 0.1 must be false whatever the
        # rounding.
        kept[:, column] = 1 + from_here[place] > miscoverage * (weight.sum() + 1) + 1e-9
    return kept


def prediction_set(
    probabilities: np.ndarray,
    calibration: Mapping[str, Sequence[float]],
    *,
    miscoverage: float = MISCOVERAGE,
) -> list[str]:
    """Return the classes that the data do not reject (`not_rejected`), most probable first.

    Networks of one block resemble each other, so the number that counts lies between that of
    blocks and that of networks; and a recording of a brain is not exchangeable with simulations at
    all.

    Args:
        probabilities: Shape (k,), of one network, in the order of `calibration`.
        calibration: What `calibrate` returned.
        miscoverage: In (0, 1).
    """
    row = np.asarray(probabilities)
    (kept,) = not_rejected(row[None, :], calibration, miscoverage=miscoverage)
    members = zip((-row).tolist(), calibration, kept, strict=True)
    return [name for _, name, stays in sorted(members) if stays]


def smallest_calibration(miscoverage: float = MISCOVERAGE) -> int:
    """Return how many calibration networks a class needs before any data can reject it.

    With `block_weights` it is the number of blocks that counts.

    >>> smallest_calibration(0.1)
    9
    """
    return math.ceil(1 / miscoverage - 1e-9) - 1
