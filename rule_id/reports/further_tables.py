"""Tables of a report about controls, trust and the paper's claims: those that have rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from rule_id.evaluation import Evaluation, with_error
from rule_id.features import wording
from rule_id.reports.tables import Table

__all__ = ["further_tables", "headline_table"]

Cells = Mapping[str, Callable[[Any], str]]


def headline_table(evaluation: Evaluation, subset: str = "all") -> Table | None:
    """Return accuracy on new blocks for every classifier and target, guessing and looking up last.

    Args:
        evaluation: What was found.
        subset: The kind of networks that are counted.
    """
    rows = evaluation.further["headline"]
    rows = rows[(rows["level"] == "network") & (rows["subset"] == subset)]
    if rows.empty:
        return None
    targets = [name for name in evaluation.info["classes_of"] if name in set(rows["target"])]
    lines = []
    for (model, features), some in rows.groupby(["model", "features"], sort=False):
        known = {row.target: with_error(row.accuracy, row.sem) for row in some.itertuples()}
        lines.append([str(model), str(features), *(known.get(name, "–") for name in targets)])
    grouped = rows[~rows["features"].isin(["curves", "shuffled rules"])]
    for column, what in (("chance", "guessing"), ("floor", "looking up")):
        mean = grouped.groupby("target")[column].mean()
        lines.append([what, "–", *(with_error(mean.get(name), np.nan) for name in targets)])
    counted = {"all": "all networks"}.get(subset, f"networks: {subset}")
    caption = f"Accuracy on new blocks, whole networks, {counted}: mean ± s.e.m. over splits."
    columns = ["Classifier", "Features", *(wording(name).one.capitalize() for name in targets)]
    return Table(caption, columns, _plain(lines), 2, f"headline-{subset.replace(' ', '-')}")


def further_tables(evaluation: Evaluation) -> dict[str, Table]:
    """Return the tables that have rows, by the name of their table in the evaluation.

    Args:
        evaluation: What was found, of one target.
    """
    target = evaluation.info["target"]
    found = evaluation.of(target).further
    tables = {}
    for name, (caption, labels, cells) in _LAYOUTS.items():
        rows = found[name]
        if name == "coverage":
            rows = rows[(rows["class"] == "all") & (rows["by"] == "network")]
        if name == "claims":
            rows = rows[rows["verdict"] != "not tested"]
        if len(rows):
            lines = [
                [str(row[column]) for column in labels.values()]
                + [write(row) for write in cells.values()]
                for _, row in rows.iterrows()
            ]
            tables[name] = Table(caption, [*labels, *cells], _plain(lines), len(labels), name)
    return tables


def _plain(lines: list[list[str]]) -> list[list[tuple[str, str]]]:
    return [[(text, "") for text in line] for line in lines]


def _score(value: str, error: str) -> Callable[[Any], str]:
    return lambda row: with_error(row[value], row[error])


def _number(column: str, form: str = ".2f") -> Callable[[Any], str]:
    return lambda row: "–" if pd.isna(row[column]) else format(float(row[column]), form)


_LAYOUTS: dict[str, tuple[str, dict[str, str], Cells]] = {
    "compared": (
        "Ours against the best baseline of each row, the same splits; what stands ahead is the "
        "mean difference ± its s.e.m. over splits. Features that end in drawn were trained on no "
        "more networks than the baseline was. Best of “paper”: of the classifiers of that paper.",
        {
            "Protocol": "protocol",
            "Level": "level",
            "Networks": "subset",
            "Features": "features",
            "Best of": "among",
            "Best baseline": "best_baseline",
        },
        {
            "Ours": _number("accuracy"),
            "Baseline": _number("best_accuracy"),
            "Ahead by": _score("difference", "sem"),
        },
    ),
    "matched": (
        "Two networks of a block, alike in what is named first: share told apart, chance 0.50.",
        {"Alike in": "matched", "Classifier": "model", "Features": "features", "Pairs": "pairs"},
        {"Told apart": _score("accuracy", "sem"), "Number of pairs": _number("n_pairs", ".0f")},
    ),
    "no_learning": (
        "Networks that do not learn, told from those that do.",
        {"Classifier": "model"},
        {
            "Found": _number("hits"),
            "False alarms": _number("false_alarms"),
            "False alarms among those that did not learn their task": _number(
                "false_alarms_unlearned"
            ),
            "AUROC": _score("auroc", "sem"),
        },
    ),
    "calibration": (
        "Calibration error: mean distance between confidence and accuracy; raw, and tempered on "
        "other blocks.",
        {"Classifier": "model", "Probabilities": "scaled"},
        {
            "Error": _score("error", "error_sem"),
            "Confidence": _number("confidence"),
            "Accuracy": _number("accuracy"),
            "Tests": _number("n", ".0f"),
        },
    ),
    "coverage": (
        "Prediction sets: share of networks of new blocks whose set holds the true class, and how "
        "many classes a set holds.",
        {"Classifier": "model"},
        {
            "Promised": lambda row: f"{1 - row['miscoverage']:.2f}",
            "Kept": _score("covered", "covered_sem"),
            "Classes in a set": _number("size"),
            "Sets that exclude nothing": _number("full"),
            "Tests": _number("n", ".0f"),
        },
    ),
    "novelty": (
        "A family or rule left out of training, told from the others: AUROC, 0.50 is guessing.",
        {"Left out": "held_out", "Kind": "kind", "Classifier": "model", "Score": "score"},
        {
            "AUROC": _score("auroc", "sem"),
            "New networks": _number("n_novel", ".0f"),
            "Known": _number("n_known", ".0f"),
        },
    ),
    "claims": (
        "What the 2020 paper claims, and what is found of it on this corpus.",
        {"Claim": "claim", "Measure": "measure", "Criterion": "criterion", "Verdict": "verdict"},
        {"Found": _score("value", "sem"), "Threshold": _number("threshold")},
    ),
}  # fmt: skip
"""For each table its caption, the columns that say what a row is, and those that hold numbers."""
