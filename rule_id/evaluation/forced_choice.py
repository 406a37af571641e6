"""Which of two networks is of which of two classes: a question whose chance is always one half."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.neighbors import KernelDensity

from rule_id.errors import InputError
from rule_id.evaluation.blocks import block_sem
from rule_id.models.checks import label_codes

__all__ = ["forced_choice", "value_choice"]

BANDWIDTH = 0.1
"""Of densities over ranks, which lie between 0 and 1."""


def forced_choice(
    probabilities: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    classes: Sequence[str],
    pairs: pd.DataFrame,
    blocks: Sequence | np.ndarray,
) -> tuple[float, float, int]:
    """Return how often the networks of pairs are told apart.

    A pair of i, which is of class a, and j, which is of class b, is right when
    p_i(a) p_j(b) > p_i(b) p_j(a): who knows that one is of a and the other of b would name them so.
    Where the two products are equal it counts half. Whatever the sizes of classes and the prior of
    the classifier, what says nothing of the class reaches 0.5.

    Args:
        probabilities: Shape (n, k), of whole networks that were not trained on.
        labels: Shape (n,), the true classes.
        classes: The k classes, in the order of the columns.
        pairs: What `matched_pairs` or `unmatched_pairs` made of the n networks, in the same order.
        blocks: Shape (n,), the block of each network; those of a pair share theirs.

    Returns:
        The weighted share of pairs that are right, its standard error over blocks (`block_sem`),
        and the number of pairs; NaN, NaN and 0 without a pair.

    Raises:
        InputError: Shapes do not agree, a label is not one of `classes`, or a pair is of one class
            or of two blocks.
    """
    codes = label_codes(probabilities, labels, classes)
    i, j, weights = (pairs[name].to_numpy() for name in ("i", "j", "weight"))
    of_pair = np.asarray(blocks)[i]
    if (codes[i] == codes[j]).any() or (of_pair != np.asarray(blocks)[j]).any():
        raise InputError("pairs must be of networks of one block and two classes")
    if len(pairs) == 0:
        return float("nan"), float("nan"), 0
    p = np.asarray(probabilities, dtype=np.float64)
    as_is = p[i, codes[i]] * p[j, codes[j]]
    swapped = p[i, codes[j]] * p[j, codes[i]]
    right = (1 + np.sign(as_is - swapped)) / 2
    return (
        float(np.average(right, weights=weights)),
        block_sem(right, of_pair, weights),
        len(pairs),
    )


def value_choice(
    trained: pd.DataFrame,
    tested: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    label: str = "rule",
    value: str = "final_performance",
    relative: bool = True,
) -> tuple[float, float, int]:
    """Return how often pairs are told apart by the value that they are matched in.

    On matched pairs it must be near 0.5, or they are not matched well; on all pairs it is what the
    value says. The probability of a class is proportional to the density of its training networks
    at the rank of the value among all those of training, a sum of normal densities whose standard
    deviation is a tenth of all ranks. (Shares in 20 bins of ranks saw nothing of what is left
    within a caliper: 0.54 where the true densities gave 0.61, and this gave 0.60.)

    Args:
        trained: One row a network: `block`, its class and its value.
        tested: The same of the networks that pairs are of, in the same order.
        pairs: As in `forced_choice`.
        label: The column of the class.
        value: The column of the value.
        relative: Take values less the mean of their block: where tasks differ in what can be
            reached, the value alone says little and the value within its block much. The stricter
            test of matching. False for what a classifier can see that knows no other network of
            the block.

    Returns:
        As in `forced_choice`.

    Raises:
        InputError: A column is missing, or a class of `tested` has no training network with a
            value.
    """
    known, seen = (_values(networks, label, value, relative) for networks in (trained, tested))
    usable = np.isfinite(known)
    known, labels = known[usable], trained[label].to_numpy(dtype=str)[usable]
    classes = np.unique(labels).tolist()
    if not classes:
        raise InputError(f"networks trained on must have a {value}; none has")
    # Networks without a value are in no pair, and what is said of them does not matter.
    ranks = _ranks(np.nan_to_num(seen), known)
    own = _ranks(known, known)
    densities = [KernelDensity(bandwidth=BANDWIDTH).fit(own[labels == c]) for c in classes]
    probabilities = softmax([of_class.score_samples(ranks) for of_class in densities], axis=0).T
    names, blocks = tested[label].to_numpy(dtype=str), tested["block"].to_numpy()
    return forced_choice(probabilities, names, classes, pairs, blocks)


def _values(networks: pd.DataFrame, label: str, value: str, relative: bool) -> np.ndarray:
    missing = [name for name in ("block", label, value) if name not in networks.columns]
    if missing:
        raise InputError(f"networks must have a column {', '.join(missing)}")
    values = networks[value].astype(float).where(lambda v: np.isfinite(v))
    if relative:
        values = values - values.groupby(networks["block"]).transform("mean")
    return values.to_numpy()


def _ranks(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the share of `among` below each value (n, 1), those equal to it counting half."""
    ordered = np.sort(among)
    places = [np.searchsorted(ordered, values, side=side) for side in ("left", "right")]
    return np.mean(places, axis=0)[:, None] / len(ordered)
