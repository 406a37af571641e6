"""Prediction sets: split conformal prediction, class by class, for whole networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["MISCOVERAGE", "calibrate", "prediction_set", "smallest_calibration"]

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


def prediction_set(
    probabilities: np.ndarray,
    calibration: Mapping[str, Sequence[float]],
    *,
    miscoverage: float = MISCOVERAGE,
) -> list[str]:
    r"""Return the classes that the data do not reject, most probable first.

    Class c stays when its p-value exceeds the miscoverage, over the n_c scores s_i of its own:

    .. math:: p_c = (1 + \#\{i: s_i \ge 1 - p_c(x)\}) / (n_c + 1)

    Where networks to come are exchangeable with those of calibration, the true class is missed
    with at most the given probability, in each class. Networks of one block resemble each other,
    so the number that counts lies between that of blocks and that of networks; and a recording
    of a brain is not exchangeable with simulations at all.

    Args:
        probabilities: Shape (k,), of one network, in the order of `calibration`.
        calibration: What `calibrate` returned.
        miscoverage: In (0, 1).

    Source: Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", 2005, chapter 4
    (label-conditional Mondrian predictors).
    """
    members = []
    for probability, (name, scores) in zip(probabilities, calibration.items(), strict=True):
        not_better = len(scores) - np.searchsorted(scores, 1 - probability, side="left")
        # Counts, because 1 / 10 > 0.1 must be false whatever the rounding.
        if 1 + not_better > math.floor(miscoverage * (len(scores) + 1) + 1e-9):
            members.append((-float(probability), name))
    return [name for _, name in sorted(members)]


def smallest_calibration(miscoverage: float = MISCOVERAGE) -> int:
    """Return how many calibration networks a class needs before any data can reject it.

    >>> smallest_calibration(0.1)
    9
    """
    return math.ceil(1 / miscoverage - 1e-9) - 1
