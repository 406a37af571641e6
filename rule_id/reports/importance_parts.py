"""The section of a page about feature importance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rule_id.models import Bundle
from rule_id.reports.figures import importance_figure
from rule_id.reports.importance import METHODS
from rule_id.reports.parts import Fold, Heading, Notes, Part, Reading, Section, Text
from rule_id.reports.pictures import draw_picture
from rule_id.reports.reading import read_importance
from rule_id.reports.tables import about_table, agreement_table, importance_table
from rule_id.reports.trajectory_parts import trajectory_parts

__all__ = ["importance_section"]

GROUPINGS = ("observable", "time", "depth", "statistic", "correlated")


def importance_section(
    explained: Sequence[tuple[Bundle, pd.DataFrame]],
    missing: Sequence[str],
    trajectories: pd.DataFrame | None = None,
) -> Section:
    """Return what classifiers look at, or what is missing to say it.

    Args:
        explained: Classifiers, each with what `rule_id.reports.importance` gives for it.
        missing: What importance cannot be measured without.
        trajectories: What `class_trajectories` gives of the features that matter most, if a corpus
            is at hand.
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
        parts += _about(measured)
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


def _about(measured: pd.DataFrame) -> list[Part]:
    """Return what tells each class from the others, and each pair of classes apart."""
    titles = {False: "What tells each class from the others", True: "What tells each pair apart"}
    parts: list[Part] = []
    for pairs, title in titles.items():
        if (table := about_table(measured, pairs)) is not None:
            parts.append(Fold(title, [table]))
    return parts


def _grouping(bundle: Bundle, measured: pd.DataFrame, by: str) -> list[Part]:
    label = f"Importance by {by} for the {bundle.model} classifier; the table has the numbers."
    picture = draw_picture(
        f"importance-{bundle.model}-{by}", label, importance_figure(measured, by),
        measured[measured["by"] == by],
    )  # fmt: skip
    numbers = "The numbers" + " of all statistics" * (by == "statistic")
    return [
        Heading(f"By {by}", 4),
        *_said_of(by),
        picture,
        Fold(numbers, [importance_table(measured, by)]),
    ]
