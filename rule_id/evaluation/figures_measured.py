"""Figure of how well rules are told apart with fewer units and more noise."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.figures import CHANCE_COLOUR, MARKERS, OKABE_ITO, STYLE
from rule_id.models.views import SOME_UNITS

__all__ = ["measured_figure"]


def measured_figure(measured: pd.DataFrame) -> Figure | None:
    """Draw accuracy against the number of units, for each observable, a panel a level of noise.

    Args:
        measured: `Evaluation.further["measured"]` of one target.

    Returns:
        The figure, or None where no number of units was measured.
    """
    rows = measured[measured["observation"].isin(SOME_UNITS) & (measured["units"] > 0)]
    counts = sorted(rows.loc[np.isfinite(rows["units"].astype(float)), "units"].unique())
    if not counts:
        return None
    noises = sorted(rows["noise_std"].unique())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 2.4 * len(noises), 2.8))
        panels = figure.subplots(1, len(noises), sharey=True, squeeze=False)[0]
        for axes, noise in zip(panels, noises, strict=True):
            _draw(axes, rows[rows["noise_std"] == noise], [*counts, np.inf])
            axes.set(title=f"noise {noise:g} s.d.", xlabel="units of a layer", ylim=(0, 1))
        panels[0].set_ylabel("accuracy (share correct)")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=5)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, counts: list[float]) -> None:
    for place, (observables, some) in enumerate(rows.groupby("observables", sort=False)):
        ordered = some.drop_duplicates("units").set_index("units").reindex(counts)
        name = "all observables" if "+" in str(observables) else str(observables).replace("_", " ")
        axes.errorbar(
            range(len(counts)), ordered["accuracy"].astype(float),
            yerr=ordered["sem"].astype(float), marker=MARKERS[place % len(MARKERS)], ms=4,
            capsize=2, color=OKABE_ITO[(5, 7, 3, 4)[place % 4]], label=name,
        )  # fmt: skip
    floor = rows["floor"].astype(float).mean()
    axes.axhline(floor, color=CHANCE_COLOUR, ls="--", lw=1, label="floor")
    names = ["all" if np.isinf(count) else f"{count:.0f}" for count in counts]
    axes.set_xticks(range(len(counts)), names)
