"""From the probabilities of layers to results and confusion matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rule_id.evaluation.answers import Answers, answers_of, classes_of, subsets_of, targets_of
from rule_id.evaluation.floor import BlockFloor
from rule_id.evaluation.metrics import METRICS, chance, confusion_matrix
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import CONFUSION_COLUMNS, RESULT_COLUMNS, in_order
from rule_id.evaluation.trials import Test, Trial
from rule_id.trajectories import set_apart

__all__ = ["score_all"]

GRID_TARGETS = ("rule", "paper_rule", "family")
"""What is asked of each of the many tests of one model."""


def score_all(
    trials: list[Trial], found: list[list[np.ndarray]], networks: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every test of every trial.

    Args:
        trials: What was fitted.
        found: For each its probabilities, one array a test.
        networks: All networks of the corpus.

    Returns:
        `Evaluation.results` and `Evaluation.confusions`.
    """
    results: list[tuple] = []
    confusions: list[tuple] = []
    targets = targets_of(networks)
    class_of = {target: classes_of(networks, target) for target in targets}
    floors = _Floors(networks, class_of)
    for trial, arrays in zip(trials, found, strict=True):
        for test, probabilities in zip(trial.tests, arrays, strict=True):
            asked = targets if test.detailed else [t for t in GRID_TARGETS if t in targets]
            for answers in answers_of(trial, test, probabilities):
                for target in asked:
                    about = answers.about(class_of[target])
                    if len(about.classes) < 2 or not len(about.true):
                        continue
                    key = _key(trial, test, answers.level, target)
                    results += _results(key, trial, test, about, floors)
                    if test.detailed:
                        confusions += _confusions(key, about)
    counted = pd.DataFrame(confusions, columns=list(CONFUSION_COLUMNS))
    summed = counted.groupby(list(CONFUSION_COLUMNS[:-1]), sort=False)["count"].sum()
    scores = pd.DataFrame(results, columns=list(RESULT_COLUMNS))
    return in_order(scores), in_order(summed.reset_index())


def _key(trial: Trial, test: Test, level: str, target: str) -> tuple[str, ...]:
    return test.protocol, test.variant, trial.feature_set, trial.model, level, target


def _results(
    key: tuple[str, ...], trial: Trial, test: Test, about: Answers, floors: _Floors
) -> Iterator[tuple]:
    """Yield a row a kind of networks and metric."""
    for subset, rows in about.kinds.items():
        if (subset != "all" and not test.detailed) or not rows.any():
            continue
        some = about.rows(rows)
        floor = floors.of(trial, test, some, subset, key[-1])
        n_test = len(np.unique(some.networks))
        for name, metric in METRICS.items():
            guess = chance(name, some.true, some.classes)
            yield (
                *key, subset, trial.split.number, name,
                metric(some.true, some.predicted, some.classes),
                # Who knows the block may also ignore it.
                guess, max(guess, floor[name]) if name in floor else np.nan,
                trial.n_networks, n_test, len(some.classes),
            )  # fmt: skip


class _Floors:
    """What can be looked up of the networks of a trial's world; each world is counted once."""

    def __init__(self, networks: pd.DataFrame, class_of: dict[str, dict[str, str]]) -> None:
        self._networks = networks.assign(
            **{target: networks["rule"].map(names) for target, names in class_of.items()}
        )
        self._floors: dict[tuple, BlockFloor] = {}

    def of(
        self, trial: Trial, test: Test, some: Answers, subset: str, target: str
    ) -> dict[str, float]:
        apart = PROTOCOLS[test.protocol].held_out is not None
        key = (tuple(trial.classes), apart, subset, target)
        if key not in self._floors:
            world = self._networks[self._networks["rule"].isin(trial.classes)]
            world = world if apart else world[~set_apart(world)]
            world = world[world[target].notna() & subsets_of(world)[subset]]
            self._floors[key] = BlockFloor(world, target)
        return self._floors[key].of(some.blocks)


def _confusions(key: tuple[str, ...], about: Answers) -> Iterator[tuple]:
    counts = confusion_matrix(about.true, about.predicted, about.classes)
    for row, column in np.argwhere(counts):
        yield (*key, about.classes[row], about.classes[column], int(counts[row, column]))
