"""Choosing a setting of a baseline's grid within a budget."""

from __future__ import annotations

from typing import Any

import numpy as np

from rule_id.errors import InputError, one_of
from rule_id.evaluation.baselines.drawing import draw_networks
from rule_id.evaluation.baselines.table import BASELINES, Baseline
from rule_id.evaluation.metrics import balanced_accuracy

__all__ = ["choose"]


def choose(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    blocks: np.ndarray,
    networks: np.ndarray,
    n_checkpoints: int,
    seed: int,
    *,
    rows: int = 2000,
    folds: int = 3,
) -> dict[str, Any]:
    """Choose a setting of a baseline's grid by cross-validation over blocks.

    One pass of coordinate search: from the setting `start`, each hyperparameter of `searched` in
    turn takes the value with the largest balanced accuracy, the others held; the first of equals,
    in the order of the grid. Rows are scored one by one, each by a fit that saw no row of its
    block. Where classes are equally common, as in the paper, balanced accuracy is accuracy, by
    which the paper chooses.

    It is done on whole networks drawn at random, as many of each class as there are (the rare ones
    all), up to `rows` rows. What is not searched, and why:

    - `random_forest`: the number of trees, for more of them average out more and do not overfit;
      settings are compared with 100 trees, and 500 are taken. All features at each split, which
      takes 20 times as long as their square root.
    - `svm_pca`: 600 components, more than the 504 statistics have.
    - `conv1d`: epochs (one value), and learning rate and batch size, for they decide how many steps
      of which size a fit takes, and a choice on fewer rows would be one for fewer steps.

    That makes 2, 7, 16 and 11 settings of 15, 7, 77 and 720.

    Args:
        name: One of `BASELINES`.
        X: Features (n, d) of `extract(..., "trajectory", paper=True)`, NaN allowed.
        y: Labels (n,): the class of each row, the same for all rows of a network.
        blocks: The block of each row (n,); no block is on both sides of a fold.
        networks: The id of the network of each row (n,).
        n_checkpoints: Checkpoints of a trajectory.
        seed: Seed of the drawn networks, the folds and the fits.
        rows: The most rows to choose on.
        folds: Number of folds, 2 to the number of blocks among those rows.

    Returns:
        A setting of the grid, for `BASELINES[name].build`.

    Raises:
        InputError: The name is unknown, the baseline is not installed or does not take so few
            checkpoints, or the rows have fewer blocks than folds.
    """
    baseline = BASELINES[one_of("baseline", name, BASELINES)]
    best = dict(baseline.start)
    baseline.build(n_checkpoints, seed, **best)  # is refused before anything is fitted
    if not baseline.searched:
        return best
    kept = draw_networks(y, networks, rows, seed)
    splits = _block_splits(blocks[kept], folds, seed)
    scores: dict[tuple, float] = {}

    def score(setting: dict[str, Any]) -> float:
        key = tuple(setting.values())
        if key not in scores:
            fitted = setting | baseline.meanwhile
            predicted = _unseen_predictions(
                baseline, fitted, X[kept], y[kept], splits, n_checkpoints, seed
            )
            scores[key] = balanced_accuracy(y[kept], predicted, np.unique(y[kept]).tolist())
        return scores[key]

    for key, values in baseline.searched.items():
        best = max((best | {key: value} for value in values), key=score)
    return best


def _block_splits(blocks: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import GroupKFold

    n_blocks = len(np.unique(blocks))
    if not 2 <= folds <= n_blocks:
        raise InputError(
            f"folds must be 2 to the number of blocks that are chosen on, {n_blocks}; got {folds}"
        )
    return list(GroupKFold(folds, shuffle=True, random_state=seed).split(blocks, groups=blocks))


def _unseen_predictions(
    baseline: Baseline,
    setting: dict[str, Any],
    X: np.ndarray,
    y: np.ndarray,
    splits: list[tuple[np.ndarray, np.ndarray]],
    n_checkpoints: int,
    seed: int,
) -> np.ndarray:
    """Return what each row (n,) is taken for by the fit that saw no row of its block."""
    predicted = np.empty_like(y)
    for fitted, unseen in splits:
        model = baseline.build(n_checkpoints, seed, **setting).fit(X[fitted], y[fitted])
        predicted[unseen] = model.predict(X[unseen])
    return predicted
