"""The tables of a report: numbers as text, each with what chance and the floor are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from rule_id.evaluation import FLOORED, PROTOCOLS, Evaluation, with_error
from rule_id.features import wording
from rule_id.reports.importance import METHODS, overall

__all__ = [
    "Table",
    "about_table",
    "agreement_table",
    "alignment_table",
    "confusion_table",
    "control_table",
    "importance_table",
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


def about_table(importance: pd.DataFrame, pairs: bool, most: int = 3) -> Table | None:
    """Return the groups that matter most for each class, or for each pair of classes.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        pairs: Whether to show pairs.
        most: How many groups of each grouping to name.

    Returns:
        A row a class or pair; each group with the rise in log loss and its 95% interval.
    """
    rows = importance[(importance["method"] == "permutation") & (importance["about"] != "all")]
    rows = rows[rows["about"].str.contains(" | ", regex=False) == pairs]
    groupings = ("observable", "time", "statistic")
    cells = [
        [(str(about), "")]
        + [(_largest(some[some["by"] == by], most if by == "statistic" else 1), "")
           for by in groupings]
        for about, some in rows.groupby("about", sort=False)
    ]  # fmt: skip
    caption = (
        "Missed most when exchanged between networks: rise in log loss (nats), with its 95% "
        "bootstrap interval over blocks."
    )
    columns = ["Pair" if pairs else "Class", *map(str.capitalize, groupings)]
    return Table(caption, columns, cells, len(columns)) if cells else None


def _largest(rows: pd.DataFrame, most: int) -> str:
    top = rows.nlargest(most, "value").itertuples()
    return "; ".join(f"{r.group} {r.value:+.2f} ({r.low:+.2f} to {r.high:+.2f})" for r in top)


def agreement_table(importance: pd.DataFrame) -> Table | None:
    """Return how alike methods order the groups, or None where there is one method alone.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.

    Returns:
        A row a pair of methods, a column a grouping of three groups or more; rank correlation of
        Spearman.
    """
    importance = overall(importance)
    methods = [method for method in METHODS if (importance["method"] == method).any()]
    groupings = [by for by in ("statistic", "time", "correlated") if (importance["by"] == by).any()]
    wide = {
        by: importance[importance["by"] == by].pivot(
            index="group", columns="method", values="value"
        )
        for by in groupings
    }
    rows = []
    for place, first in enumerate(methods):
        for second in methods[place + 1 :]:
            found = [
                f"{wide[by][first].rank().corr(wide[by][second].rank()):.2f}" for by in groupings
            ]
            names = f"{METHODS[first].label} and {METHODS[second].label}"
            rows.append([(names, ""), *((text, "") for text in found)])
    caption = (
        "How alike two methods order the groups: rank correlation, 1 for the same order and 0 for "
        "unrelated ones."
    )
    return Table(caption, ["Methods", *map(str.capitalize, groupings)], rows, 1) if rows else None


def importance_table(importance: pd.DataFrame, by: str) -> Table:
    """Return the importance of each group by each method, the largest first.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        by: observable, statistic, time or depth.
    """
    chosen = overall(importance)
    chosen = chosen[chosen["by"] == by]
    methods = [method for method in METHODS if (chosen["method"] == method).any()]
    values = chosen.pivot(index="group", columns="method", values="value")
    errors = chosen.pivot(index="group", columns="method", values="error")
    order = values.sort_values(methods[0], ascending=False).index
    rows = [
        [(str(group), "")]
        + [
            (significant(values.loc[group, method], errors.loc[group, method]), "")
            for method in methods
        ]
        for group in order
    ]
    columns = [
        by.capitalize(),
        *(f"{METHODS[method].label}: {METHODS[method].unit}" for method in methods),
    ]
    return Table(f"Importance by {by}.", columns, rows, 1)


def significant(value: float, error: float) -> str:
    """Return a number with three significant digits, with its error where there is one.

    >>> significant(1234.5, float("nan")), significant(0.01234, 0.001), significant(0.0, 0.0)
    ('1,230', '0.012 ± 0.001', '0.000 ± 0.000')
    """
    if np.isnan(value):
        return "–"
    if not np.isnan(error):
        return f"{value:.3f} ± {error:.3f}"
    return f"{value:.3f}" if abs(value) < 100 else f"{float(f'{value:.3g}'):,.0f}"
