"""Whether a network is of a kind that was never trained on, as far as its measurements tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from rule_id.errors import InputError
from rule_id.evaluation.imputing import new_imputer
from rule_id.models import combine_layers
from rule_id.models.ranges import beyond, feature_ranges

__all__ = ["NOVELTY_SCORES", "auroc", "novelty_scores"]

NOVELTY_SCORES = ("max_probability", "entropy", "neighbours", "outside", "mahalanobis")
"""Scores of novelty; the first two see probabilities alone, the others features alone."""

COMPONENTS = 30
NEIGHBOURS = 10


def novelty_scores(
    train_features: np.ndarray,
    train_labels: Sequence[str] | np.ndarray,
    test_features: np.ndarray,
    test_networks: Sequence | np.ndarray,
    test_layer_probabilities: np.ndarray,
    *,
    components: int = COMPONENTS,
    neighbours: int = NEIGHBOURS,
) -> pd.DataFrame:
    r"""Score how unlike those of training each network is; larger is more novel.

    - `max_probability`: :math:`1 - \max_c p_c`, p of the network, its layers combined;
    - `entropy`: :math:`-\sum_c p_c \log p_c`, in nats;
    - `neighbours`: distance of a layer to its nearest layers of training, their mean, then the
      mean over the layers of the network;
    - `outside`: share of the recorded features of all layers beyond the 0.5% and 99.5% quantiles of
      training, as `identify` warns of it where features are measured ones;
    - `mahalanobis`: distance of a layer to the nearest mean of a class, in units of the covariance
      that classes share (shrunk as Ledoit and Wolf do); then the mean over layers.

    Distances are taken where missing features are medians of training, each is standardised and
    clipped to +-8 as in the linear classifier, and the principal components of training with the
    largest variance are kept. There is no energy score: boosted trees and combined layers have
    probabilities and no logits.

    Args:
        train_features: Shape (n, d), of layers, NaN where not measured; n at least 2.
        train_labels: Shape (n,), the class of each layer.
        test_features: Shape (m, d), of the layers that are tested; m at least 1.
        test_networks: Shape (m,), the network of each of them.
        test_layer_probabilities: Shape (m, k), what a classifier says of each.
        components: Number of principal components; fewer where n or d is.
        neighbours: Number of nearest layers; fewer where n is.

    Returns:
        One row a network, ids in the index and sorted; one column for each of `NOVELTY_SCORES`.

    Raises:
        InputError: Shapes do not agree, or there are too few rows.

    Source: Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution
    examples in neural networks", ICLR 2017 (`max_probability`); Sun, Ming, Zhu, Li,
    "Out-of-distribution detection with deep nearest neighbors", ICML 2022; Lee, Lee, Lee, Shin, "A
    simple unified framework for detecting out-of-distribution samples", NeurIPS 2018
    (`mahalanobis`). Both papers look at activations of a network where we look at features.
    """
    train, test = np.asarray(train_features), np.asarray(test_features)
    labels = np.asarray(train_labels)
    _check(train, labels, test, test_networks, test_layer_probabilities)
    ids, combined = combine_layers(test_layer_probabilities, np.asarray(test_networks))
    layer_of = np.searchsorted(ids, np.asarray(test_networks))
    space = _space(min(components, *train.shape))
    near, far = space.fit_transform(train), space.transform(test)
    outside, comparable = (
        np.bincount(layer_of, found.sum(axis=1)) for found in beyond(test, feature_ranges(train))
    )
    return pd.DataFrame(
        {
            "max_probability": 1 - combined.max(axis=1),
            "entropy": -(combined * np.log(np.maximum(combined, 1e-300))).sum(axis=1),
            "neighbours": _mean(_to_neighbours(near, far, neighbours), layer_of),
            "outside": outside / np.maximum(1, comparable),
            "mahalanobis": _mean(_to_classes(near, labels, far), layer_of),
        },
        index=pd.Index(ids, name="network"),
    )[list(NOVELTY_SCORES)]


def auroc(
    scores: np.ndarray | pd.Series,
    novel: np.ndarray | pd.Series,
    blocks: Sequence | np.ndarray | pd.Series,
) -> tuple[float, float]:
    r"""Return how well a score ranks novel networks above others, with its error over blocks.

    The area under the curve of hits over false alarms is the probability that a novel network has
    the larger score of the two, ties counting half. Its error is that of the jackknife, leaving out
    one of B blocks at a time:

    .. math:: s^2 = \frac{B - 1}{B} \sum_b (A_{-b} - \bar A)^2

    Args:
        scores: Shape (n,), larger is more novel.
        novel: Shape (n,), boolean.
        blocks: Shape (n,), the block of each network; novel ones and others of a block are taken
            together.

    Returns:
        The area, in [0, 1], 0.5 for a score that says nothing, and its standard error: NaN where a
        block holds all that are novel, or all others.

    Raises:
        InputError: Lengths differ, or all are novel, or none.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(novel, dtype=bool)
    names, index = np.unique(np.asarray(blocks), return_inverse=True)
    if not len(values) == len(truth) == len(index):
        raise InputError(
            "scores, novel and blocks must be of as many networks; got "
            f"{len(values)}, {len(truth)} and {len(index)}"
        )
    if truth.all() or not truth.any():
        raise InputError(
            f"novel must hold networks that are and that are not; got {truth.sum()} of {len(truth)}"
        )
    left = [index != block for block in range(len(names))]
    if any(len(np.unique(truth[rows])) < 2 for rows in left):
        error = np.nan
    else:
        areas = np.array([_area(values[rows], truth[rows]) for rows in left])
        error = np.sqrt((len(names) - 1) * areas.var())
    return _area(values, truth), float(error)


def _area(values: np.ndarray, truth: np.ndarray) -> float:
    """Return the area from Mann and Whitney's U: scikit-learn's takes 20 times as long."""
    n_novel = truth.sum()
    u = rankdata(values)[truth].sum() - n_novel * (n_novel + 1) / 2
    return float(u / (n_novel * (len(truth) - n_novel)))


LARGEST_Z = 8.0
"""Where z-scores are clipped, so that one wild feature is not all of a distance."""


def _space(components: int) -> Pipeline:
    """Return what takes features to where distances are taken."""
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -LARGEST_Z, "a_max": LARGEST_Z})
    # The one solver that draws nothing at random and is quick for many rows.
    reduced = PCA(components, svd_solver="covariance_eigh")
    return make_pipeline(new_imputer(), StandardScaler(), clip, reduced)


def _to_neighbours(train: np.ndarray, test: np.ndarray, neighbours: int) -> np.ndarray:
    nearest = NearestNeighbors(n_neighbors=min(neighbours, len(train))).fit(train)
    return np.asarray(nearest.kneighbors(test)[0].mean(axis=1))


def _to_classes(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    names, index = np.unique(labels, return_inverse=True)
    means = np.stack([train[labels == name].mean(axis=0) for name in names])
    within = LedoitWolf(assume_centered=True).fit(train - means[index])
    found = pairwise_distances(test, means, metric="mahalanobis", VI=within.precision_)
    return np.asarray(found.min(axis=1))


def _mean(values: np.ndarray, layer_of: np.ndarray) -> np.ndarray:
    return np.bincount(layer_of, values) / np.bincount(layer_of)


def _check(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    networks: Sequence | np.ndarray,
    probabilities: np.ndarray,
) -> None:
    if train.ndim != 2 or len(train) < 2 or len(train) != len(labels):
        raise InputError(
            "train_features must have a row for each of the train_labels, 2 or more; got shape "
            f"{train.shape} and {len(labels)} labels"
        )
    if test.ndim != 2 or len(test) == 0 or test.shape[1] != train.shape[1]:
        raise InputError(
            f"test_features must have a row or more of {train.shape[1]} features; got shape "
            f"{test.shape}"
        )
    if not len(networks) == len(probabilities) == len(test):
        raise InputError(
            f"test_networks and test_layer_probabilities must be of {len(test)} layers; got "
            f"{len(networks)} and {len(probabilities)}"
        )
