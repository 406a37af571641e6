"""Trees and a linear classifier that were fitted to the same, answering together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rule_id.evaluation.trials import Trial
from rule_id.models import COMBINED, geometric_mean

__all__ = ["combined_trials"]


def combined_trials(
    trials: list[Trial], found: list[list[np.ndarray]]
) -> Iterator[tuple[Trial, list[np.ndarray]]]:
    """Yield what a `CombinedClassifier` says wherever both of its halves were fitted.

    Nothing is fitted: it answers with the geometric mean of theirs. It names networks, not layers,
    for one of its halves has learned networks.

    Args:
        trials: What was fitted.
        found: For each its probabilities, one array a test.
    """
    halves: dict[tuple, dict[str, int]] = {}
    for place, trial in enumerate(trials):
        if all(test.levels == ("network",) for test in trial.tests):
            halves.setdefault(_same(trial), {})[trial.model] = place
    for places in halves.values():
        if set(COMBINED) <= set(places):
            parts = [found[places[model]] for model in COMBINED]
            together = [geometric_mean(*arrays) for arrays in zip(*parts, strict=True)]
            yield replace(trials[places[COMBINED[0]]], model="combined"), together


def _same(trial: Trial) -> tuple:
    """Return what two trials have in common that differ in the classifier alone."""
    tests = tuple(
        (test.protocol, test.variant, test.observables, id(test.table), test.rows.tobytes())
        for test in trial.tests
    )
    split = (trial.split.protocol, trial.split.variant, trial.split.number)
    return (*split, trial.feature_set, trial.shuffled, id(trial.table), trial.rows.tobytes(), tests)
