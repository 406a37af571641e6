"""Figures of feature importance, in the manner of `rule_id.evaluation.figures`."""

from __future__ import annotations

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.style import OKABE_ITO, STYLE
from rule_id.reports.importance import METHODS, overall
from rule_id.trajectories import DEPTH_GROUPS, OBSERVABLES

__all__ = ["importance_figure"]

ORDER = {
    "observable": OBSERVABLES,
    "time": ("start", "early", "middle", "late", "end", "whole"),
    "depth": DEPTH_GROUPS,
}
"""The order in which groups are drawn; statistics come by size."""


def importance_figure(importance: pd.DataFrame, by: str, number: int = 15) -> Figure:
    """Draw the importance of groups of features, a panel a method.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        by: observable, statistic, time or depth.
        number: The most groups to draw; the largest by permutation where there are more.
    """
    chosen = overall(importance)
    chosen = chosen[chosen["by"] == by]
    methods = [method for method in METHODS if (chosen["method"] == method).any()]
    names = _names(chosen, by, number)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.8 + 1.9 * len(methods), 0.7 + 0.22 * len(names)))
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, len(methods), squeeze=False)[0]
        for axes, method in zip(panels, methods, strict=True):
            rows = chosen[chosen["method"] == method].set_index("group").reindex(names)
            _draw_bars(axes, rows, method)
        panels[0].set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        panels[0].tick_params(axis="y", length=0)
    return figure


def _names(chosen: pd.DataFrame, by: str, number: int) -> list[str]:
    exchanged = chosen[chosen["method"] == "permutation"].set_index("group")["value"]
    if by in ORDER:
        return [name for name in ORDER[by] if name in exchanged.index]
    return exchanged.nlargest(number).index.tolist()


def _draw_bars(axes: Axes, rows: pd.DataFrame, method: str) -> None:
    error = rows["error"] if rows["error"].notna().any() else None
    axes.barh(
        range(len(rows)), rows["value"], xerr=error, color=OKABE_ITO[0], height=0.7,
        error_kw={"elinewidth": 1},
    )  # fmt: skip
    axes.axvline(0, color="black", lw=0.6)
    axes.set(
        xlabel=METHODS[method].unit,
        title=METHODS[method].label,
        yticks=[],
        ylim=(len(rows) - 0.5, -0.5),
    )
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)
