"""One self-contained HTML page about an evaluation and the classifiers trained beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rule_id.errors import InputError
from rule_id.evaluation import PROTOCOLS, Evaluation, all_figures, read_evaluation
from rule_id.features import FeatureTable, read_features, wording
from rule_id.models import Bundle, read_bundle
from rule_id.reports.figures import importance_figure
from rule_id.reports.importance import COLUMNS, METHODS, importance
from rule_id.reports.pictures import Picture, draw_picture
from rule_id.reports.reading import read_confusions, read_importance, read_results
from rule_id.reports.rendering import write_page
from rule_id.reports.tables import (
    Table,
    alignment_table,
    confusion_table,
    control_table,
    importance_table,
    result_tables,
)
from rule_id.trajectories import atomic_write

__all__ = ["report"]

GROUPINGS = ("observable", "time", "depth", "statistic")
INFO_KEYS = (
    "classes", "corpus", "feature_set", "models", "n_blocks", "n_diverged", "n_features",
    "n_layers", "n_networks", "notes", "protocols", "splits", "target", "tune", "versions",
)  # fmt: skip
"""What the page says of an evaluation, see `rule_id.evaluation.Evaluation.info`."""

FIGURE_LABELS = {
    "generalisation": "Accuracy of each classifier under each protocol, with chance as a dotted "
    "and the floor as a dashed line; the numbers are in the table of generalisation.",
    "truncation": "Accuracy for whole networks against the part of training that is seen; the "
    "numbers are in the table of truncated trajectories.",
}


@dataclass(frozen=True)
class ConfusionPart:
    """What the page shows of the confusions under one protocol."""

    protocol: str
    picture: Picture
    table: Table


@dataclass(frozen=True)
class ImportancePart:
    """What the page shows of one classifier's importance, in words and for each grouping."""

    bundle: Bundle
    reading: str
    groupings: dict[str, tuple[Picture, Table]]


def report(
    evaluation: Evaluation | str | Path,
    *,
    features: FeatureTable | str | Path | None = None,
    models: Iterable[Bundle | str | Path] = (),
    target: str | None = None,
    out: str | Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Write an evaluation, and what its classifiers look at, as a page to read and to pass on.

    What is identified is the target of the bundles, else the rule. The folder gets `index.html`,
    which needs no other file, and for use elsewhere `importance.csv` and `figures/*.svg`.

    Args:
        evaluation: An evaluation or its folder.
        features: The feature table that the models were trained from, or its file. Without it,
            or without models, the page says that feature importance is missing.
        models: Trained bundles of one target or their folders, one of a kind.
        target: What the page is about, one of those evaluated; that of the bundles by default, or
            the rule.
        out: The folder to write to.
        progress: Called as progress(what, done, total).

    Returns:
        The path of the page.

    Raises:
        InputError: An input is damaged, `out` is a file, or the inputs do not belong together.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out must be a folder; {folder} is a file")
    found = evaluation if isinstance(evaluation, Evaluation) else read_evaluation(evaluation)
    table = read_features(features) if isinstance(features, str | Path) else features
    bundles = [read_bundle(m) if isinstance(m, str | Path) else m for m in models]
    _check_info(found)
    found = found.of(target or (bundles[0].target if bundles else "rule"))
    _check_bundles(bundles, found.info["target"], found.info["classes"])
    measured = []
    if table is not None:
        measured = [importance(bundle, table, progress=progress) for bundle in bundles]
    context = {
        **_evaluation_parts(found, folder),
        "importance": [
            _importance_part(m, b, folder) for m, b in zip(measured, bundles, strict=False)
        ],
        "missing": _missing(table, bundles),
        "content_hash": table.info.get("content_hash") if table is not None else None,
    }
    values = pd.concat(measured) if measured else pd.DataFrame(columns=COLUMNS)
    atomic_write(folder / "importance.csv", lambda path: values.to_csv(path, index=False))
    return write_page(folder / "index.html", "page.html", **context, methods=METHODS)


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


def _evaluation_parts(evaluation: Evaluation, folder: Path) -> dict[str, object]:
    """Return what the page shows of the evaluation, its figures being written to the folder."""
    figures = {name: drawn.figure for name, drawn in all_figures(evaluation).items()}
    # The first is shown open: no number says more about what to expect of new networks.
    ordered = sorted(PROTOCOLS, key=lambda protocol: protocol != "grouped")
    confusions = [
        ConfusionPart(
            protocol,
            draw_picture(folder, name, f"Confusion matrix, {protocol}.", figures[name]),
            confusion_table(evaluation, protocol),
        )
        for protocol, name in ((protocol, f"confusion-{protocol}") for protocol in ordered)
        if name in figures
    ]
    return {
        "info": evaluation.info,
        "wording": wording(evaluation.info["target"]),
        "results": read_results(evaluation),
        "tables": result_tables(evaluation),
        "alignment": alignment_table(evaluation),
        "control": control_table(evaluation),
        "nuisances": evaluation.info.get("nuisances", []),
        "left_out": evaluation.info.get("left_out", {}),
        "n_held_out": evaluation.info.get("n_held_out") or None,
        "confusions": confusions,
        "confused": read_confusions(evaluation),
        "pictures": {
            name: draw_picture(folder, name, label, figures[name])
            for name, label in FIGURE_LABELS.items()
            if name in figures
        },
    }


def _importance_part(measured: pd.DataFrame, bundle: Bundle, folder: Path) -> ImportancePart:
    groupings = {}
    for by in GROUPINGS:
        name = f"importance-{bundle.model}-{by}"
        label = f"Importance by {by} for the {bundle.model} classifier; the table has the numbers."
        picture = draw_picture(folder, name, label, importance_figure(measured, by))
        groupings[by] = (picture, importance_table(measured, by))
    return ImportancePart(bundle, read_importance(measured), groupings)
