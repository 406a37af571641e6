"""Making probabilities less, or more, sure of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from rule_id.errors import InputError
from rule_id.models.checks import label_codes

__all__ = ["LIMITS", "fit_temperature", "tempered"]

LIMITS = (0.01, 100.0)
"""Between these a temperature is looked for."""

# As where layers are combined: log(0) would be a veto.
_SMALLEST = 1e-9


def fit_temperature(
    probabilities: np.ndarray, labels: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> float:
    r"""Return the temperature at which probabilities explain the labels best.

    .. math:: T = argmin_T \frac{1}{k} \sum_c \frac{1}{n_c} \sum_{i: y_i = c} -\log p_{i,c}(T)

    with :math:`p(T)` of `tempered`. Classes weigh the same however many networks each has, as in
    every fit; those without a network are left out. Above 1 the classifier was too sure.

    Args:
        probabilities: Shape (n, k), of networks that were not trained on, and not those on which
            the tempered probabilities are then judged.
        labels: Shape (n,), the true classes.
        classes: The k classes, in the order of the columns.

    Returns:
        T, in (0.01, 100); near a limit where the best is beyond, as when all are right.

    Raises:
        InputError: Shapes do not agree, or a label is not one of `classes`.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    codes = label_codes(probabilities, labels, classes)
    counts = np.bincount(codes, minlength=len(classes))
    weights = 1 / (counts[codes] * np.count_nonzero(counts))
    logs = _logs(probabilities)
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        found = log_softmax(logs / np.exp(log_temperature), axis=1)
        return float(-weights @ found[rows, codes])

    # The loss is convex in 1 / T, so that there is one minimum.
    best = minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    r"""Return probabilities that are less (T > 1) or more (T < 1) sure, in the same order.

    .. math:: p_c(T) = p_c^{1/T} / \sum_{c'} p_{c'}^{1/T}

    Args:
        probabilities: Shape (..., k); those below 1e-9 count as 1e-9.
        temperature: T, above 0.

    Returns:
        Shape (..., k), each row summing to 1.

    Raises:
        InputError: The temperature is not above 0.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    if not temperature > 0:
        raise InputError(f"temperature must be above 0; got {temperature}")
    return np.asarray(softmax(_logs(probabilities) / temperature, axis=-1))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST))
