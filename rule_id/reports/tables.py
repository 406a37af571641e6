"""The tables of a report: numbers as text, each with what chance and the floor are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from rule_id.evaluation import FLOORED, PROTOCOLS, Evaluation, with_error
from rule_id.features import wording

__all__ = [
    "Table",
    "alignment_table",
    "confusion_table",
    "control_table",
    "result_tables",
]

METRIC_NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "d_prime": "d′",
}
PAPER_METRIC = {"sensitivity_specificity": "(Sensitivity + specificity) / 2"}


@dataclass(frozen=True)
class Table:
    """A table to be shown.

    Attributes:
        caption: What it shows, in a sentence.
        columns: Names of the columns.
        rows: For each row a (text, note) a column; the note is set small, in brackets.
        labels: How many leading columns say what the row is; the others are numbers.
        name: Its id in a page; numbered when empty.
    """

    kind: ClassVar[str] = "table"

    caption: str
    columns: list[str]
    rows: list[list[tuple[str, str]]]
    labels: int
    name: str = ""


def result_tables(evaluation: Evaluation) -> dict[str, Table]:
    """Return the tables of an evaluation, of those that have rows.

    Returns:
        `network` and `layer` (all splits of a protocol), `paper` (the metric of the 2020 paper),
        `held-out` (by what was held out) and `truncation`.
    """
    table = evaluation.of(evaluation.info["target"]).table
    kinds_of = table["protocol"].map({name: one.kind for name, one in PROTOCOLS.items()})
    table = table[kinds_of.isin(["plain", "truncated", "alone", "curves", "shuffled"])]
    cut, whole = table["protocol"] == "truncated", table["variant"] == "all"
    protocol, model, level = {"protocol": "Protocol"}, {"model": "Classifier"}, {"level": "Level"}
    kinds = protocol | {"feature_set": "Features"} | model
    chosen = {
        "network": (
            whole & ~cut & (table["level"] == "network"), kinds, METRIC_NAMES,
            "Whole networks, layers combined",
        ),
        "layer": (
            whole & ~cut & (table["level"] == "layer"), kinds, METRIC_NAMES, "Single layers",
        ),
        "paper": (
            table["protocol"] == "paper", kinds, PAPER_METRIC,
            "Single layers, what the 2020 paper calls balanced accuracy",
        ),
        "held-out": (
            ~whole & ~cut, protocol | {"variant": "Held out"} | model | level, METRIC_NAMES,
            "By what was held out",
        ),
        "truncation": (
            cut, {"variant": "Checkpoints"} | model | level, METRIC_NAMES,
            "New blocks with less of training seen",
        ),
    }  # fmt: skip
    return {
        name: _result_table(
            table[rows],
            labels,
            metrics,
            f"{caption}: mean ± s.e.m. over splits ({_beside(metrics)}).",
            name,
        )
        for name, (rows, labels, metrics, caption) in chosen.items()
        if rows.any()
    }


def _result_table(
    rows: pd.DataFrame, labels: dict[str, str], metrics: dict[str, str], caption: str, name: str
) -> Table:
    cells = [
        [(str(row[column]), "") for column in labels]
        + [_score(row, metric) for metric in metrics]
        + [(f"{row['n_test_networks']:.0f}", "")]
        for _, row in rows.iterrows()
    ]
    columns = [*labels.values(), *metrics.values(), "Networks in test"]
    return Table(caption, columns, cells, len(labels), name)


def _score(row: pd.Series, metric: str) -> tuple[str, str]:
    score = with_error(row[metric], row[f"{metric}_sem"])
    beside = [row[f"{metric}_chance"], row.get(f"{metric}_floor", np.nan)]
    return score, ", ".join(f"{value:.2f}" for value in beside if not pd.isna(value))


def _beside(metrics: dict[str, str]) -> str:
    return "chance, of accuracies also the floor" if set(metrics) & set(FLOORED) else "chance"


def control_table(evaluation: Evaluation) -> Table | None:
    """Return what the nuisances alone reach, or None for an evaluation without this control.

    Args:
        evaluation: What was found.

    Returns:
        A row a protocol of `rule_id.evaluation.nuisance_control`.
    """
    rows = [
        [(str(row["protocol"]), "")]
        + [(with_error(row["accuracy"], row["accuracy_sem"]), f"{row['accuracy_chance']:.2f}")]
        + [(f"{row['accuracy_floor']:.2f}", "")]
        + [(f"{row[name]}", "") for name in ("n_networks", "n_blocks")]
        for _, row in evaluation.of(evaluation.info["target"]).further["control"].iterrows()
    ]
    caption = (
        "A classifier that sees only how networks were made: accuracy ± the standard error over "
        "blocks of accuracy less floor (chance)."
    )
    columns = ["Protocol", "Accuracy", "Floor", "Networks", "Blocks"]
    return Table(caption, columns, rows, 1) if rows else None


def confusion_table(evaluation: Evaluation, protocol: str) -> Table:
    """Return the numbers of `rule_id.evaluation.confusion_figure`.

    Args:
        evaluation: What was found.
        protocol: A protocol that was evaluated.

    Returns:
        A row a true class, a column a predicted one, in percent of the row.
    """
    level = "network" if PROTOCOLS[protocol].whole_networks else "layer"
    model = evaluation.best_model(protocol, level)
    counts = evaluation.of(evaluation.info["target"]).confusions
    counts = counts[
        (counts["protocol"] == protocol)
        & (counts["level"] == level)
        & (counts["model"] == model)
        & (counts["feature_set"] == evaluation.info["feature_set"])
    ]
    classes = evaluation.info["classes"]
    table = counts.pivot_table(
        index="true", columns="predicted", values="count", aggfunc="sum", fill_value=0
    ).reindex(index=classes, columns=classes, fill_value=0)
    percent = 100 * table.div(table.sum(axis=1), axis=0)
    rows = [
        [(name, ""), *((f"{percent.loc[name, other]:.0f}", "") for other in classes)]
        for name in classes
        if table.loc[name].sum()
    ]
    one = wording(evaluation.info["target"]).one
    caption = f"{protocol}, {level} level, {model}: percent of the true {one}'s {level}s."
    return Table(caption, [f"True {one}", *classes], rows, 1)


def alignment_table(evaluation: Evaluation) -> Table | None:
    """Return accuracy against how fast feedback is learned, or None where there is none to show.

    Args:
        evaluation: What was found; of another target than the rule there is none.

    Returns:
        A row a (classifier, credit assignment, bin).
    """
    if evaluation.info["target"] != "rule":
        return None
    rows = [
        [(str(row.model), ""), (str(row.credit_assignment), ""), (str(row.bin), "")]
        + [(f"{row.accuracy:.2f}", ""), (f"{row.n}", "")]
        for row in evaluation.further["alignment"].itertuples()
    ]
    caption = (
        "Whole networks of new blocks: share named correctly, by the share of training after which "
        "feedback came within 45 degrees of its fixed point. A network counts once for each split "
        "that tests it."
    )
    columns = ["Classifier", "Credit assignment", "Feedback learned after", "Accuracy", "Tests"]
    return Table(caption, columns, rows, 3) if rows else None
