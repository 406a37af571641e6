"""Figures of an evaluation, for its folder and for reports.

Figures are made without pyplot, hence without global state; colours are those of Okabe and Ito,
which most colour-blind readers can tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import TRUNCATED, Evaluation

__all__ = [
    "OKABE_ITO",
    "STYLE",
    "confusion_figure",
    "draw_figures",
    "generalisation_figure",
    "rule_colours",
    "save_figure",
    "truncation_figure",
]

OKABE_ITO = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000",
)  # fmt: skip

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    # Text stays text, and the same figure is the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "rule-id",
}
"""Matplotlib settings of every figure, for `matplotlib.rc_context`."""

PAPER_RULES = (
    "backprop+momentum",
    "backprop+adam",
    "feedback_alignment+momentum",
    "information_alignment+momentum",
)
CHANCE_COLOUR = "#777777"
# Not the colours of the four rules: blue is a rule, never a model.
MODEL_COLOURS = {"linear": OKABE_ITO[5], "xgboost": OKABE_ITO[7]}
MARKERS = "osD^v"
LEVELS = {"layer": "single layers", "network": "whole networks"}
TRUNCATION_PANELS = {
    "checkpoints seen, from the first": ["first 25%", "first 50%", "first 75%", "all checkpoints"],
    "checkpoints seen, evenly spaced": ["every 4th", "every 2nd", "all checkpoints"],
}


def rule_colours(rules: Sequence[str]) -> dict[str, str]:
    """Return a colour for each rule.

    The four rules of the 2020 paper have the same colour in every figure; the others share out
    the remaining colours in alphabetical order.

    Args:
        rules: Names of rules.

    >>> rule_colours(["backprop+adam"])
    {'backprop+adam': '#E69F00'}
    """
    fixed = dict(zip(PAPER_RULES, OKABE_ITO, strict=False))
    spare = OKABE_ITO[len(PAPER_RULES) :]
    others = sorted(set(rules) - set(PAPER_RULES))
    fixed.update({rule: spare[place % len(spare)] for place, rule in enumerate(others)})
    return {rule: fixed[rule] for rule in rules}


def draw_figures(evaluation: Evaluation) -> dict[str, Figure]:
    """Return all figures of an evaluation by name: those that its protocols give data for.

    Args:
        evaluation: What to draw.
    """
    protocols = list(evaluation.table["protocol"].unique())
    whole = [name for name in protocols if name not in TRUNCATED]
    figures = {f"confusion-{name}": confusion_figure(evaluation, name) for name in whole}
    if whole:
        figures["generalisation"] = generalisation_figure(evaluation)
    if "truncated" in protocols:
        figures["truncation"] = truncation_figure(evaluation)
    return figures


def generalisation_figure(evaluation: Evaluation) -> Figure:
    """Draw accuracy for each protocol and model, with s.e.m. over splits and chance.

    Args:
        evaluation: With a protocol other than `truncated`.

    Returns:
        A panel for single layers and, unless `paper` stands alone, one for whole networks.
    """
    table = evaluation.table[evaluation.table["variant"] == "all"]
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


def confusion_figure(evaluation: Evaluation, protocol: str) -> Figure:
    """Draw which rule is taken for which, by the most accurate model, summed over splits.

    Args:
        evaluation: What to draw.
        protocol: A protocol that was evaluated. Whole networks where the protocol has them, else
            single layers; of `truncated`, all variants together.

    Returns:
        Rows are true rules and sum to 100%.
    """
    level = "network" if PROTOCOLS[protocol].whole_networks else "layer"
    model = evaluation.best_model(protocol, level)
    chosen = {
        "protocol": protocol, "level": level, "model": model,
        "feature_set": evaluation.info["feature_set"],
    }  # fmt: skip
    rows = evaluation.confusions
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    classes = evaluation.info["classes"]
    counts = rows.groupby(["true", "predicted"])["count"].sum().unstack()
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    with matplotlib.rc_context(STYLE):
        size = 2.6 + 0.55 * len(classes)
        figure = Figure(figsize=(size + 0.4, size))
        axes = figure.subplots()
        _draw_confusion(axes, counts.to_numpy(), classes)
        axes.set_title(f"{protocol}, {LEVELS[level]}, {model}")
    return figure


def truncation_figure(evaluation: Evaluation) -> Figure:
    """Draw accuracy against how much of training is seen: cut short, and thinned.

    Args:
        evaluation: With protocol `truncated`.

    Returns:
        A panel for cut and one for thinned trajectories, for whole networks.
    """
    rows = evaluation.table[
        (evaluation.table["protocol"] == "truncated") & (evaluation.table["level"] == "network")
    ]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 3))
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (label, variants) in zip(panels, TRUNCATION_PANELS.items(), strict=True):
            _draw_truncation(axes, rows, variants)
            axes.set(xlabel=label, ylim=(0, 1))
        panels[0].set_ylabel("accuracy (share correct)")
        _legend_below(figure, panels[0])
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG, the same bytes for the same figure.

    Args:
        figure: A figure made here.
        path: The file to write.
    """
    with matplotlib.rc_context(STYLE):
        figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})


def _draw_protocols(axes: Axes, table: pd.DataFrame, protocols: list[str]) -> None:
    for place, protocol in enumerate(protocols):
        chance = table.loc[table["protocol"] == protocol, "accuracy_chance"].mean()
        label = "chance" if place == 0 else None
        axes.plot(
            [chance] * 2, [place - 0.4, place + 0.4], color=CHANCE_COLOUR, ls=":", label=label
        )
    series = list(table.groupby(["feature_set", "model"], sort=False))
    offsets = 0.2 * (np.arange(len(series)) - (len(series) - 1) / 2)
    for (key, rows), offset, marker in zip(series, offsets, MARKERS, strict=False):
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
    axes.set_xticks(places, [name.removesuffix(" checkpoints") for name in variants])


def _draw_confusion(axes: Axes, counts: np.ndarray, classes: list[str]) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    percent = 100 * np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        ink = "white" if value > 60 else "black"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=ink)
    axes.set_xticks(range(len(classes)), classes, rotation=40, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted rule", ylabel="true rule (% of its row)")
    colours = rule_colours(classes)
    for place, rule in enumerate(classes):
        axes.plot([-0.56] * 2, [place - 0.5, place + 0.5], color=colours[rule], lw=4, clip_on=False)
    axes.set_xlim(-0.5, len(classes) - 0.5)


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=4)
