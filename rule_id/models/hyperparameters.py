"""Choosing hyperparameters by cross-validation over blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import threadpoolctl

from rule_id.errors import InputError, one_of
from rule_id.models.classifiers import CLASSIFIERS
from rule_id.models.combine import fit_networks, name_networks

__all__ = ["GRIDS", "choose_hyperparameters"]

GRIDS: dict[str, tuple[dict[str, Any], ...]] = {
    "linear": tuple({"C": 10.0**exponent} for exponent in (-4, -3, -2, -1)),
    "xgboost": (
        {"max_depth": 3, "min_child_weight": 1.0, "reg_lambda": 1.0},
        {"max_depth": 4, "min_child_weight": 10.0, "reg_lambda": 10.0},
        {"max_depth": 4, "min_child_weight": 1.0, "reg_lambda": 1.0},
    ),
    "combined": tuple(
        {"C": C, "max_depth": depth} for C, depth in ((0.001, 3), (0.01, 3), (0.01, 4))
    ),
}
"""The settings tried for each classifier, from the simplest model to the richest."""


def choose_hyperparameters(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    blocks: np.ndarray,
    *,
    networks: np.ndarray | None = None,
    folds: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Return the setting of `GRIDS` with the least log loss for networks of unseen blocks.

    As in the fit, classes weigh the same, however many networks each has.

    Args:
        name: One of `CLASSIFIERS`.
        X: Features (n, d), NaN allowed.
        y: Labels (n,): the class of each row.
        blocks: The block of each row (n,); no block is on both sides of a fold.
        networks: Ids (n,); rows of one network are combined before they are scored. Without them
            each row is scored by itself.
        folds: Number of folds, 2 to the number of blocks.
        seed: Seed of the folds and of the classifiers.
        n_jobs: How many fits run at once, of one thread each; -1 for all cores. The choice does
            not depend on it, the memory does: each fit has its own copy of its rows. Within
            `joblib.parallel_config("dask")` they run on a cluster.
        progress: Called as progress(what, fits done, fits in all).

    Returns:
        Parameters for `CLASSIFIERS[name]`.

    Raises:
        InputError: The name is unknown or there are fewer blocks than folds.
    """
    import joblib
    from sklearn.model_selection import GroupKFold

    one_of("model", name, CLASSIFIERS)
    n_blocks = len(np.unique(blocks))
    if not 2 <= folds <= n_blocks:
        raise InputError(f"folds must be 2 to the number of blocks, {n_blocks}; got {folds}")
    ids = np.arange(len(y)) if networks is None else networks
    splits = list(GroupKFold(folds, shuffle=True, random_state=seed).split(X, y, blocks))
    grid = GRIDS[name]
    losses = np.zeros(len(grid))

    # Threads, unless the caller has configured another backend, as that of a cluster.
    run = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    jobs = (
        joblib.delayed(_fold_loss)(name, setting, seed, X, y, ids, *split)
        for setting in grid
        for split in splits
    )
    with threadpoolctl.threadpool_limits(1):
        for done, found in enumerate(run(jobs), start=1):
            losses[(done - 1) // folds] += found
            if progress is not None:
                progress("choosing hyperparameters", done, len(grid) * folds)
    return dict(grid[int(losses.argmin())])


def _fold_loss(
    name: str,
    setting: dict[str, Any],
    seed: int,
    X: np.ndarray,
    y: np.ndarray,
    networks: np.ndarray,
    fitted: np.ndarray,
    unseen: np.ndarray,
) -> float:
    classifier = CLASSIFIERS[name](random_state=seed, **setting)
    fit_networks(classifier, X[fitted], y[fitted], networks[fitted])
    return _log_loss(classifier, X[unseen], y[unseen], networks[unseen])


def _log_loss(classifier: Any, X: np.ndarray, y: np.ndarray, networks: np.ndarray) -> float:
    """Mean over classes of the mean -log p(true class) of its networks.

    A class absent from the fit has p = 1e-9.
    """
    _, probabilities = name_networks(classifier, X, networks)
    labels = y[np.unique(networks, return_index=True)[1]]
    true = classifier.classes_[None, :] == labels[:, None]
    losses = -np.log(np.maximum((probabilities * true).sum(axis=1), 1e-9))
    return float(np.mean([losses[labels == name].mean() for name in np.unique(labels)]))
