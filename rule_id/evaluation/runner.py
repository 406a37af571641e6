"""Fit and test classifiers under protocols."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rule_id.errors import InputError, one_of
from rule_id.evaluation.alignment import accuracy_by_alignment
from rule_id.evaluation.files import require_replaceable, write_evaluation
from rule_id.evaluation.fitting import Progress, fit_all, trials_of
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation, summarise
from rule_id.evaluation.scoring import score_all
from rule_id.evaluation.settings import describe, settings_of
from rule_id.features import FEATURE_SETS, TARGETS, wording
from rule_id.models import CLASSIFIERS
from rule_id.trajectories import Trajectories, read_corpus

__all__ = ["evaluate"]


def evaluate(
    corpus: str | Path | Trajectories,
    out: str | Path | None = None,
    *,
    target: str = "rule",
    feature_set: str = "summary",
    models: Iterable[str] = ("linear", "xgboost"),
    protocols: Iterable[str] = tuple(PROTOCOLS),
    splits: int = 10,
    tune: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Test how well models identify the rules of a corpus, or another target, under protocols.

    Networks that diverged are left out. Classes weigh the same in every fit. Protocols `paper` and
    `grouped` are also run on the features of the 2020 paper (`feature_set` `paper-24` in the
    results).

    Args:
        corpus: A corpus folder, or trajectories of simulated networks in memory.
        out: Folder to write (an evaluation that is there is replaced), or None.
        target: What to identify, one of `TARGETS`.
        feature_set: One of `FEATURE_SETS`.
        models: Names in `CLASSIFIERS`.
        protocols: Names in `PROTOCOLS`.
        splits: Splits of each protocol, 2 or more.
        tune: Choose hyperparameters within the training part of each split; else the defaults.
        seed: Seed of splits and models.
        progress: Called as progress(what, done, total).

    Returns:
        Results for each split, their summary, the confusion matrices, and accuracy against how fast
        feedback is learned.

    Raises:
        InputError: An option is not among the allowed ones, `out` is a folder of something else,
            or the corpus is too small or uniform for a protocol.

    Source: Nayebi et al., NeurIPS 2020, for `paper`; the other protocols are ours.
    """
    one_of("target", target, TARGETS)
    models, protocols = list(models), list(protocols)
    _check_options(feature_set, models, protocols, splits)
    if out is not None:
        require_replaceable(Path(out))
    trajectories = corpus if isinstance(corpus, Trajectories) else read_corpus(corpus)
    kept = _converged(trajectories, target)
    settings = settings_of(kept, target, feature_set, models, protocols)
    trials = list(trials_of(settings, splits, seed))
    probabilities = fit_all(trials, tune, seed, progress)
    classes = sorted(kept.networks[target].unique())
    results, confusions = score_all(trials, probabilities, classes)
    alignment = accuracy_by_alignment(trials, probabilities, classes, feature_set)
    options = {"target": target, "feature_set": feature_set, "models": models, "splits": splits}
    info = describe(
        trajectories, kept, settings, {**options, "tune": tune, "seed": seed}, protocols
    )
    evaluation = Evaluation(results, summarise(results), confusions, info, alignment)
    if out is not None:
        write_evaluation(evaluation, out)
    return evaluation


def _check_options(feature_set: str, models: list[str], protocols: list[str], splits: int) -> None:
    one_of("feature set", feature_set, FEATURE_SETS)
    for parameter, names, allowed in (
        ("models", models, CLASSIFIERS),
        ("protocols", protocols, PROTOCOLS),
    ):
        if not names or len(set(names)) < len(names):
            raise InputError(
                f"{parameter} must name each of one or more of {', '.join(allowed)} once; "
                f"got {', '.join(names) or 'none'}"
            )
        for name in names:
            one_of(parameter, name, allowed)
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
    if kept[target].nunique() < 2:
        raise InputError(
            f"{trajectories.source}: networks of 2 {wording(target).many} or more must not have "
            f"diverged; got {', '.join(kept[target].unique()) or 'none'}"
        )
    return trajectories.select(kept["network"])
