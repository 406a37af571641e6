"""Fit and test classifiers under protocols."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.alignment import accuracy_by_alignment
from rule_id.evaluation.choosing import choose_protocols
from rule_id.evaluation.control import CONTROL_COLUMNS, nuisance_control, nuisances_of
from rule_id.evaluation.describing import describe
from rule_id.evaluation.files import require_replaceable, write_evaluation
from rule_id.evaluation.fitting import Progress, fit_all, trials_of
from rule_id.evaluation.results import Evaluation, summarise
from rule_id.evaluation.scoring import score_all
from rule_id.evaluation.settings import settings_of
from rule_id.features import FEATURE_SETS, TARGETS, wording
from rule_id.models import CLASSIFIERS
from rule_id.trajectories import Trajectories, read_corpus, set_apart

__all__ = ["evaluate"]


def evaluate(
    corpus: str | Path | Trajectories,
    out: str | Path | None = None,
    *,
    target: str = "rule",
    feature_set: str = "summary",
    models: Iterable[str] = ("linear", "xgboost"),
    protocols: Iterable[str] | None = None,
    hold_out: Iterable[str] = (),
    splits: int = 10,
    tune: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Test how well models identify the rules of a corpus, or another target, under protocols.

    Networks that diverged are left out, and none is trained on that the plan set apart. Where
    something is held out only classes count that both sides have. Classes weigh the same in every
    fit. How networks were made is a control of its own (`nuisance_control`). Protocols `paper` and
    `grouped` are also run on the features of the 2020 paper (`feature_set` `paper-24` in the
    results).

    Args:
        corpus: A corpus folder, or trajectories of simulated networks in memory.
        out: Folder to write (an evaluation that is there is replaced), or None.
        target: What to identify, one of `TARGETS`.
        feature_set: One of `FEATURE_SETS`.
        models: Names in `CLASSIFIERS`.
        protocols: Names in `PROTOCOLS`; None for all, without those that hold out what the corpus
            has one of (`Evaluation.info["left_out"]` says which and why).
        hold_out: What to hold out by name: `architecture=NAME`, `task=NAME` (one of them or a
            group), `curriculum=NAME`; `architecture_group` and `task_group` for a group that is
            called like one of its members. The protocol is run as well, and on what is named alone.
        splits: Splits of each protocol, and of each that is held out by name; 2 or more.
        tune: Choose hyperparameters within the training part of each split; else the defaults.
        seed: Seed of splits and models.
        progress: Called as progress(what, done, total).

    Returns:
        Results for each split, their summary, the confusion matrices, the control, and accuracy
        against how fast feedback is learned.

    Raises:
        InputError: An option is not among the allowed ones, `out` is a folder of something else,
            or the corpus is too small or uniform for a protocol.

    Source: Nayebi et al., NeurIPS 2020, for `paper`; the other protocols are ours.
    """
    one_of("target", target, TARGETS)
    models, hold_out = list(models), list(hold_out)
    _check_options(feature_set, models, splits)
    if out is not None:
        require_replaceable(Path(out))
    trajectories = corpus if isinstance(corpus, Trajectories) else read_corpus(corpus)
    kept = _converged(trajectories, target)
    choice = choose_protocols(protocols, hold_out, kept.networks, target, splits)
    settings = settings_of(kept, target, feature_set, models, choice)
    trials = list(trials_of(settings, splits, seed))
    probabilities = fit_all(trials, tune, seed, progress)
    classes = sorted(kept.networks.loc[~set_apart(kept.networks), target].unique())
    results, confusions = score_all(trials, probabilities, classes)
    options = {
        "classes": classes, "target": target, "feature_set": feature_set, "models": models,
        "hold_out": hold_out, "splits": splits, "tune": tune, "seed": seed,
    }  # fmt: skip
    evaluation = Evaluation(
        results,
        summarise(results),
        confusions,
        describe(trajectories, kept, trials, options, choice),
        accuracy_by_alignment(trials, probabilities, feature_set),
        _control(kept, target, seed),
    )
    if out is not None:
        write_evaluation(evaluation, out)
    return evaluation


def _control(kept: Trajectories, target: str, seed: int) -> pd.DataFrame:
    """Return the control; without a row where nothing is known of how networks were made."""
    if not nuisances_of(kept.networks):
        return pd.DataFrame(columns=list(CONTROL_COLUMNS))
    return nuisance_control(kept, target=target, seed=seed)


def _check_options(feature_set: str, models: list[str], splits: int) -> None:
    one_of("feature set", feature_set, FEATURE_SETS)
    if not models or len(set(models)) < len(models):
        raise InputError(
            f"models must name each of one or more of {', '.join(CLASSIFIERS)} once; "
            f"got {', '.join(models) or 'none'}"
        )
    for name in models:
        one_of("models", name, CLASSIFIERS)
    if splits < 2:
        raise InputError(f"splits must be 2 or more; got {splits}")


def _converged(trajectories: Trajectories, target: str) -> Trajectories:
    networks = trajectories.networks
    missing = [name for name in ("block", target, "diverged") if name not in networks.columns]
    if missing:
        raise InputError(
            f"{trajectories.source}: networks must be simulated ones to be evaluated; "
            f"column {', '.join(missing)} is missing"
        )
    kept = networks[~networks["diverged"].astype(bool)]
    found = kept.loc[~set_apart(kept), target].unique()
    if len(found) < 2:
        raise InputError(
            f"{trajectories.source}: networks of 2 {wording(target).many} or more must not have "
            f"diverged or been set apart; got {', '.join(found) or 'none'}"
        )
    return trajectories.select(kept["network"])
