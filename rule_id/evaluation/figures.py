"""Figures of an evaluation, for its folder and for reports.

Figures are made without pyplot, hence without global state; `rule_id.evaluation.style` says how
they look.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import BinaryIO

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation
from rule_id.evaluation.style import CHANCE_COLOUR, MARKERS, MODEL_COLOURS, STYLE, class_colours
from rule_id.features import wording

__all__ = [
    "confusion_counts",
    "confusion_figure",
    "generalisation_figure",
    "generalisation_rows",
    "save_figure",
    "truncation_figure",
    "truncation_rows",
]

LEVELS = {"layer": "single layers", "network": "whole networks"}
_CELL, _WIDEST = 0.55, 7.0
"""Size of a cell of a confusion matrix where there are few classes, and of all cells together, in
inches."""
_MANY = 12
_FEW = 5
_LARGEST_FONT, _SMALLEST_FONT = 9.0, 5.0
TRUNCATION_PANELS = {
    "window of training seen": [
        "0% to 25%", "25% to 50%", "50% to 75%", "75% to 100%", "0% to 50%", "25% to 75%",
        "50% to 100%", "0% to 75%", "25% to 100%", "all checkpoints",
    ],
    "checkpoints seen,\nevenly spaced": [
        "every 10th", "every 5th", "every 4th", "every 2nd", "all checkpoints",
    ],
    "checkpoints seen,\nat random": [
        "2 at random", "3 at random", "5 at random", "10 at random", "all checkpoints",
    ],
}  # fmt: skip


def generalisation_figure(evaluation: Evaluation) -> Figure:
    """Draw accuracy for each protocol and model, with s.e.m. over splits, chance and floor.

    Args:
        evaluation: With a protocol that trains on some networks and tests others.

    Returns:
        A panel for single layers and, unless `paper` stands alone, one for whole networks.
    """
    table = generalisation_rows(evaluation)
    levels = [level for level in LEVELS if level in set(table["level"])]
    protocols = list(table["protocol"].unique())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.5 + 3 * len(levels), 1.3 + 0.45 * len(protocols)))
        panels = figure.subplots(1, len(levels), sharey=True, squeeze=False)[0]
        for axes, level in zip(panels, levels, strict=True):
            _draw_protocols(axes, table[table["level"] == level], protocols)
            axes.set(title=LEVELS[level], xlabel="accuracy (share correct)", xlim=(0, 1))
        panels[0].set_yticks(range(len(protocols)), protocols)
        panels[0].set_ylim(len(protocols) - 0.5, -0.5)
        _legend_below(figure, panels[0])
    return figure


def generalisation_rows(evaluation: Evaluation) -> pd.DataFrame:
    """Return the rows of `Evaluation.table` that `generalisation_figure` draws."""
    table = evaluation.of(evaluation.info["target"]).table
    plain = table["protocol"].map(lambda name: PROTOCOLS[name].kind == "plain")
    return table[(table["variant"] == "all") & plain & table["model"].isin(MODEL_COLOURS)]


def confusion_figure(evaluation: Evaluation, protocol: str) -> Figure:
    """Draw which class is taken for which, by the most accurate model, summed over splits.

    Args:
        evaluation: What to draw.
        protocol: A protocol that was evaluated. Whole networks where the protocol has them, else
            single layers; of `truncated`, all variants together.

    Returns:
        Rows are true classes and sum to 100%. With more than 12 classes cells are smaller and
        empty ones are left blank; with more than 45 no cell has its number written in.
    """
    level = "network" if PROTOCOLS[protocol].whole_networks else "layer"
    model = evaluation.best_model(protocol, level)
    counts = confusion_counts(evaluation, protocol)
    classes = list(counts.columns)
    with matplotlib.rc_context(STYLE):
        cell = min(_CELL, _WIDEST / len(classes))
        size = 2.6 + cell * len(classes)
        figure = Figure(figsize=(size + 0.4, size))
        axes = figure.subplots()
        _draw_confusion(axes, counts.to_numpy(), classes, cell)
        one = wording(evaluation.info["target"]).one
        axes.set(xlabel=f"predicted {one}", ylabel=f"true {one} (% of its row)")
        axes.set_title(f"{protocol}, {LEVELS[level]}, {model}")
    return figure


def confusion_counts(evaluation: Evaluation, protocol: str) -> pd.DataFrame:
    """Return how often each class was taken for each, true classes by predicted ones.

    Args:
        evaluation: What was found.
        protocol: As of `confusion_figure`.
    """
    level = "network" if PROTOCOLS[protocol].whole_networks else "layer"
    model = evaluation.best_model(protocol, level)
    chosen = {
        "protocol": protocol, "level": level, "model": model,
        "feature_set": evaluation.info["feature_set"],
    }  # fmt: skip
    rows = evaluation.of(evaluation.info["target"]).confusions
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    classes = evaluation.info["classes"]
    # What never occurred has no row.
    counts = rows.groupby(["true", "predicted"])["count"].sum().unstack(fill_value=0)
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def truncation_figure(evaluation: Evaluation) -> Figure:
    """Draw accuracy against what of training is seen: a window, thinned, or a few checkpoints.

    Args:
        evaluation: With protocol `truncated`.

    Returns:
        A panel for windows, one for thinned trajectories and one for random checkpoints, for whole
        networks.
    """
    rows = truncation_rows(evaluation)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.6))
        panels = figure.subplots(1, 3, sharey=True, width_ratios=[2, 1.2, 1.2])
        for axes, (label, variants) in zip(panels, TRUNCATION_PANELS.items(), strict=True):
            _draw_truncation(axes, rows, variants)
            axes.set(xlabel=label, ylim=(0, 1))
        panels[0].set_ylabel("accuracy (share correct)")
        _legend_below(figure, panels[0])
    return figure


def truncation_rows(evaluation: Evaluation) -> pd.DataFrame:
    """Return the rows of `Evaluation.table` that `truncation_figure` draws."""
    table = evaluation.of(evaluation.info["target"]).table
    return table[(table["protocol"] == "truncated") & (table["level"] == "network")]


def save_figure(figure: Figure, path: str | Path | BinaryIO) -> None:
    """Write a figure as SVG, the same bytes for the same figure.

    Args:
        figure: A figure made here.
        path: The file to write, or one that is open.
    """
    with matplotlib.rc_context(STYLE):
        _settle(figure)
        figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})


def _settle(figure: Figure) -> None:
    """Lay a figure out for good: the solver's last digits differ from one time to the next."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    # What drawing begins with; to draw all the rest for it would take three times as long.
    engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(n, 4) for n in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def _draw_protocols(axes: Axes, table: pd.DataFrame, protocols: list[str]) -> None:
    for place, protocol in enumerate(protocols):
        rows = table[table["protocol"] == protocol]
        for name, style in (("floor", "--"), ("chance", ":")):
            axes.plot(
                [rows[f"accuracy_{name}"].mean()] * 2, [place - 0.4, place + 0.4],
                color=CHANCE_COLOUR, ls=style, label=name if place == 0 else None,
            )  # fmt: skip
    series = list(table.groupby(["feature_set", "model"], sort=False))
    apart = min(0.2, 0.9 / len(series))
    offsets = apart * (np.arange(len(series)) - (len(series) - 1) / 2)
    for (key, rows), offset, marker in zip(series, offsets, cycle(MARKERS), strict=False):
        feature_set, model = map(str, key)
        axes.errorbar(
            rows["accuracy"], rows["protocol"].map(protocols.index) + offset,
            xerr=rows["accuracy_sem"], fmt=marker, ms=4, capsize=2,
            color=MODEL_COLOURS[model], label=f"{model}, {feature_set}",
            mfc="white" if feature_set != table["feature_set"].iloc[0] else None,
        )  # fmt: skip


def _draw_truncation(axes: Axes, rows: pd.DataFrame, variants: list[str]) -> None:
    places = range(len(variants))
    for model, of_model in rows.groupby("model", sort=False):
        ordered = of_model.set_index("variant").reindex(variants)
        axes.errorbar(
            places, ordered["accuracy"], yerr=ordered["accuracy_sem"], marker="o", ms=4,
            capsize=2, color=MODEL_COLOURS[str(model)], label=str(model),
        )  # fmt: skip
    chance = rows.groupby("variant")["accuracy_chance"].mean().reindex(variants)
    axes.plot(places, chance, color=CHANCE_COLOUR, ls=":", label="chance")
    names = [name.removesuffix(" checkpoints").removesuffix(" at random") for name in variants]
    axes.set_xticks(places, names, rotation=90 if max(map(len, names)) > _FEW else 0)


def _draw_confusion(axes: Axes, counts: np.ndarray, classes: list[str], cell: float) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    percent = 100 * np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    _write_cells(axes, percent, cell)
    many = len(classes) > _MANY
    axes.set_xticks(
        range(len(classes)), classes, rotation=90 if many else 40, ha="center" if many else "right"
    )
    axes.set_yticks(range(len(classes)), classes)
    colours = class_colours(classes)
    for place, name in enumerate(classes):
        axes.plot([-0.56] * 2, [place - 0.5, place + 0.5], color=colours[name], lw=4, clip_on=False)
    axes.set_xlim(-0.5, len(classes) - 0.5)


def _write_cells(axes: Axes, percent: np.ndarray, cell: float) -> None:
    """Write the numbers as large as cells of this size (inches) allow; none where unreadable."""
    # Three digits are about 1.8 times as wide as the font is high, and 1 inch is 72 points.
    size = min(_LARGEST_FONT, 72 * cell / 2.2)
    if size < _SMALLEST_FONT:
        return
    for (row, column), value in np.ndenumerate(percent):
        # Where there are many classes, empty cells stay empty.
        if len(percent) <= _MANY or round(value):
            ink = "white" if value > 60 else "black"
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=size
            )


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    # Labels below the axes may be long: the layout finds out how long.
    figure.set_layout_engine("constrained")
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
