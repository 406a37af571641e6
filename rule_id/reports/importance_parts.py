"""The section of a page about feature importance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rule_id.models import Bundle
from rule_id.reports.figures import class_figure, importance_figure
from rule_id.reports.importance import METHODS, overall
from rule_id.reports.importance_tables import (
    about_table,
    agreement_table,
    class_shares,
    importance_table,
    pairs_table,
)
from rule_id.reports.parts import Fold, Heading, Notes, Part, Reading, Section, Text
from rule_id.reports.pictures import draw_picture
from rule_id.reports.reading import read_importance
from rule_id.reports.trajectory_parts import trajectory_parts

__all__ = ["importance_section"]

GROUPINGS = ("observable", "time", "depth", "statistic", "correlated")


def importance_section(
    explained: Sequence[tuple[Bundle, pd.DataFrame]],
    missing: Sequence[str],
    trajectories: pd.DataFrame | None = None,
    confused: pd.DataFrame | None = None,
) -> Section:
    """Return what classifiers look at, or what is missing to say it.

    Args:
        explained: Classifiers, each with what `rule_id.reports.importance` gives for it.
        missing: What importance cannot be measured without.
        trajectories: What `class_trajectories` gives of the features that matter most, if a corpus
            is at hand.
        confused: What `confused_pairs` gives of the evaluation.
    """
    if not explained:
        parts: list[Part] = [Text(f"Not shown: it needs {' and '.join(missing)}.")]
        return Section("importance", "Feature importance", parts)
    parts = [
        Text(
            "What each trained classifier looks at. Permutation and SHAP values are taken on "
            "networks of blocks that took no part in fitting; gain and coefficients belong to the "
            "fit itself."
        ),
        Notes([(method.label, method.meaning) for method in METHODS.values()]),
        Reading(
            "Correlated features share the credit, and how they share it depends on the "
            "classifier: a short bar does not say that a group carries no information, only that "
            "this classifier can do without it while it has the others. A group with more features "
            "has more chances to gain SHAP values, gain and coefficients. By depth, permutation "
            "exchanges the layers of that depth alone.",
            "a group that stands out by every method and in both classifiers.",
            "a bar within its own error of zero, which shows nothing; methods that disagree.",
        ),
    ]
    for bundle, measured in explained:
        parts += [Heading(bundle.model), Text(read_importance(measured))]
        if (agreement := agreement_table(measured)) is not None:
            parts.append(agreement)
        for by in GROUPINGS:
            parts += _grouping(bundle, measured, by)
        parts += trajectory_parts(bundle, measured, trajectories)
        parts += _about(bundle, measured, confused)
    return Section("importance", "Feature importance", parts)


def _said_of(by: str) -> list[Part]:
    if by != "correlated":
        return []
    return [
        Text(
            "Redundancy is handled by exchanging features together that rise and fall together: "
            "hierarchical clustering on 1 - |Spearman correlation|, average linkage, 12 groups at "
            "most, each called by the feature most like the others in it."
        )
    ]


def _about(bundle: Bundle, measured: pd.DataFrame, confused: pd.DataFrame | None) -> list[Part]:
    """Return what tells each class from the others, and each pair of classes apart."""
    parts = [*_classes(bundle, measured), *_pairs(measured, confused)]
    if parts:
        parts.insert(0, Heading("Class by class, and pair by pair", 4))
    titles = {False: "What tells each class from the others", True: "What tells each pair apart"}
    for pairs, title in titles.items():
        if (table := about_table(measured, pairs)) is not None:
            parts.append(Fold(title, [table]))
    return parts


def _classes(bundle: Bundle, measured: pd.DataFrame) -> list[Part]:
    shares = class_shares(measured)
    if shares.empty:
        return []
    label = (
        f"Heat map for the {bundle.model} classifier: classes by statistics, each cell the "
        "percentage that the features of a statistic contribute to a class."
    )
    numbers = shares.reset_index(names="class").melt(
        "class", var_name="statistic", value_name="share"
    )
    return [
        draw_picture(f"classes-{bundle.model}", label, class_figure(shares), numbers),
        Reading(
            "Each row is a class, each column all features of a statistic; a cell is their "
            "percentage of what moves the log odds of that class, by SHAP values or by "
            "coefficients. importance.csv and, of pairs, importance-pairs.csv.gz have the values "
            "themselves, in log odds.",
            "rows that differ: each class has a mark of its own.",
            "columns dark in every row: the same statistic serves all classes.",
        ),
    ]


def _pairs(measured: pd.DataFrame, confused: pd.DataFrame | None) -> list[Part]:
    table = None if confused is None else pairs_table(measured, confused)
    if table is None:
        return []
    return [
        table,
        Reading(
            "Pairs stand in the order of how often they are confused; each heading sorts. What "
            "differs most between the two is what the classifier has to tell them apart; what is "
            "missed most is what it cannot do without.",
            "a pair with a large difference in few statistics: these are worth recording.",
            "a small difference and a rise near zero: little tells the two apart.",
        ),
    ]


def _grouping(bundle: Bundle, measured: pd.DataFrame, by: str) -> list[Part]:
    label = f"Importance by {by} for the {bundle.model} classifier; the table has the numbers."
    drawn = overall(measured)
    picture = draw_picture(
        f"importance-{bundle.model}-{by}", label, importance_figure(measured, by),
        drawn[drawn["by"] == by],
    )  # fmt: skip
    numbers = "The numbers" + " of all statistics" * (by == "statistic")
    return [
        Heading(f"By {by}", 4),
        *_said_of(by),
        picture,
        Fold(numbers, [importance_table(measured, by)]),
    ]
