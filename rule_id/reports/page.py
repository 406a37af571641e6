"""The page about an evaluation, and about what the classifiers trained beside it look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.errors import InputError
from rule_id.evaluation import Evaluation, read_evaluation
from rule_id.features import FeatureTable, read_features, wording
from rule_id.models import Bundle, read_bundle
from rule_id.reports.evaluation_parts import evaluation_sections
from rule_id.reports.feature_trajectories import class_trajectories, important_features
from rule_id.reports.html import Page, build_page
from rule_id.reports.importance import COLUMNS, PAIR, importance
from rule_id.reports.importance_parts import importance_section
from rule_id.reports.importance_tables import confused_pairs
from rule_id.reports.methods import methods_section, plan_hash
from rule_id.reports.parts import Section
from rule_id.trajectories import atomic_write

__all__ = ["evaluation_page", "report"]

INFO_KEYS = (
    "classes", "corpus", "feature_set", "models", "n_blocks", "n_diverged", "n_features",
    "n_layers", "n_networks", "notes", "protocols", "splits", "target", "tune", "versions",
)  # fmt: skip
"""What the page says of an evaluation, see `rule_id.evaluation.Evaluation.info`."""


def evaluation_page(evaluation: Evaluation | str | Path, *, target: str | None = None) -> Page:
    """Return the page about an evaluation alone.

    Args:
        evaluation: An evaluation or its folder.
        target: What the page is about, one of those evaluated; the rule by default.

    Raises:
        InputError: The folder is damaged, or the target was not evaluated.
    """
    found = _opened(evaluation)
    found = _about(found, target or "rule")
    return _page(found, [methods_section(found.info)])


def report(
    evaluation: Evaluation | str | Path,
    *,
    features: FeatureTable | str | Path | None = None,
    models: Iterable[Bundle | str | Path] = (),
    corpus: str | Path | None = None,
    target: str | None = None,
    out: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Page:
    """Show an evaluation, and what its classifiers look at, as a page to read and to pass on.

    What is identified is the target of the bundles, else the rule.

    Args:
        evaluation: An evaluation or its folder.
        features: The feature table that the models were trained from, or its file. Without it,
            or without models, the page says that feature importance is missing.
        models: Trained bundles of one target or their folders, one of a kind.
        corpus: The folder that the features were made from, or a compact copy of it. Without it
            the page has no trajectories of the features that matter most, and its methods no hash
            of the plan.
        target: What the page is about, one of those evaluated; that of the bundles by default, or
            the rule.
        out: The folder to write to, if any. It gets `index.html`, which needs no other file, and
            for use elsewhere `importance.csv`, `importance-pairs.csv.gz`, and each figure with its
            numbers in `figures/`.
        progress: Called as progress(what, done, total).

    Returns:
        The page.

    Raises:
        InputError: An input is damaged, `out` is a file, or the inputs do not belong together.
    """
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise InputError(f"out must be a folder; {out} is a file")
    found = _opened(evaluation)
    table = read_features(features) if isinstance(features, str | Path) else features
    bundles = [read_bundle(m) if isinstance(m, str | Path) else m for m in models]
    found = _about(found, target or (bundles[0].target if bundles else "rule"))
    _check_bundles(bundles, found.info["target"], found.info["classes"])
    measured = []
    if table is not None:
        measured = [importance(bundle, table, progress=progress) for bundle in bundles]
    explained = list(zip(bundles, measured, strict=False))
    trajectories = _trajectories(corpus, table, explained)
    plan = plan_hash(corpus) if corpus is not None else None
    content_hash = table.info.get("content_hash") if table is not None else None
    page = _page(
        found,
        [
            importance_section(
                explained, _missing(table, bundles), trajectories, confused_pairs(found)
            ),
            methods_section(found.info, bundles if measured else (), content_hash, plan),
        ],
    )
    if out is not None:
        page.save(out)
        _write_importance(Path(out), measured)
    return page


def _write_importance(folder: Path, measured: Sequence[pd.DataFrame]) -> None:
    """Write the numbers behind the section; pairs, of which thirty classes have 435, packed."""
    values = pd.concat(measured) if measured else pd.DataFrame(columns=COLUMNS)
    of_pair = values["about"].astype(str).str.contains(PAIR, regex=False)
    plain: dict[str, Any] = {"index": False, "float_format": "%.4g"}
    packed: dict[str, Any] = plain | {"compression": {"method": "gzip", "mtime": 0}}
    for name, some, how in (
        ("importance.csv", values[~of_pair], plain),
        ("importance-pairs.csv.gz", values[of_pair], packed),
    ):
        atomic_write(folder / name, partial(some.to_csv, **how))


def _trajectories(
    corpus: str | Path | None,
    table: FeatureTable | None,
    explained: list[tuple[Bundle, pd.DataFrame]],
) -> pd.DataFrame | None:
    """Return those behind the features that matter most to some classifier, in one reading."""
    if corpus is None or table is None or not explained:
        return None
    features = dict.fromkeys(name for _, one in explained for name in important_features(one))
    bundle = explained[0][0]
    return class_trajectories(corpus, table, list(features), bundle.target, bundle.classes)


def _opened(evaluation: Evaluation | str | Path) -> Evaluation:
    found = evaluation if isinstance(evaluation, Evaluation) else read_evaluation(evaluation)
    _check_info(found)
    return found


def _about(evaluation: Evaluation, target: str) -> Evaluation:
    """Let an evaluation be about a target, with what is found of the others still in it."""
    narrowed = evaluation.of(target)
    return Evaluation(
        evaluation.results, evaluation.table, evaluation.confusions, narrowed.info,
        evaluation.further,
    )  # fmt: skip


def _page(found: Evaluation, more: list[Section]) -> Page:
    words, corpus = wording(found.info["target"]), found.info["corpus"]
    return build_page(
        f"Which {words.subject}? {corpus}",
        f"Which {words.subject} made these networks?",
        f"How well the {words.one} behind a network's learning is identified from aggregate "
        "statistics of its weights and activations over training, and how far that generalises.",
        [*evaluation_sections(found), *more],
        found.info["notes"],
    )


def _check_info(evaluation: Evaluation) -> None:
    missing = [key for key in INFO_KEYS if key not in evaluation.info]
    if missing:
        raise InputError(f"evaluation must say what was evaluated; info has no {missing[0]}")


def _check_bundles(bundles: list[Bundle], target: str, classes: list[str]) -> None:
    names = [bundle.model for bundle in bundles]
    if len(set(names)) < len(names):
        raise InputError(f"models must hold one bundle of each kind; got {', '.join(names)}")
    for bundle in bundles:
        if bundle.target != target:
            raise InputError(
                f"models must have the target of the evaluation, {target}; "
                f"the {bundle.model} bundle has {bundle.target}"
            )
        if sorted(bundle.classes) != sorted(classes):
            raise InputError(
                f"models must tell apart the {wording(target).many} of the evaluation, "
                f"{', '.join(classes)}; "
                f"the {bundle.model} bundle has {', '.join(bundle.classes)}"
            )


def _missing(table: FeatureTable | None, bundles: list[Bundle]) -> list[str]:
    """Return what feature importance cannot be measured without."""
    needs = {"a feature table": table is not None, "a trained classifier": bool(bundles)}
    return [need for need, given in needs.items() if not given]
