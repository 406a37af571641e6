"""How well predicted classes agree with true ones, and what guessing would reach.

With the counts of a confusion matrix, for class c: the hit rate (sensitivity) H_c is the share of
rows of c that are predicted as c, the false alarm rate F_c the share of the other rows that are
predicted as c; specificity is 1 - F_c. Means over classes leave out classes that the test part
lacks, for which H_c is not defined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtri

from rule_id.errors import InputError, one_of
from rule_id.models.scores import chance_accuracy

__all__ = [
    "METRICS",
    "accuracy",
    "balanced_accuracy",
    "chance",
    "confusion_matrix",
    "d_prime",
    "sensitivity_specificity",
]

Z_LIMIT = 5.0


def confusion_matrix(
    true: Sequence[str] | np.ndarray, predicted: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> np.ndarray:
    """Count how often each class is predicted as each class.

    Args:
        true: True labels (n,), n at least 1.
        predicted: Predicted labels (n,).
        classes: The k labels, in the order of rows and columns.

    Returns:
        Counts (k, k): a row a true class, a column a predicted one.

    Raises:
        InputError: There is no label, the lengths differ, or a label is not one of `classes`.

    >>> confusion_matrix(["a", "b", "b"], ["a", "a", "b"], ["a", "b"])
    array([[1, 0],
           [1, 1]])
    """
    if len(true) == 0 or len(true) != len(predicted):
        raise InputError(
            "true and predicted must hold as many labels, one or more; "
            f"got {len(true)} and {len(predicted)}"
        )
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    position = {label: index for index, label in enumerate(classes)}
    for which, labels in (("true", true), ("predicted", predicted)):
        for label in set(labels):
            one_of(f"label in {which}", label, classes)
    np.add.at(counts, ([position[c] for c in true], [position[c] for c in predicted]), 1)
    return counts


def accuracy(
    true: Sequence[str] | np.ndarray, predicted: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> float:
    """Return the share of rows whose class is predicted, in [0, 1]; see `confusion_matrix`.

    >>> accuracy(["a", "b", "b", "b"], ["a", "a", "b", "b"], ["a", "b"])
    0.75
    """
    counts = confusion_matrix(true, predicted, classes)
    return float(np.trace(counts) / counts.sum())


def balanced_accuracy(
    true: Sequence[str] | np.ndarray, predicted: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> float:
    """Return the mean of H_c over the classes present in `true`, in [0, 1].

    >>> balanced_accuracy(["a", "b", "b", "b"], ["a", "a", "b", "b"], ["a", "b"])
    0.8333333333333333
    """
    hits, _ = _rates(confusion_matrix(true, predicted, classes))
    return _mean(hits)


def d_prime(
    true: Sequence[str] | np.ndarray, predicted: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> float:
    """Return d', the mean over classes of z(H_c) - z(F_c), in [-10, 10].

    z is the inverse of the normal distribution function, clipped to [-5, 5] so that rates of 0
    and 1 stay finite.

    Returns:
        d', or NaN when `true` holds one class only, so that F_c is not defined.

    Source: Nayebi et al., NeurIPS 2020, which clips in the same way.
    """
    hits, false_alarms = _rates(confusion_matrix(true, predicted, classes))
    return _mean(_z(hits) - _z(false_alarms))


def sensitivity_specificity(
    true: Sequence[str] | np.ndarray, predicted: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> float:
    """Return the mean over classes of (H_c + 1 - F_c) / 2, in [0, 1]; chance is 0.5.

    Returns:
        The mean, or NaN when `true` holds one class only, so that F_c is not defined.

    Source: what Nayebi et al., NeurIPS 2020, call balanced accuracy.
    """
    hits, false_alarms = _rates(confusion_matrix(true, predicted, classes))
    return _mean((hits + 1 - false_alarms) / 2)


METRICS: dict[str, Callable[..., float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "d_prime": d_prime,
    "sensitivity_specificity": sensitivity_specificity,
}
"""Name of a metric to its function of (true, predicted, classes)."""


def chance(metric: str, true: Sequence[str] | np.ndarray, classes: Sequence[str]) -> float:
    """Return what a classifier that ignores the features reaches.

    Guessing any way that ignores the features gives balanced accuracy 1/k, d' 0 and
    (sensitivity + specificity) / 2 of 0.5, for hit and false alarm rate are then equal. Accuracy
    alone depends on the guess: uniform guessing gives 1/k, naming the commonest class of the test
    part gives its share; the larger of the two is reported, which favours no classifier.

    Args:
        metric: One of `METRICS`.
        true: True labels of the test part (n,).
        classes: The k labels.

    Raises:
        InputError: There is no such metric.

    >>> chance("accuracy", ["a", "a", "a", "b"], ["a", "b"])
    0.75
    """
    one_of("metric", metric, METRICS)
    k = len(classes)
    if metric == "accuracy":
        return chance_accuracy(np.asarray(true), k)
    return {"balanced_accuracy": 1 / k, "d_prime": 0.0, "sensitivity_specificity": 0.5}[metric]


def _rates(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return hit and false alarm rates (k,), NaN where there is no row to count them over."""
    correct, of_class, as_class = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    others = counts.sum() - of_class
    return _share(correct, of_class), _share(as_class - correct, others)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _z(rates: np.ndarray) -> np.ndarray:
    return np.clip(ndtri(rates), -Z_LIMIT, Z_LIMIT)


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
