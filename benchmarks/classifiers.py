"""How long classifiers take to train and to test, beside the random forests of the 2020 paper.

The same rows, features, split of blocks and one thread for all. With `--corpus` the features are
those of a corpus under its first measurement, as `rule-id simulate reference --scale 0.1
--out corpora/tenth` makes one; without, made-up ones in the shape of that. A tuned fit is not run
but estimated from plain ones: five folds of every setting of the grid, on 4/5 of the rows each, and
the last fit.

Source of the forests: github.com/neuroailab/lr-identify at 9677002, `cls_cv_params.py` and
`cross_validation.py`: 3 choices of features a split times 5 numbers of trees, 5 folds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import threadpoolctl
from reporting import arguments, median, report
from sklearn.ensemble import RandomForestClassifier

from rule_id.evaluation import Split, split_rows
from rule_id.features import FeatureTable, extract, summary_names
from rule_id.models import CLASSIFIERS
from rule_id.models.hyperparameters import GRIDS
from rule_id.trajectories import STATISTICS, read_corpus

FOLDS = 5
FOLD_SHARE = 0.8
FOREST_FEATURES = ("sqrt", "log2", None)
FOREST_TREES = (20, 50, 100, 500, 1000)

FEWEST_BLOCKS = 5
"""In which a rule must have run to be told apart."""

NETWORKS, BLOCKS, RULES, LAYERS = 1264, 12, 30, 4
"""Of a tenth of the reference plan; layers on average."""


@dataclass(frozen=True)
class Side:
    """A classifier and its grid.

    Attributes:
        name: Its name in the table.
        new: Returns a classifier of `trees` trees, or what has no number of trees.
        trees: Trees that are fitted here.
        grid_fits: How many times such a fit the settings of its grid take, in one fold.
    """

    name: str
    new: Callable[[], Any]
    trees: int | None
    grid_fits: float


def main() -> None:
    """Time each classifier on each split, in turn."""
    corpus = {"type": Path, "help": "a corpus; made-up features when left out"}
    options = arguments(__doc__, corpus=corpus)
    table = corpus_table(options.corpus) if options.corpus else made_up_table(options.quick)
    splits = list(split_rows("grouped", table.meta, n_splits=1 if options.quick else 2))
    sides = list(sides_of(options.quick))
    with threadpoolctl.threadpool_limits(1):
        runs = [[time_side(side, table, split) for side in sides] for split in splits]
    report(
        "classifiers",
        [line(side, found) for side, found in zip(sides, zip(*runs, strict=True), strict=True)],
        options.out,
        tuned=tuned(sides, runs),
        features=str(options.corpus or "made up; simulate a corpus and give it as --corpus"),
        n_rows={"train": int(splits[0].train.sum()), "test": int(splits[0].test.sum())},
        shape={"features": len(table.names), "rules": int(table.meta["rule"].nunique())},
    )


def sides_of(quick: bool) -> Iterator[Side]:
    """Yield our classifiers, then a forest for each choice of features.

    Args:
        quick: Grow one tree a forest.
    """
    for name, classifier in CLASSIFIERS.items():
        yield Side(name, classifier, None, len(GRIDS[name]))
    for features in FOREST_FEATURES:
        # Time is proportional to the number of trees; of those that see all features few must do.
        trees = 1 if quick else 100 if features else 2
        yield Side(
            f"forest, {features or 'all'} features, {trees} trees",
            lambda features=features, trees=trees: RandomForestClassifier(
                trees, max_features=features, n_jobs=1, random_state=0
            ),
            trees,
            sum(FOREST_TREES) / trees,
        )


def time_side(side: Side, table: FeatureTable, split: Split) -> dict[str, float]:
    """Return the seconds of a fit and of a prediction, and the accuracy for layers."""
    train, test = table.rows(split.train), table.rows(split.test)
    X, y = train.matrix(), train.meta["rule"].to_numpy(dtype=str)
    unseen = test.matrix()
    begin = time.perf_counter()
    classifier = side.new().fit(X, y)
    fitted = time.perf_counter()
    predicted = classifier.predict(unseen)
    done = time.perf_counter()
    accuracy = np.mean(predicted == test.meta["rule"].to_numpy(dtype=str))
    return {"fit_s": fitted - begin, "predict_s": done - fitted, "accuracy": float(accuracy)}


def line(side: Side, found: tuple[dict[str, float], ...]) -> dict[str, Any]:
    """Return a line of the table: medians over splits."""
    medians = {key: round(median([one[key] for one in found]), 4) for key in found[0]}
    return {"classifier": side.name, **medians}


def tuned(sides: list[Side], runs: list[list[dict[str, float]]]) -> dict[str, float]:
    """Return the estimated seconds of choosing among the settings of a grid and fitting the best.

    The last fit of the forests is left out, for it depends on what was chosen.
    """
    found = dict.fromkeys([*CLASSIFIERS, "forests of the paper"], 0.0)
    for index, side in enumerate(sides):
        seconds = median([run[index]["fit_s"] for run in runs])
        grid = FOLDS * FOLD_SHARE * side.grid_fits * seconds
        if side.trees is None:
            found[side.name] += grid + seconds
        else:
            found["forests of the paper"] += grid
    return {name: round(seconds, 1) for name, seconds in found.items()}


def corpus_table(folder: Path) -> FeatureTable:
    """Return the summaries of the networks of a corpus that converged, under one measurement.

    Rules that ran in few blocks are left out, for a split may leave none of them to train on.
    """
    table = extract(read_corpus(folder), "summary")
    kept = ~table.meta["diverged"].astype(bool) & (table.meta["measurement"] == 0)
    blocks = table.meta[kept].groupby("rule")["block"].nunique()
    kept &= table.meta["rule"].map(blocks).fillna(0) >= FEWEST_BLOCKS
    return table.rows(kept.to_numpy(dtype=bool))


def made_up_table(quick: bool) -> FeatureTable:
    """Return correlated features that a rule shifts a little, some missing.

    Args:
        quick: Few networks, rules and features.
    """
    networks, rules, layers = (48, 2, 1) if quick else (NETWORKS, RULES, LAYERS)
    names = [f"{s}.{name}" for s in STATISTICS for name in summary_names()][: 30 if quick else None]
    rng = np.random.default_rng(0)
    network = np.repeat(np.arange(networks), layers)
    rule, block = network % rules, network // rules * BLOCKS * rules // networks
    shared = rng.normal(size=(len(network), 40)) @ rng.normal(size=(40, len(names)))
    own = rng.normal(size=(len(network), len(names)))
    values = 0.5 * rng.normal(size=(rules, len(names)))[rule] + 0.3 * shared + own
    values[rng.random(values.shape) < 0.02] = np.nan
    meta = pd.DataFrame(
        {
            "network": [f"n{index}" for index in network],
            "layer": np.tile(np.arange(layers), networks),
            "block": block,
            "rule": [f"rule {index:02}" for index in rule],
        }
    )
    return FeatureTable(meta, pd.DataFrame(values.astype(np.float32), columns=names), "summary")


if __name__ == "__main__":
    main()
