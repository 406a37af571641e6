"""Whether probabilities can be taken at their word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.blocks import block_sem
from rule_id.models.checks import label_codes

__all__ = [
    "RELIABILITY_COLUMNS",
    "expected_calibration_error",
    "reliability",
]

RELIABILITY_COLUMNS = ("low", "high", "n", "confidence", "accuracy", "accuracy_sem")

OVER = ("width", "mass")


def reliability(
    probabilities: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    classes: Sequence[str],
    *,
    bins: int = 10,
    blocks: Sequence | np.ndarray | None = None,
) -> pd.DataFrame:
    """Compare how sure a classifier is with how often it is right.

    Args:
        probabilities: Shape (n, k), of whole networks that were not trained on; n at least 1.
        labels: Shape (n,), the true classes.
        classes: The k classes, in the order of the columns.
        bins: Number of bins of equal width of the largest probability, over (0, 1].
        blocks: Shape (n,), the block of each network, for standard errors.

    Returns:
        One row a bin that holds a network: `low` (not in it) and `high` (in it), `n` networks,
        `confidence` (mean of the largest probability), `accuracy` (share whose most probable class
        is true) and `accuracy_sem`, its standard error over blocks, NaN without `blocks` or in
        bins that hold fewer than 2.

    Raises:
        InputError: Shapes do not agree, a label is not one of `classes`, or `bins` is below 1.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    confidence, correct = _top(probabilities, labels, classes)
    edges = _edges(confidence, bins, "width")
    place = _places(confidence, edges)
    rows = []
    for number in np.unique(place):
        inside = place == number
        error = np.nan if blocks is None else block_sem(correct[inside], np.asarray(blocks)[inside])
        rows.append(
            (edges[number], edges[number + 1], int(inside.sum()), confidence[inside].mean(),
             correct[inside].mean(), error)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(RELIABILITY_COLUMNS))


def expected_calibration_error(
    probabilities: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    classes: Sequence[str],
    *,
    bins: int = 15,
    over: str = "width",
) -> float:
    r"""Return how far the largest probability is from the share that is right, on average.

    Over M bins of the largest probability, with n_m of n networks in bin m:

    .. math:: ECE = \sum_{m=1}^{M} \frac{n_m}{n} |accuracy_m - confidence_m|

    Chance differences of bins do not cancel: with perfect probabilities it is about
    :math:`\sum_m \sqrt{2 n_m c_m (1 - c_m) / \pi} / n`, c_m the confidence, which is 0.06 for 400
    networks spread evenly over 15 bins, and more where networks of a block are right or wrong
    together. So compare classifiers at the same n.

    Args:
        probabilities: As in `reliability`.
        labels: As in `reliability`.
        classes: As in `reliability`.
        bins: Number of bins M.
        over: `width`: bins of equal width, as published. `mass`: bins of equally many networks
            (networks of the same confidence stay together). Where most probabilities are near 1,
            as of boosted trees, `width` has nearly all networks in the last bin, in which too much
            and too little confidence cancel; `mass` divides them.

    Returns:
        The error, in [0, 1].

    Raises:
        InputError: As in `reliability`, or there is no such `over`.

    Source: Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015, and Guo et al., ICML 2017, equation 3; bins of equal mass: Nixon et al.,
    "Measuring calibration in deep learning", 2019.
    """
    one_of("over", over, OVER)
    confidence, correct = _top(probabilities, labels, classes)
    place = _places(confidence, _edges(confidence, bins, over))
    return float(np.abs(np.bincount(place, correct - confidence)).sum() / len(correct))


def _top(
    probabilities: np.ndarray, labels: Sequence[str] | np.ndarray, classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest probability of each network (n,), and whether its class is true (n,)."""
    codes = label_codes(probabilities, labels, classes)
    best = np.argmax(probabilities, axis=1)
    return np.asarray(probabilities)[np.arange(len(codes)), best], best == codes


def _edges(confidence: np.ndarray, bins: int, over: str) -> np.ndarray:
    if bins < 1:
        raise InputError(f"bins must be 1 or more; got {bins}")
    levels = np.linspace(0, 1, bins + 1)
    return levels if over == "width" else np.unique(np.quantile(confidence, levels))


def _places(confidence: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the bin of each network (n,); a bin holds its upper edge."""
    return np.searchsorted(edges[1:-1], confidence, side="left")
