"""Figures of how far probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.style import CHANCE_COLOUR, MARKERS, MODEL_COLOURS, OKABE_ITO, STYLE

__all__ = ["reliability_figure"]


def reliability_figure(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how often classifiers are right against how sure they are.

    Args:
        tables: What `rule_id.evaluation.reliability.reliability` gives for each model, by name.

    Returns:
        Above, accuracy with s.e.m. over blocks where it is known, at the mean confidence of each
        bin, and the line of perfect probabilities: below it a classifier is too sure. Below, the
        share of networks in each bin.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.4, 4.2))
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        above.plot([0, 1], [0, 1], color=CHANCE_COLOUR, ls=":", label="perfect")
        for place, (name, table) in enumerate(tables.items()):
            colour = MODEL_COLOURS.get(name.split(",")[0], OKABE_ITO[place % len(OKABE_ITO)])
            _draw(above, below, table, name, colour, MARKERS[place % len(MARKERS)])
        above.set(ylabel="accuracy (share correct)", xlim=(0, 1), ylim=(-0.02, 1.02))
        below.set(xlabel="confidence (largest probability)", ylabel="share of\nnetworks")
        below.set_ylim(bottom=0)
        figure.legend(
            *above.get_legend_handles_labels(),
            loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2,
        )  # fmt: skip
        figure.align_ylabels()
    return figure


def _draw(
    above: Axes, below: Axes, table: pd.DataFrame, name: str, colour: str, marker: str
) -> None:
    line = "--" if "tempered" in name else "-"
    above.errorbar(
        table["confidence"], table["accuracy"], yerr=table["accuracy_sem"], fmt=f"{marker}{line}",
        ms=4, capsize=2, color=colour, label=name,
    )  # fmt: skip
    share = table["n"] / table["n"].sum()
    # Bins that hold no network are not in the table, hence one line a bin.
    for low, high, value in zip(table["low"], table["high"], share, strict=True):
        below.plot([low, low, high, high], [0, value, value, 0], color=colour, lw=1)
