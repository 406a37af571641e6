"""Trees and a linear classifier that were fitted to the same, answering together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rule_id.evaluation.trials import Trial
from rule_id.models import COMBINED, TREES_SHARE, geometric_mean

__all__ = ["with_combined"]


def with_combined(
    trials: list[Trial], found: list[list[np.ndarray]]
) -> tuple[list[Trial], list[list[np.ndarray]]]:
    """Add what a `CombinedClassifier` says wherever both of its halves have named networks.

    Nothing is fitted: it answers with the weighted geometric mean of theirs. It names networks, not
    layers, for one of its halves has learned networks. Trees see of features what they are given:
    no deviations of layers where those are the 2020 paper's.

    Args:
        trials: What was fitted.
        found: For each its probabilities, one array a test.

    Returns:
        Both, with a trial more after each second half.
    """
    halves: dict[tuple, dict[str, list[np.ndarray]]] = {}
    every, answers = [], []
    for trial, arrays in zip(trials, found, strict=True):
        every.append(trial)
        answers.append(arrays)
        if trial.model in COMBINED and all("network" in test.levels for test in trial.tests):
            known = halves.setdefault(_same(trial), {})
            known[trial.model] = arrays
            if len(known) == len(COMBINED):
                tests = tuple(replace(test, levels=("network",)) for test in trial.tests)
                every.append(replace(trial, model="combined", tests=tests))
                pairs = zip(known["xgboost"], known["linear"], strict=True)
                answers.append([geometric_mean(*pair, TREES_SHARE) for pair in pairs])
    return every, answers


def _same(trial: Trial) -> tuple:
    """Return what two trials have in common that differ in the classifier alone."""
    tests = tuple(
        (test.protocol, test.variant, test.observables, id(test.table), test.rows.tobytes())
        for test in trial.tests
    )
    split = (trial.split.protocol, trial.split.variant, trial.split.number)
    return (*split, trial.feature_set, trial.shuffled, id(trial.table), trial.rows.tobytes(), tests)
