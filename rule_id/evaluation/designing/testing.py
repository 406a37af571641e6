"""One model a fold, trained on networks seen at random, tested on networks seen in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import threadpoolctl

from rule_id.evaluation.metrics import accuracy, balanced_accuracy
from rule_id.features import FeatureTable
from rule_id.models import (
    CLASSIFIERS,
    combine_layers,
    fit_networks,
    hide,
    inputs_of,
    layer_probabilities,
    network_ids,
)

__all__ = ["Progress", "accuracies", "fit_folds", "named"]

Progress = Callable[[str, int, int], None]


def fit_folds(
    views: FeatureTable,
    fold: pd.Series,
    target: str,
    model: str,
    seed: int,
    progress: Progress | None = None,
) -> list[Any]:
    """Fit a classifier for each fold, on the networks of the others.

    Args:
        views: Random views of all networks (`randomised_views`).
        fold: The fold of each network, by its id.
        target: What is identified, one of `TARGETS`.
        model: One of `CLASSIFIERS`.
        seed: Seed of the classifiers.
        progress: Called as progress(what, done, total).

    Returns:
        The classifiers, in the order of the folds.
    """
    fold_of_row = views.meta["network"].map(fold).to_numpy()
    numbers = np.unique(fold_of_row)

    table = inputs_of(model, views)
    X, labels = table.matrix(), table.meta[target].to_numpy(dtype=str)
    ids = network_ids(table.meta)
    # Threads, unless the caller has configured another backend, as that of a cluster.
    run = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
    jobs = (
        joblib.delayed(_fitted)(model, seed, X, labels, ids, fold_of_row != number)
        for number in numbers
    )
    fitted = []
    with threadpoolctl.threadpool_limits(1):
        for one in run(jobs):
            fitted.append(one)
            if progress is not None:
                progress("fits", len(fitted), len(numbers))
    return fitted


def _fitted(
    model: str,
    seed: int,
    X: np.ndarray,
    labels: np.ndarray,
    networks: np.ndarray,
    rows: np.ndarray,
) -> Any:
    classifier = CLASSIFIERS[model](random_state=seed)
    return fit_networks(classifier, X[rows], labels[rows], networks[rows])


def named(
    models: list[Any],
    table: FeatureTable,
    recorded: tuple[str, ...],
    fold: pd.Series,
    classes: list[str],
) -> np.ndarray:
    """Return what each network is taken for by the model of its fold, its layers combined.

    Args:
        models: The classifiers of the folds.
        table: Features of all layers of the networks (n rows).
        recorded: The observables that were recorded; the others are hidden.
        fold: The fold of each network, by its id, sorted.
        classes: The k classes, sorted.

    Returns:
        Names of classes (m networks,), in the order of `fold`.
    """
    X = hide(table.matrix(), table.names, recorded)
    networks = table.meta["network"].to_numpy()
    fold_of_row = table.meta["network"].map(fold).to_numpy()
    # A class that a model does not know has probability 0 under it.
    layers = np.zeros((len(X), len(classes)))
    for number, model in enumerate(models):
        rows = fold_of_row == number
        known = np.searchsorted(classes, model.classes_)
        layers[np.ix_(rows, known)] = layer_probabilities(model, X[rows], networks[rows])
    _, combined = combine_layers(layers, networks)
    return np.array(classes)[combined.argmax(axis=1)]


def accuracies(
    true: np.ndarray, predicted: np.ndarray, blocks: np.ndarray, classes: list[str]
) -> dict[str, float]:
    r"""Return accuracy and balanced accuracy, each with its standard error over blocks.

    Networks of a block are not independent, so blocks are counted: with w_i the weight of network
    i (1/n, or 1 / (k n_c) in balanced accuracy), x_i 1 if it is named correctly and 0 if not, and
    m_i the mean of x over all networks (or those of its class),

    .. math:: s^2 = \frac{B}{B-1} \sum_{b=1}^{B} \Big(\sum_{i \in b} w_i (x_i - m_i)\Big)^2

    Args:
        true: True classes (n,).
        predicted: Predicted classes (n,).
        blocks: The block of each network (n,), B different ones, 2 or more.
        classes: The k classes.

    Source: the cluster-robust variance of a mean (Liang and Zeger, Biometrika 1986).
    """
    correct = pd.Series((true == predicted).astype(float))
    by_class = correct.groupby(true)
    k, of_class = len(np.unique(true)), by_class.transform("size")
    plain = (correct - correct.mean()) / len(correct)
    balanced = (correct - by_class.transform("mean")) / (k * of_class)
    return {
        "accuracy": accuracy(true, predicted, classes),
        "accuracy_sem": _error(plain, blocks),
        "balanced_accuracy": balanced_accuracy(true, predicted, classes),
        "balanced_accuracy_sem": _error(balanced, blocks),
    }


def _error(parts: pd.Series, blocks: np.ndarray) -> float:
    sums = parts.groupby(blocks).sum()
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)))
