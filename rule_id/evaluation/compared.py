"""Ours against the best of the baselines, on the same splits."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.results import FURTHER

__all__ = ["compared_of"]

_ROW = ["protocol", "target", "subset", "level"]


def compared_of(results: pd.DataFrame, feature_set: str) -> pd.DataFrame:
    """Return how far ours is ahead of the best baseline, wherever both were run.

    Ours is the classifier of ours that names most rules of networks of new blocks, the same in
    every row of networks; in those of single layers, the one that names most rules of layers of
    new blocks. It is compared with the best of the 2020 paper's, and of all where others were run.
    The best baseline is chosen in every row by what it reached there, so that it is a
    little too good. Differences are taken split by split, for a hard split is hard for both.

    Args:
        results: `Evaluation.results`.
        feature_set: The features of ours; those that were trained on no more than baselines were
            are `<feature_set>-drawn`.

    Returns:
        One row a (protocol, target, subset, level, features, among): `difference` is the mean over
        splits of accuracy of ours less that of the best baseline, `sem` its standard error. Single
        layers are compared under `paper` alone, which has nothing else.
    """
    accuracies = results[results["metric"] == "accuracy"]
    scores = accuracies[(accuracies["level"] == "network") | _layers(accuracies)]
    best = {
        level: _best_of_ours(accuracies[accuracies["level"] == level], feature_set)
        for level in ("network", "layer")
    }
    ours = scores[
        scores["feature_set"].isin([feature_set, f"{feature_set}-drawn"])
        & (scores["model"] == scores["level"].map(best))
    ]
    run = [name for name in BASELINES if name in set(scores["model"])]
    of_paper = [name for name in run if BASELINES[name].of_paper]
    rows = [
        row
        for among, names in {"paper": of_paper, "all": run}.items()
        if names and (among == "paper" or names != of_paper)
        for row in _rows(ours, scores[scores["model"].isin(names)], among)
    ]
    return pd.DataFrame(rows, columns=list(FURTHER["compared"]))


def _layers(results: pd.DataFrame) -> pd.Series:
    return (results["level"] == "layer") & (results["protocol"] == "paper")


def _best_of_ours(scores: pd.DataFrame, feature_set: str) -> str:
    rows = scores[
        (scores["feature_set"] == feature_set)
        & (scores["target"] == "rule")
        & (scores["subset"] == "all")
        & ~scores["model"].isin(list(BASELINES))
    ]
    new_blocks = rows[rows["protocol"] == "grouped"]
    means = (new_blocks if len(new_blocks) else rows).groupby("model")["value"].mean()
    return str(means.idxmax()) if len(means) else ""


def _rows(ours: pd.DataFrame, theirs: pd.DataFrame, among: str) -> Iterator[tuple]:
    for key, some in ours.groupby([*_ROW, "feature_set", "model"], sort=False):
        *row, features, model = key
        same = theirs[(theirs[_ROW] == row).all(axis=1)]
        if same.empty:
            continue
        best = str(same.groupby("model")["value"].mean().idxmax())
        pair = pd.concat(
            [
                some.set_index("split")["value"],
                same[same["model"] == best].set_index("split")["value"],
            ],
            axis=1,
            join="inner",
            keys=["ours", "best"],
        )
        apart = pair["ours"] - pair["best"]
        means = pair.mean()
        yield (
            *row, model, features, among, means["ours"], best, means["best"], apart.mean(),
            apart.sem(), len(pair),
        )  # fmt: skip
