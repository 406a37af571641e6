"""Heat maps of accuracy: units by checkpoints, and units by noise."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rule_id.evaluation.designing.cost import noise_levels, reaches
from rule_id.evaluation.designing.result import Design, crossed, noise_text
from rule_id.evaluation.style import OKABE_ITO, STYLE
from rule_id.models import PATTERNS

__all__ = ["checkpoints_figure", "draw_designs", "noise_figure"]

PANELS = (*(name for name in PATTERNS if "+" not in name), list(PATTERNS)[-1])
"""The patterns that have a panel: each observable alone, and all."""

LABELS = {"checkpoints": "checkpoints", "noise_std": "noise (s.d. of a layer)"}
_CELL_WIDTH, _CELL_HEIGHT = 0.42, 0.28
"""Inches."""
_NARROWEST = 1.5
_DARK = 0.6
"""Share of the colour scale above which numbers are white."""
_OUTLINE = OKABE_ITO[3]


def draw_designs(design: Design) -> dict[str, Figure]:
    """Return the heat maps by name; without noise where there is one level of it.

    Args:
        design: What to draw.
    """
    figures = {"design-checkpoints": checkpoints_figure(design)}
    if len(_levels(design.table)) > 1:
        figures["design-noise"] = noise_figure(design)
    return figures


def checkpoints_figure(design: Design) -> Figure:
    """Draw accuracy over units and checkpoints, at the lowest noise.

    Args:
        design: What to draw.

    Returns:
        A panel for each observable alone and one for all. Cells that reach the accuracy asked for
        are outlined.
    """
    level = _levels(design.table)[0]
    rows = design.table[design.table["noise"] == level]
    return _maps(rows, "checkpoints", noise_text(level), design.info)


def noise_figure(design: Design) -> Figure:
    """Draw accuracy over units and noise, at all checkpoints.

    Args:
        design: What to draw.

    Returns:
        Panels as of `checkpoints_figure`; without spikes and fluorescence, whose noise is their
        own.
    """
    table = design.table[design.table["noise"].isin(_levels(design.table))]
    rows = table[table["checkpoints"] == table["checkpoints"].max()]
    return _maps(rows, "noise_std", "all checkpoints", design.info)


def _levels(table: pd.DataFrame) -> list[str]:
    """Return the levels of noise, rising; spikes and fluorescence only where nothing else is."""
    every = noise_levels(table)
    return [level for level in every if level[0].isdigit()] or every


def _maps(rows: pd.DataFrame, columns: str, title: str, info: dict[str, Any]) -> Figure:
    patterns = [name for name in PANELS if name in set(rows["observables"])]
    rows = rows.assign(reached=reaches(rows, info["accuracy"]))
    frame = crossed(rows, columns)
    width, height = (
        max(_NARROWEST, 0.3 + _CELL_WIDTH * frame.shape[1]),
        1.5 + _CELL_HEIGHT * frame.shape[0],
    )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1 + width * len(patterns), height), layout="constrained")
        panels = figure.subplots(1, len(patterns), sharey=True, squeeze=False)[0]
        for axes, pattern in zip(panels, patterns, strict=True):
            of_pattern = rows[rows["observables"] == pattern]
            values, reached = (
                crossed(of_pattern, columns, name).reindex_like(frame)
                for name in ("accuracy", "reached")
            )
            _draw_map(axes, values, reached.eq(True), info["chance"])
            axes.set(title=pattern.replace("+", " +\n"), xlabel=LABELS[columns])
        panels[0].set_ylabel("units of a layer")
        figure.suptitle(f"accuracy, {title}; outlined: reaches {info['accuracy']:.2f}", fontsize=9)
    return figure


def _draw_map(axes: Axes, values: pd.DataFrame, reached: pd.DataFrame, chance: float) -> None:
    axes.imshow(values, cmap="Blues", vmin=chance, vmax=1, aspect="auto")
    axes.set_xticks(range(values.shape[1]), [f"{name:.3g}" for name in values.columns])
    axes.set_yticks(range(values.shape[0]), list(values.index))
    for (row, column), value in np.ndenumerate(values.to_numpy()):
        if np.isnan(value):
            continue
        ink = "white" if value > chance + _DARK * (1 - chance) else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)
        if reached.iloc[row, column]:
            corner = (column - 0.46, row - 0.46)
            axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, ec=_OUTLINE, lw=1.2))
