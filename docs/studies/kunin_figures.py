"""The figures of docs/kunin.md; a rule has one colour and one marker in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from kunin_runs import CONSTANT, DEPTHS, LEVELS, LIKE, SETTINGS, Line
from kunin_theory import PREDICTED, Spectra, eigenvalue_range
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from study import mean_and_sem

from rule_id.evaluation.style import OKABE_ITO, STYLE
from rule_id.rules.learned_feedback import AUTHORS

__all__ = [
    "LABELS",
    "depth_figure",
    "ends_figure",
    "eigenvalue_figure",
    "matrix_figure",
    "noise_figure",
    "transfer_figure",
]

LABELS = {
    "backprop": "backprop",
    "feedback_alignment": "feedback alignment",
    "weight_mirror": "weight mirror (noise)",
    "constant_weight_mirror_activity": "weight mirror (activity)",
    "information_alignment": "information alignment",
    "symmetric_alignment": "symmetric alignment",
    "activation_alignment": "activation alignment",
}
# Blue, green and vermilion are what these rules have in the package's own figures.
_COLOURS = dict(zip(LABELS, [OKABE_ITO[i] for i in (0, 2, 7, 1, 3, 5, 4)], strict=True))
_MARKERS = dict(zip(LABELS, "os^vDP*", strict=True))
FORMS = {
    "calibrated": "calibrated by the package",
    "fast": "calibrated, B learned at once",
    "tuned": "constant, tuned at 2 hidden layers",
    "default": "constant, authors' default",
}
FACTORS = (1e-1, 1e5)


def looks_like(rule: str) -> str:
    """Return the rule whose colour, marker and label a rule has."""
    return rule if rule in LABELS else LIKE[rule]


def transfer_figure(results: dict[str, dict[str, Any]]) -> Figure:
    """Draw accuracy relative to backprop for each way to choose coefficients, a panel a rule.

    Args:
        results: By the setting's name, then by rule and by how coefficients were chosen.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        panels = figure.subplots(1, len(CONSTANT), sharey=True)
        for axes, rule in zip(panels, CONSTANT, strict=True):
            _draw_transfer(axes, rule, results)
        panels[0].set_ylabel("accuracy / accuracy of backprop")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _draw_transfer(axes: Axes, rule: str, results: dict[str, dict[str, Any]]) -> None:
    like = looks_like(rule)
    colour, marker = _COLOURS[like], _MARKERS[like]
    forms = [
        (rule, "own", {"mfc": "white", "marker": marker}, "tuned in the same setting"),
        (rule, "transferred", {"marker": marker}, "tuned in the source setting"),
        (rule, "default", {"marker": "x"}, "authors' default"),
        ("feedback_alignment", "fixed", {"marker": "s", "ms": 3}, "feedback alignment"),
    ]
    for place, (name, form, style, label) in enumerate(forms):
        shown = _COLOURS[name] if name in LABELS else colour
        points = [_relative(results[s.name], name, form) for s in SETTINGS]
        axes.errorbar(
            np.arange(len(SETTINGS)) + 0.16 * (place - 1.5),
            [mean for mean, _ in points], yerr=[sem for _, sem in points],
            **{"ls": "", "ms": 5, "color": shown, "mec": shown, "label": label, **style},
        )  # fmt: skip
    axes.axhline(1, color=_COLOURS["backprop"], lw=0.8, label="backprop")
    axes.set_xticks(range(len(SETTINGS)), [s.name for s in SETTINGS], rotation=60, ha="right")
    axes.set_title(LABELS[like])
    axes.set_ylim(0, 1.1)


def _relative(results: dict[str, Any], rule: str, form: str) -> tuple[float, float]:
    """Return mean and s.e.m. of the accuracy of networks over that of the same under backprop."""
    ratio = np.array(results[rule][form]) / np.array(results["backprop"]["fixed"])
    mean, sem, _ = mean_and_sem(ratio.tolist())
    return mean, sem


def matrix_figure(matrices: dict[str, np.ndarray]) -> Figure:
    """Draw what coefficients tuned in one setting reach in another, a panel a rule.

    Args:
        matrices: By rule, accuracy relative to backprop, (tuned in, applied in).
    """
    names = [s.name for s in SETTINGS]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(14, 4), layout="constrained")
        panels = figure.subplots(1, len(matrices), sharey=True)
        for axes, (rule, matrix) in zip(panels, matrices.items(), strict=True):
            image = axes.imshow(matrix, cmap="cividis", vmin=0, vmax=1)
            axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
            axes.set_title(LABELS[looks_like(rule)])
            axes.set_xlabel("applied in")
            for (row, column), value in np.ndenumerate(matrix):
                shade = "black" if value > 0.6 else "white"
                text = f"{100 * value:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=6, color=shade)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylabel("tuned in")
        label = "accuracy / accuracy of backprop"
        figure.colorbar(image, ax=panels, label=label, shrink=0.8)
    return figure


def eigenvalue_figure(spectra: dict[str, Spectra], rate: float) -> Figure:
    """Draw the learning rate times the eigenvalues of B's update against the coefficients.

    Args:
        spectra: By the setting's name.
        rate: The learning rate.
    """
    shown = (
        "constant_symmetric_alignment",
        "constant_activation_alignment",
        "constant_information_alignment",
    )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        panels = figure.subplots(1, len(shown), sharey=True)
        for axes, rule in zip(panels, shown, strict=True):
            _draw_eigenvalues(axes, rule, spectra, rate)
        panels[0].set_title("symmetric alignment and weight mirror")
        panels[0].set_ylabel(r"learning rate $\times$ eigenvalue, 1 / step")
        handles, labels = panels[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw_eigenvalues(axes: Axes, rule: str, spectra: dict[str, Spectra], rate: float) -> None:
    factors = np.geomspace(*FACTORS, 50)
    colour = _COLOURS[looks_like(rule)]
    ranges = {
        name: rate * np.array(eigenvalue_range(dict(AUTHORS[LIKE[rule]]), one))
        for name, one in spectra.items()
    }
    low, middle, high = ranges["source"]
    axes.fill_between(
        factors, factors * max(low, 1e-9), factors * high, color=colour, alpha=0.2, lw=0,
        label="source setting, smallest to largest",
    )  # fmt: skip
    axes.plot(factors, factors * middle, color=colour, label="source setting, median")
    for place, (name, own) in enumerate(ranges.items()):
        if name != "source":
            label = "other settings, largest" if place == 1 else None
            axes.plot(factors, factors * own[2], color=colour, lw=0.7, ls=":", label=label)
    axes.axhline(PREDICTED, color="black", lw=0.8, ls="--", label="unstable above")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-6, 1e3)
    axes.set_xlabel("factor on the authors' coefficients")
    axes.set_title(LABELS[looks_like(rule)])


def ends_figure(ends: dict[str, dict[str, list[float]]]) -> Figure:
    """Draw norm and angle of each rule's fixed point at the authors' ratios, a point a setting.

    Args:
        ends: By the setting's name, then by rule.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        axes = figure.subplots()
        for rule in CONSTANT:
            like = looks_like(rule)
            points = np.array([ends[s.name][rule] for s in SETTINGS])
            axes.plot(
                *points.T, ls="", marker=_MARKERS[like], color=_COLOURS[like], label=LABELS[like],
                alpha=0.8,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
        axes.minorticks_off()
        axes.set_xlabel("|B*| / |W|")
        axes.set_ylabel("angle of the fixed point B* to W$^T$, °")
        axes.legend(fontsize=8)
    return figure


def depth_figure(curves: dict[Line, list[dict[str, Any]]]) -> Figure:
    """Draw accuracy, and the angle of B to W^T, against depth, a column a form of the rules."""
    figure = _panels_by_form(curves, list(DEPTHS), "hidden layers")
    for axes in figure.axes:
        axes.set_xticks(DEPTHS)
    return figure


def noise_figure(curves: dict[Line, list[dict[str, Any]]], size: float) -> Figure:
    """Draw accuracy, and the angle of B to W^T, against noise, a column a form of the rules.

    Args:
        curves: Of each line its runs at `LEVELS`.
        size: Root mean square of backprop's own updates.
    """
    smallest = LEVELS[1]
    figure = _panels_by_form(curves, list(LEVELS), "s.d. of noise in updates (weights)")
    for axes in figure.axes:
        axes.set_xscale("symlog", linthresh=smallest)
        axes.set_xlim(-smallest / 10, LEVELS[-1] * 1.5)
        axes.set_xticks([0, 1e-3, 1e-2, 1e-1, 1], ["0", "0.001", "0.01", "0.1", "1"])
        axes.minorticks_off()
        axes.axvline(size, color="black", lw=0.8, ls=":")
    figure.axes[0].annotate("r.m.s. of\nbackprop's updates", (size, 0.05), fontsize=7)
    return figure


def _panels_by_form(
    curves: dict[Line, list[dict[str, Any]]], x: Sequence[float], label: str
) -> Figure:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 5), layout="constrained")
        panels = figure.subplots(2, len(FORMS), sharex=True, sharey="row")
        for column, (form, title) in enumerate(FORMS.items()):
            for line, runs in curves.items():
                if line.form in ("reference", form):
                    _draw_line(panels[0, column], line, x, [one["accuracy"] for one in runs])
                    _draw_line(panels[1, column], line, x, [one["angle"] for one in runs])
            panels[0, column].set_title(title)
            panels[1, column].set_xlabel(label)
        panels[0, 0].set_ylabel("accuracy on held-out digits")
        panels[0, 0].set_ylim(0, 1)
        panels[1, 0].set_ylabel("angle of B to W$^T$, °")
        panels[1, 0].set_ylim(0, 95)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6)
    return figure


def _draw_line(axes: Axes, line: Line, x: Sequence[float], runs: list[list[float | None]]) -> None:
    points = [mean_and_sem(values) for values in runs]
    if all(np.isnan(mean) for mean, _, _ in points):
        return  # backprop has no feedback weights of its own
    like = looks_like(line.rule)
    axes.errorbar(
        x, [mean for mean, _, _ in points], yerr=[sem for _, sem, _ in points],
        color=_COLOURS[like], marker=_MARKERS[like], ms=5, lw=1, label=LABELS[like],
    )  # fmt: skip
