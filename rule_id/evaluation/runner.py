"""Fit and test classifiers under protocols."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from rule_id.errors import InputError
from rule_id.evaluation.adding import added
from rule_id.evaluation.combining import with_combined
from rule_id.evaluation.costs import cost_table
from rule_id.evaluation.describing import describe
from rule_id.evaluation.files import KIND, write_evaluation
from rule_id.evaluation.fitting import Progress, fit_all, run_all
from rule_id.evaluation.further import further_tables
from rule_id.evaluation.preparing import prepare
from rule_id.evaluation.results import Evaluation, summarise
from rule_id.evaluation.scoring import score_all
from rule_id.evaluation.settings import baseline_settings
from rule_id.evaluation.store import Store
from rule_id.evaluation.trials import ELSEWHERE
from rule_id.folders import require_replaceable
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
    add: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit classifiers on some networks of a corpus, and test them on others.

    Classifiers name the rule; probabilities of families, credit assignments and optimizers are
    sums of those of rules. Where both classifiers of ours are fitted, `combined` is what they say
    together (`CombinedClassifier`). The headline protocols, `paper` and `grouped`, are also run on
    the features of the 2020 paper (`feature_set` `paper-24` in the results), and baselines on
    those alone. Most protocols see networks through the corpus's first measurement.

    What was fitted is kept in a folder, so that an interrupted evaluation goes on where it stopped.

    Args:
        corpus: A corpus folder, or trajectories of simulated networks in memory.
        out: Folder to write (an evaluation that is there is replaced), or None.
        feature_set: One of `FEATURE_SETS`.
        models: Names in `CLASSIFIERS`, one or more, and in `BASELINES`; `combined` stands for its
            two halves, which are fitted once.
        protocols: Names in `PROTOCOLS`; None for all, without those that hold out what the corpus
            has one of (`Evaluation.info["left_out"]` says which and why).
        hold_out: What to hold out by name: `architecture=NAME`, `task=NAME` (one of them or a
            group), `curriculum=NAME`; `architecture_group` and `task_group` for a group that is
            called like one of its members. The protocol is run as well, and on what is named alone.
        splits: Splits of the headline protocols, and of each group that is held out by name, 2 or
            more; of other protocols the same up to 3, and one at least for each group held out.
        tune: Choose hyperparameters within the training part of each split; else, and under
            `novel`, the defaults.
        seed: Seed of splits and models.
        fits: Folder for what was fitted, which stays there; by default one beside `out` that is
            removed when the evaluation is written, and none without `out`.
        add: Keep what the evaluation in `out` holds of other protocols, and without `protocols` run
            those that it lacks, or has without a model that is asked for: a long evaluation can be
            run in pieces, on different days. What has other features, another seed or corpus,
            or was run by other versions is refused. Where nothing lacks, it is returned as it is.
        progress: Called as progress(what, done, total).

    Returns:
        Results for each split, their summary, the confusion matrices, and further tables.

    Raises:
        InputError: An option is not among the allowed ones, `out` is a folder of something else,
            the corpus is too small or uniform for a protocol, or what is in `out` cannot be added
            to.

    Source: Nayebi et al., NeurIPS 2020, for `paper` and the baselines; the other protocols are
    ours.
    """
    hold_out = list(hold_out)
    if out is not None:
        require_replaceable(Path(out), *KIND)
        _require_beside(Path(out), fits)
    if add and out is None:
        raise InputError("add needs out, the folder of the evaluation to add to")
    made = prepare(
        corpus, feature_set=feature_set, models=models, protocols=protocols, hold_out=hold_out,
        splits=splits, tune=tune, seed=seed, add_to=out if add else None,
    )  # fmt: skip
    material, trials = made.material, made.trials
    if made.held is not None and not made.choice.protocols:
        return made.held
    store = _store(out, fits)
    settings = baseline_settings(made.tables, made.fitted, seed, store, progress)
    found = fit_all(trials, tune, seed, store, progress, settings)
    unseen = run_all(made.novel, store, progress, "never trained on")
    trials, found = with_combined(trials, found)
    results, confusions = score_all(trials, found, material.networks)
    table = summarise(results)
    options = {
        "feature_set": feature_set, "models": made.models, "hold_out": hold_out, "splits": splits,
        "splits_elsewhere": min(splits, ELSEWHERE), "tune": tune, "seed": seed,
        "baseline_settings": settings,
    }  # fmt: skip
    evaluation = Evaluation(
        results,
        table,
        confusions,
        describe(material, made.tables, trials, options, made.choice),
        further_tables(
            material, trials, found, made.novel, unseen, results, table, feature_set, seed
        )
        | {"cost": cost_table(store.costs.values())},
    )
    if made.held is not None:
        evaluation = added(made.held, evaluation)
    if out is not None:
        write_evaluation(evaluation, out)
        if fits is None and store.folder is not None:
            shutil.rmtree(store.folder, ignore_errors=True)
    return evaluation


def folder_of_fits(out: str | Path) -> Path:
    """Return where fits are kept until an evaluation is written, unless a folder is named for them.

    Args:
        out: The folder that the evaluation will have.
    """
    return Path(out).with_name(f"{Path(out).name}-fits")


def _require_beside(out: Path, fits: str | Path | None) -> None:
    if fits is not None and Path(fits).resolve().is_relative_to(out.resolve()):
        raise InputError(f"fits must be a folder beside out, which is replaced; got {fits}")


def _store(out: str | Path | None, fits: str | Path | None) -> Store:
    if fits is not None:
        return Store(Path(fits))
    return Store(None if out is None else folder_of_fits(out))
