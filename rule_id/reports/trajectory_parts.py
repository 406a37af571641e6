"""What a page shows of the trajectories behind the features that matter most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rule_id.models import Bundle
from rule_id.reports.feature_trajectories import Shown, important_features, shown_of
from rule_id.reports.parts import Heading, Part, Reading, Text
from rule_id.reports.pictures import draw_picture
from rule_id.reports.tables import Table
from rule_id.reports.trajectory_figures import FEW_CLASSES, apart, in_window, trajectories_figure

__all__ = ["trajectory_parts"]


def trajectory_parts(
    bundle: Bundle, measured: pd.DataFrame, trajectories: pd.DataFrame | None
) -> list[Part]:
    """Return the trajectories behind the features of a classifier that matter most.

    Args:
        bundle: The classifier.
        measured: What `rule_id.reports.importance` gives for it.
        trajectories: What `class_trajectories` gives of these features; None without a corpus.
    """
    heading = Heading("Trajectories behind the features that matter most", 4)
    if trajectories is None:
        return [heading, Text("Not shown: it needs the corpus that the features were made from.")]
    n_checkpoints = int(bundle.info["features"]["n_checkpoints"])
    features = important_features(measured)
    held = set(trajectories["feature"])
    shown = [shown_of(name, n_checkpoints) for name in features if name in held]
    missing = [name for name in features if name not in held]
    parts: list[Part] = [heading]
    if missing:
        parts.append(Text(f"The corpus does not hold the statistics of {', '.join(missing)}."))
    if not shown:
        return parts
    rows = trajectories[trajectories["feature"].isin(one.feature for one in shown)]
    label = (
        "Median and quartiles over networks, over training, a panel a feature: "
        f"{', '.join(one.feature for one in shown)}; the table says what each tells apart."
    )
    name = f"trajectories-{bundle.model}"
    picture = draw_picture(name, label, trajectories_figure(rows, shown), rows)
    return [*parts, picture, _reading(rows), _best_separated(rows, shown)]


def _reading(rows: pd.DataFrame) -> Reading:
    many = (
        " There are many classes: those that a feature separates best are coloured, the others "
        "grey; the numbers beside the figure have all."
    )
    return Reading(
        "The largest by SHAP value or coefficient, at most one of each group of correlated "
        "features and of each statistic. Lines are medians over networks, bands reach from the "
        "first to the third quartile; a network counts with the median of its layers. Features of "
        "a trajectory's shape are free of units, hence drawn as the change from the start over the "
        "mean size; “deviation” is the last layer less the mean over layers. Shaded is the part of "
        "training that the feature speaks of." + many * (rows["class"].nunique() > FEW_CLASSES),
        "bands that part where the shade is: that is why the feature tells the classes apart.",
        "bands that cover each other: the feature then helps in some networks alone, or beside "
        "other features.",
    )


def _best_separated(rows: pd.DataFrame, shown: Sequence[Shown]) -> Table:
    lines = []
    for one in shown:
        some = rows[rows["feature"] == one.feature]
        names, distances = apart(some, one)
        a, b = np.unravel_index(distances.argmax(), distances.shape)
        lines.append(
            [(one.feature, ""), (_said(some, one, names[a]), ""), (_said(some, one, names[b]), "")]
            + [(f"{distances[a, b]:.1f}", "")]
        )
    caption = (
        "The two classes that each feature separates best, with median and quartiles at the end of "
        "the part of training that it speaks of, and how far they are apart: between medians, in "
        "distances between quartiles."
    )
    return Table(caption, ["Feature", "One class", "The other", "Apart"], lines, 3)


def _said(rows: pd.DataFrame, one: Shown, name: str) -> str:
    """Return the name of a class, with its quartiles at the end of what a feature speaks of."""
    of = rows[rows["class"] == name]
    row = of[in_window(of["progress"].to_numpy(), one.window)].iloc[-1]
    low, median, high = (row[key] for key in ("first_quartile", "median", "third_quartile"))
    return f"{name}: {median:.3g} ({low:.3g} to {high:.3g})"
