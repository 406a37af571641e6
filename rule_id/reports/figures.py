"""Figures of feature importance, in the manner of `rule_id.evaluation.figures`."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.style import OKABE_ITO, STYLE, class_colours
from rule_id.reports.importance import METHODS, overall
from rule_id.trajectories import DEPTH_GROUPS, OBSERVABLES

__all__ = ["class_figure", "importance_figure"]

ORDER = {
    "observable": OBSERVABLES,
    "time": ("start", "early", "middle", "late", "end", "whole"),
    "depth": DEPTH_GROUPS,
}
"""The order in which groups are drawn; statistics come by size."""
_CELL_WIDTH, _CELL_HEIGHT = 0.36, 0.22
"""Inches: two lines of a group's name turned on its side, and one of a class's."""


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


def class_figure(shares: pd.DataFrame) -> Figure:
    """Draw what each group of features contributes to each class, as a heat map.

    Args:
        shares: Classes by groups, from 0 to 1.

    Returns:
        Cells are percent of their row; empty below 1%. A strip at the left has the colours of the
        classes.
    """
    percent = 100 * shares.to_numpy(dtype=float)
    rows, columns = percent.shape
    with matplotlib.rc_context(STYLE):
        # The cells alone; names stand around them, and the file is as large as both.
        figure = Figure(figsize=(_CELL_WIDTH * columns, _CELL_HEIGHT * rows))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(percent, vmin=0, vmax=max(np.nanmax(percent), 1), aspect="auto")
        for (row, column), value in np.ndenumerate(percent):
            if value >= 1:
                ink = "white" if value > 0.6 * np.nanmax(percent) else "black"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=ink,
                          fontsize=7)  # fmt: skip
        names = [str(name) for name in shares.index]
        axes.set_yticks(range(rows), names)
        groups = [str(name).replace(".", "\n", 1) for name in shares.columns]
        axes.set_xticks(range(columns), groups, rotation=90)
        for place, colour in enumerate(class_colours(names).values()):
            axes.plot([-0.56] * 2, [place - 0.5, place + 0.5], color=colour, lw=4, clip_on=False)
        axes.set_xlim(-0.5, columns - 0.5)
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
