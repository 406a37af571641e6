"""Fit and test classifiers under protocols."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from rule_id.errors import InputError, one_of
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.choosing import choose_protocols
from rule_id.evaluation.describing import describe
from rule_id.evaluation.files import KIND, write_evaluation
from rule_id.evaluation.fitting import Progress, fit_all, run_all
from rule_id.evaluation.further import further_tables
from rule_id.evaluation.novel import NovelTrial, novel_trials
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation, summarise
from rule_id.evaluation.scoring import score_all
from rule_id.evaluation.settings import baseline_settings
from rule_id.evaluation.store import Store
from rule_id.evaluation.tables import Tables
from rule_id.evaluation.trials import ELSEWHERE, trials_of
from rule_id.features import FEATURE_SETS
from rule_id.features.material import read_material
from rule_id.folders import require_replaceable
from rule_id.models import CLASSIFIERS
from rule_id.trajectories import Trajectories

__all__ = ["evaluate", "folder_of_fits"]


def evaluate(
    corpus: str | Path | Trajectories,
    out: str | Path | None = None,
    *,
    feature_set: str = "summary",
    models: Iterable[str] = ("linear", "xgboost"),
    protocols: Iterable[str] | None = None,
    hold_out: Iterable[str] = (),
    splits: int = 10,
    tune: bool = False,
    seed: int = 0,
    fits: str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit classifiers on some networks of a corpus, and test them on others.

    Classifiers name the rule; probabilities of families, credit assignments and optimizers are
    sums of those of rules. The headline protocols, `paper` and `grouped`, are also run on the
    features of the 2020 paper (`feature_set` `paper-24` in the results), and baselines on those
    alone. Most protocols see networks through the corpus's first measurement.

    What was fitted is kept in a folder, so that an interrupted evaluation goes on where it stopped.

    Args:
        corpus: A corpus folder, or trajectories of simulated networks in memory.
        out: Folder to write (an evaluation that is there is replaced), or None.
        feature_set: One of `FEATURE_SETS`.
        models: Names in `CLASSIFIERS`, one or more, and in `BASELINES`.
        protocols: Names in `PROTOCOLS`; None for all, without those that hold out what the corpus
            has one of (`Evaluation.info["left_out"]` says which and why).
        hold_out: What to hold out by name: `architecture=NAME`, `task=NAME` (one of them or a
            group), `curriculum=NAME`; `architecture_group` and `task_group` for a group that is
            called like one of its members. The protocol is run as well, and on what is named alone.
        splits: Splits of the headline protocols, and of each group that is held out by name, 2 or
            more; of other protocols the same up to 3, and one at least for each group held out.
        tune: Choose hyperparameters within the training part of each split; else the defaults.
        seed: Seed of splits and models.
        fits: Folder for what was fitted, which stays there; by default one beside `out` that is
            removed when the evaluation is written, and none without `out`.
        progress: Called as progress(what, done, total).

    Returns:
        Results for each split, their summary, the confusion matrices, and further tables.

    Raises:
        InputError: An option is not among the allowed ones, `out` is a folder of something else,
            or the corpus is too small or uniform for a protocol.

    Source: Nayebi et al., NeurIPS 2020, for `paper` and the baselines; the other protocols are
    ours.
    """
    models, hold_out = list(models), list(hold_out)
    _check_options(feature_set, models, splits)
    if out is not None:
        require_replaceable(Path(out), *KIND)
    material = read_material(corpus)
    choice = choose_protocols(protocols, hold_out, material, feature_set)
    tables = Tables(material, feature_set, seed)
    trials = list(trials_of(tables, choice, models, splits, seed))
    if not trials:
        raise InputError("protocols must name one beside novel, which has no accuracy")
    novel = _novel(tables, choice.protocols, models, splits, seed)
    store = _store(out, fits)
    fitted = {trial.model for trial in trials}
    settings = baseline_settings(tables, sorted(fitted), seed, store, progress)
    found = fit_all(trials, tune, seed, store, progress, settings)
    unseen = run_all(novel, store, progress, "never trained on")
    results, confusions = score_all(trials, found, material.networks)
    table = summarise(results)
    options = {
        "feature_set": feature_set, "models": models, "hold_out": hold_out, "splits": splits,
        "splits_elsewhere": min(splits, ELSEWHERE), "tune": tune, "seed": seed,
        "baseline_settings": settings,
    }  # fmt: skip
    evaluation = Evaluation(
        results,
        table,
        confusions,
        describe(material, tables, trials, options, choice),
        further_tables(material, trials, found, novel, unseen, results, table, feature_set, seed),
    )
    if out is not None:
        write_evaluation(evaluation, out)
        if fits is None and store.folder is not None:
            shutil.rmtree(store.folder, ignore_errors=True)
    return evaluation


def _novel(
    tables: Tables, protocols: list[str], models: list[str], splits: int, seed: int
) -> list[NovelTrial]:
    if not any(PROTOCOLS[name].kind == "novel" for name in protocols):
        return []
    ours = tuple(name for name in models if name in CLASSIFIERS)
    return list(novel_trials(tables.main, ours, seed, min(splits, ELSEWHERE)))


def folder_of_fits(out: str | Path) -> Path:
    """Return where fits are kept until an evaluation is written, unless a folder is named for them.

    Args:
        out: The folder that the evaluation will have.
    """
    return Path(out).with_name(f"{Path(out).name}-fits")


def _store(out: str | Path | None, fits: str | Path | None) -> Store:
    if fits is not None:
        return Store(Path(fits))
    return Store(None if out is None else folder_of_fits(out))


def _check_options(feature_set: str, models: list[str], splits: int) -> None:
    one_of("feature set", feature_set, FEATURE_SETS)
    known = [*CLASSIFIERS, *BASELINES]
    if len(set(models)) < len(models) or not set(models) & set(CLASSIFIERS):
        for name in models:
            one_of("models", name, known)
        raise InputError(
            f"models must name each once, and one or more of {', '.join(CLASSIFIERS)}; "
            f"got {', '.join(models) or 'none'}"
        )
    for name in models:
        one_of("models", name, known)
    if splits < 2:
        raise InputError(f"splits must be 2 or more; got {splits}")
