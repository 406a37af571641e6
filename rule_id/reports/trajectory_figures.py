"""Figures of the trajectories behind features: median and quartiles over networks of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.style import STYLE, look_of
from rule_id.features import split_name
from rule_id.reports.feature_trajectories import Shown

__all__ = ["FEW_CLASSES", "apart", "in_window", "told_apart", "trajectories_figure"]

FEW_CLASSES = 6
"""So many classes can be drawn with their quartiles; of more, those a feature separates best."""
_SEPARATED = 5
_COLUMNS, _WIDTH, _HEIGHT, _LEGEND_LINE = 2, 7.1, 2.2, 0.16
"""Panels side by side, the figure's width, and heights, in inches."""
_APART = {"figure.constrained_layout.h_pad": 0.08, "figure.constrained_layout.w_pad": 0.06}
_BACKGROUND = "#C4C9CE"
_MARKS = 5
"""Points from one marker to the next."""


def trajectories_figure(rows: pd.DataFrame, shown: Sequence[Shown]) -> Figure:
    """Draw the trajectories behind features, a panel a feature.

    Args:
        rows: What `class_trajectories` gives, of some features.
        shown: What is drawn for each of these features, in order.

    Returns:
        Lines are medians and bands quartiles over the networks of a class. Of more than 6 classes
        those that each feature separates best are drawn so, the others as thin grey lines. The part
        of training that a feature speaks of is shaded.
    """
    many = rows["class"].nunique() > FEW_CLASSES
    lines = math.ceil(len(shown) / _COLUMNS)
    height = lines * (_HEIGHT + many * _LEGEND_LINE * _SEPARATED) + 0.7
    with matplotlib.rc_context(STYLE | _APART):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        panels = figure.subplots(lines, min(_COLUMNS, len(shown)), squeeze=False).ravel()
        for axes, one in zip(panels, shown, strict=False):
            _draw(axes, rows[rows["feature"] == one.feature], one, many)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        if not many:
            handles = {
                label: handle
                for axes in panels
                for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
            }
            figure.legend(
                handles.values(), handles.keys(), loc="outside lower center", ncols=_COLUMNS
            )
    return figure


def told_apart(rows: pd.DataFrame, one: Shown, number: int = _SEPARATED) -> list[str]:
    """Return the classes that a feature separates best, those farthest apart first.

    The two that are farthest apart, then in each step the class that is farthest from all before.

    Args:
        rows: What `class_trajectories` gives for the feature.
        one: What is drawn for it.
        number: How many classes, 2 or more.
    """
    names, distances = apart(rows, one)
    if len(names) < 3:
        return names
    chosen = [int(k) for k in np.unravel_index(distances.argmax(), distances.shape)]
    while len(chosen) < min(number, len(names)):
        nearest = distances[:, chosen].min(axis=1)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return [names[k] for k in chosen]


def apart(rows: pd.DataFrame, one: Shown) -> tuple[list[str], np.ndarray]:
    r"""Return the classes, and how far the trajectories of each two are apart (k, k).

    .. math:: d_{ab} = \frac{\sum_t |m_a(t) - m_b(t)|}{\sum_t (q_a(t) + q_b(t)) / 2}

    over the part of training that the feature speaks of, m being medians and q distances between
    quartiles.

    Args:
        rows: What `class_trajectories` gives for the feature.
        one: What is drawn for it.
    """
    inside = rows[in_window(rows["progress"].to_numpy(), one.window)]
    names = list(inside["class"].unique())
    wide = {
        column: inside.pivot(index="class", columns="progress", values=column).loc[names].to_numpy()
        for column in ("median", "first_quartile", "third_quartile")
    }
    medians = wide["median"]
    spread = (wide["third_quartile"] - wide["first_quartile"]).sum(axis=1)
    difference = np.abs(medians[:, None] - medians[None]).sum(axis=2)
    mean = (spread[:, None] + spread[None]) / 2
    # Without spread what differs at all is far apart.
    return names, difference / np.maximum(mean, 1e-9 * max(difference.max(), 1e-300))


def in_window(progress: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Say which points (n,) lie in a part of training; of a moment those that are nearest."""
    low, high = window
    if low == high:
        distance = np.abs(progress - low)
        return np.asarray(distance <= distance.min() + 1e-9)
    return np.asarray((progress >= low - 1e-9) & (progress <= high + 1e-9))


def _draw(axes: Axes, rows: pd.DataFrame, one: Shown, many: bool) -> None:
    _draw_window(axes, one.window)
    chosen = told_apart(rows, one) if many else list(rows["class"].unique())
    for name, some in rows.groupby("class", sort=False):
        if name not in chosen:
            axes.plot(some["progress"], some["median"], color=_BACKGROUND, lw=0.6, zorder=1)
    for name in chosen:
        some, look = rows[rows["class"] == name], look_of(name)
        axes.fill_between(
            some["progress"], some["first_quartile"], some["third_quartile"], color=look.colour,
            alpha=0.15, lw=0,
        )  # fmt: skip
        axes.plot(
            some["progress"], some["median"], color=look.colour, ls=look.line, marker=look.marker,
            markevery=_MARKS, ms=3, label=name,
        )  # fmt: skip
    if one.level and not one.deviation and (rows["first_quartile"] > 0).all():
        axes.set_yscale("log")
    statistic, summary = split_name(one.feature)
    words = summary.replace(".", ", ").replace("_", " ")
    axes.set_title(f"{statistic.replace('_', ' ')}\n{words}", loc="left")
    axes.set(xlabel="progress of training", ylabel=one.unit, xlim=(0, 1))
    if many:
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.28), borderaxespad=0)


def _draw_window(axes: Axes, window: tuple[float, float]) -> None:
    low, high = window
    if low == high:
        axes.axvline(low, color="#8A939B", lw=3, alpha=0.5, zorder=0, clip_on=False)
    elif (low, high) != (0.0, 1.0):
        axes.axvspan(low, high, color="#EEF1F4", zorder=0)
