"""Fit every model on every split, several fits at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import threadpoolctl

from rule_id.evaluation.protocols import Split, split_rows
from rule_id.evaluation.settings import Setting
from rule_id.models import CLASSIFIERS, choose_hyperparameters, network_ids

__all__ = ["Progress", "Trial", "fit_all", "trials_of"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Trial:
    """One model to fit on one split of one feature table."""

    split: Split
    setting: Setting
    model: str

    @property
    def key(self) -> tuple[int, str, bytes, bytes]:
        """What the fit depends on: trials that share it need be fitted only once."""
        split = self.split
        return id(self.setting.table), self.model, split.train.tobytes(), split.test.tobytes()

    @property
    def classes(self) -> list[str]:
        """The classes that are trained on, sorted."""
        return sorted(self.setting.table.meta.loc[self.split.train, self.setting.target].unique())


def trials_of(settings: list[Setting], n_splits: int, seed: int) -> Iterator[Trial]:
    """Yield a trial for every setting, split and model.

    Args:
        settings: Protocols with features and models.
        n_splits: Splits of each protocol, or of each group that was named.
        seed: Seed of the splits.

    Raises:
        InputError: The corpus is too small or uniform for a protocol.
    """
    for setting in settings:
        splits = split_rows(
            setting.protocol,
            setting.table.meta,
            target=setting.target,
            n_splits=n_splits,
            seed=seed,
            groups=setting.groups,
        )
        for split in splits:
            named = replace(split, variant=setting.variant or split.variant)
            for model in setting.models:
                yield Trial(named, setting, model)


def fit_all(
    trials: list[Trial], tune: bool, seed: int, progress: Progress | None
) -> dict[tuple, np.ndarray]:
    """Fit every distinct trial and predict its test rows.

    Args:
        trials: What to fit.
        tune: Choose hyperparameters on the training rows; else the defaults.
        seed: Seed of the models.
        progress: Called as progress(what, done, total).

    Returns:
        Probabilities (n test rows, k classes of the trial) for each key of the trials.
    """
    distinct = {trial.key: trial for trial in trials}
    # One thread a fit, several fits at once: faster than many threads for each fit of this
    # size, as fast as processes, and the numbers do not depend on how many cores there are.
    run = joblib.Parallel(n_jobs=-1, backend="threading", return_as="generator")
    jobs = (joblib.delayed(_fit)(trial, tune, seed) for trial in distinct.values())
    outcomes = []
    with threadpoolctl.threadpool_limits(1):
        for done, outcome in enumerate(run(jobs), start=1):
            outcomes.append(outcome)
            if progress is not None:
                progress("fits", done, len(distinct))
    return dict(zip(distinct, outcomes, strict=True))


def _fit(trial: Trial, tune: bool, seed: int) -> np.ndarray:
    """Return the probabilities (n test rows, k classes, sorted) of one trial."""
    train = trial.setting.table.rows(trial.split.train)
    values, labels = train.matrix(), train.meta[trial.setting.target].to_numpy(dtype=str)
    chosen: dict[str, Any] = {}
    if tune:
        blocks, networks = train.meta["block"].to_numpy(), network_ids(train.meta)
        chosen = choose_hyperparameters(
            trial.model, values, labels, blocks, networks=networks, seed=seed
        )
    classifier = CLASSIFIERS[trial.model](**{**chosen, "random_state": seed})
    if "n_jobs" in classifier.get_params():
        classifier.set_params(n_jobs=1)
    classifier.fit(values, labels)
    return classifier.predict_proba(trial.setting.table.rows(trial.split.test).matrix())
