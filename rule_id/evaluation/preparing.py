"""What an evaluation fits and tests, before anything is fitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rule_id.errors import InputError, one_of
from rule_id.evaluation.adding import lacking, require_addable
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.choosing import Choice, choose_protocols
from rule_id.evaluation.describing import versions
from rule_id.evaluation.files import KIND, read_evaluation
from rule_id.evaluation.novel import NovelTrial, novel_trials
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation
from rule_id.evaluation.tables import Tables
from rule_id.evaluation.trials import ELSEWHERE, Trial, trials_of
from rule_id.features import FEATURE_SETS
from rule_id.features.material import Material, read_material
from rule_id.models import CLASSIFIERS, COMBINED
from rule_id.trajectories import Trajectories

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """All that is to be fitted, the same in every process that is asked for the same.

    Attributes:
        material: The corpus.
        choice: The protocols, and the groups that were named.
        tables: Its features.
        models: Names of classifiers of ours and of baselines.
        trials: What has an accuracy.
        novel: What is tested on families and rules that are never trained on.
        held: The evaluation that is added to, if one is.
    """

    material: Material
    choice: Choice
    tables: Tables
    models: list[str]
    trials: list[Trial]
    novel: list[NovelTrial]
    held: Evaluation | None

    @property
    def fitted(self) -> list[str]:
        """Names of the models that some trial fits, sorted."""
        return sorted({trial.model for trial in self.trials})


def prepare(
    corpus: str | Path | Trajectories,
    *,
    feature_set: str = "summary",
    models: Iterable[str] = ("linear", "xgboost"),
    protocols: Iterable[str] | None = None,
    hold_out: Iterable[str] = (),
    splits: int = 10,
    tune: bool = False,
    seed: int = 0,
    add_to: str | Path | None = None,
) -> Prepared:
    """Return what is to be fitted; arguments and errors are those of `evaluate`.

    With `add_to`, the folder of an evaluation, protocols that it has of all models are not run
    unless they are asked for by name.
    """
    models = list(models)
    _check_options(feature_set, models, splits)
    if "combined" in models:
        halves = [name for name in COMBINED if name not in models]
        models = [*halves, *(name for name in models if name != "combined")]
    material = read_material(corpus)
    choice = choose_protocols(protocols, hold_out, material, feature_set)
    held = _held(add_to)
    if held is not None:
        options = {"feature_set": feature_set, "tune": tune, "seed": seed, "versions": versions()}
        require_addable(held, {**options, "content_hash": material.content_hash})
        if protocols is None:
            kept = [*choice.named, *lacking(held, choice.protocols, models)]
            choice = replace(choice, protocols=[p for p in choice.protocols if p in kept])
    tables = Tables(material, feature_set, seed)
    trials = list(trials_of(tables, choice, models, splits, seed))
    if not trials and held is None:
        raise InputError("protocols must name one beside novel, which has no accuracy")
    novel = _novel(tables, choice.protocols, models, splits, seed)
    return Prepared(material, choice, tables, models, trials, novel, held)


def _held(folder: str | Path | None) -> Evaluation | None:
    """Return the evaluation to add to; None where there is none yet."""
    if folder is None or not (Path(folder) / KIND[0]).is_file():
        return None
    return read_evaluation(folder)


def _novel(
    tables: Tables, protocols: list[str], models: list[str], splits: int, seed: int
) -> list[NovelTrial]:
    if not any(PROTOCOLS[name].kind == "novel" for name in protocols):
        return []
    ours = tuple(name for name in models if name in CLASSIFIERS)
    return list(novel_trials(tables.main, ours, seed, min(splits, ELSEWHERE)))


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
