"""Heat maps of how well rules are told apart with fewer units and more noise."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.style import STYLE

__all__ = ["measured_cells", "measured_figure"]

SPIKES_AND_DYES = {"poisson": "spikes", "calcium": "calcium"}
"""Observation models whose noise is their own, and what their columns are called."""
_CELL_WIDTH, _CELL_HEIGHT = 0.45, 0.3
"""Inches."""
_NARROWEST = 1.5
_DARK = 0.6
"""Share of the colour scale above which numbers are white."""


def measured_figure(measured: pd.DataFrame) -> Figure | None:
    """Draw accuracy over units and noise, a panel for each set of observables.

    Args:
        measured: `Evaluation.further["measured"]` of one target.

    Returns:
        The figure, whose shades begin at the floor, or None where nothing was measured.
    """
    cells = measured_cells(measured)
    if cells.empty:
        return None
    rows = list(dict.fromkeys(cells.sort_values("order")["units"]))
    columns = list(dict.fromkeys(cells.sort_values("column")["noise"]))
    panels = list(dict.fromkeys(cells["observables"]))
    floor = float(cells["floor"].mean())
    width = max(_NARROWEST, 0.3 + _CELL_WIDTH * len(columns))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(0.9 + width * len(panels), 1.5 + _CELL_HEIGHT * len(rows)))
        figure.set_layout_engine("constrained")
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, observables in zip(every, panels, strict=True):
            some = cells[cells["observables"] == observables]
            values = some.pivot(index="units", columns="noise", values="accuracy")
            _draw(axes, values.reindex(index=rows, columns=columns), floor)
            axes.set_title(str(observables).replace("_", " ").replace("+", " +\n"))
        figure.supxlabel("noise (s.d. of a layer), or what records", fontsize=9)
        every[0].set_ylabel("units of a layer")
    return figure


def measured_cells(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cell of the heat maps.

    Args:
        measured: `Evaluation.further["measured"]` of one target.

    Returns:
        `observables`, `units` and `noise` as text, `accuracy`, `sem`, `floor` and `n_networks`,
        with `order` and `column` to sort by. Of measurements that fall into one cell the first is
        kept, one that tracks units before one that does not.
    """
    rows = measured.sort_values("tracked", ascending=False, kind="stable")
    own = rows["observation"].map(SPIKES_AND_DYES)
    noise = rows["noise_std"].astype(float)
    units = rows["units"].astype(float)
    # A share of the units of each layer is written as a negative number of them.
    cells = rows.assign(
        units=[
            "all" if np.isinf(n) or n == -1 else f"{n:.0f}" if n > 0 else f"{-n:.0%}" for n in units
        ],
        order=units.where(units > 0, 1e9 - 1e8 * units),
        noise=[f"{s:.2g}" if pd.isna(name) else name for s, name in zip(noise, own, strict=True)],
        column=noise.where(own.isna(), own.map({"spikes": 1e9, "calcium": 2e9})),
    )
    kept = ["observables", "units", "noise", "accuracy", "sem", "floor", "n_networks"]
    first = cells.drop_duplicates(["observables", "units", "noise"]).sort_index()
    return first[[*kept, "order", "column"]].reset_index(drop=True)


def _draw(axes: Axes, values: pd.DataFrame, floor: float) -> None:
    axes.imshow(values.astype(float), vmin=floor, vmax=1, aspect="auto")
    axes.set_xticks(range(values.shape[1]), list(values.columns))
    axes.set_yticks(range(values.shape[0]), list(values.index))
    for (row, column), value in np.ndenumerate(values.to_numpy(dtype=float)):
        if not np.isnan(value):
            ink = "white" if value > floor + _DARK * (1 - floor) else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)
