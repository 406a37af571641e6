"""Kunin et al. (2020) in miniature: transfer of coefficients, depth, noise in every update.

`make kunin` runs it: it writes docs/kunin.md and docs/figures/kunin-*.svg and *.csv from parts in
corpora/kunin/, and goes on where it was stopped.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import kunin_figures as figures
import kunin_runs as runs
import torch
from kunin_runs import CONSTANT, DEPTHS, LEVELS, LINES, SETTINGS
from kunin_text import page, transfer_matrix
from kunin_theory import default_coefficients, eigenvalue_range, theory_of
from matplotlib.figure import Figure
from study import DOCS, mean_and_sem

from rule_id.evaluation.figures import save_figure
from rule_id.trajectories import atomic_write

Rows = list[list[Any]]


def main() -> None:
    """Compute what is missing; write the page, its figures and their numbers."""
    torch.set_num_threads(1)
    runs.register()
    found = collect()
    draw(found)
    tables = {
        "tuning": tuning_rows(found),
        "transfer": transfer_rows(found),
        "theory": theory_rows(found),
        "depth": curve_rows(found["depth"], "hidden_layers", DEPTHS),
        "depth-best-rate": curve_rows(found["depth at the best rate"], "hidden_layers", DEPTHS),
        "noise": curve_rows(found["noise"], "update_noise", LEVELS),
    }
    for name, rows in tables.items():
        write = partial(write_csv, rows=rows)
        atomic_write(DOCS / "figures" / f"kunin-{name}.csv", write)
    text = page(found)
    atomic_write(DOCS / "kunin.md", lambda target: target.write_text(text))


def collect() -> dict[str, Any]:
    """Return all numbers, read or computed."""
    rates = runs.tune_learning_rate()
    rate = rates["careful"]
    defaults = default_coefficients()
    return {
        "rates": rates,
        "rate": rate,
        "update_size": runs.update_size(rate),
        "theory": {s.name: theory_of(s, defaults) for s in SETTINGS},
        "tuning": {
            rule: {s.name: runs.tuned(rule, s, rate) for s in SETTINGS} for rule in CONSTANT
        },
        "transfer": {s.name: runs.transfer(s, rate) for s in SETTINGS},
        "depth": depth_curves(rate),
        "depth at the best rate": depth_curves(rates["best"]),
        "noise": {line: runs.noise_accuracy(line, rate) for line in LINES},
    }


def depth_curves(rate: float) -> dict[runs.Line, list[Any]]:
    """Return the runs of every line at every depth."""
    return {line: [runs.depth_accuracy(line, n, rate) for n in DEPTHS] for line in LINES}


def draw(found: dict[str, Any]) -> None:
    """Write the figures."""
    theory = found["theory"]
    drawn = {
        "transfer": figures.transfer_figure(found["transfer"]),
        "transfer-matrix": figures.matrix_figure(
            {rule: transfer_matrix(found, rule) for rule in CONSTANT}
        ),
        "eigenvalues": figures.eigenvalue_figure(
            {name: one["spectra"] for name, one in theory.items()}, found["rate"]
        ),
        "fixed-points": figures.ends_figure({name: one["ends"] for name, one in theory.items()}),
        "depth": figures.depth_figure(found["depth"]),
        "depth-best-rate": figures.depth_figure(found["depth at the best rate"]),
        "noise": figures.noise_figure(found["noise"], found["update_size"]),
    }
    for name, figure in drawn.items():
        write_figure(DOCS / "figures" / f"kunin-{name}.svg", figure)


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as SVG."""
    atomic_write(path, lambda target: save_figure(figure, target))


def tuning_rows(found: dict[str, Any]) -> Rows:
    """Return every draw of coefficients, its accuracy and its largest rate in each setting."""
    names = ("decay", "sparse", "self", "amp", "null")
    rows: Rows = [
        ["rule", "draw", *names, "setting", "accuracy_mean", "accuracy_sem", "largest_rate"]
    ]
    for rule, by_setting in found["tuning"].items():
        for index, draw in enumerate(runs.draws_of(rule)):
            for setting, scores in by_setting.items():
                mean, sem, _ = mean_and_sem(scores[index])
                spectra = found["theory"][setting]["spectra"]
                largest = found["rate"] * eigenvalue_range(draw, spectra)[2]
                own = [draw.get(name, "") for name in names]
                rows.append([rule, index, *own, setting, mean, sem, largest])
    return rows


def transfer_rows(found: dict[str, Any]) -> Rows:
    """Return accuracy by setting, rule and how coefficients were chosen."""
    rows: Rows = [["setting", "rule", "coefficients", "accuracy_mean", "accuracy_sem"]]
    for setting, by_rule in found["transfer"].items():
        for rule, by_form in by_rule.items():
            for form, values in by_form.items():
                rows.append([setting, rule, form, *mean_and_sem(values)[:2]])
    return rows


def theory_rows(found: dict[str, Any]) -> Rows:
    """Return eigenvalues times the learning rate, and fixed points, at the authors' defaults."""
    header = ["setting", "rule", "smallest_rate", "median_rate", "largest_rate"]
    rows: Rows = [[*header, "norm_ratio", "angle_degrees"]]
    for setting, one in found["theory"].items():
        for rule, own in default_coefficients().items():
            spectrum = eigenvalue_range(own, one["spectra"])
            rates = [found["rate"] * value for value in spectrum]
            rows.append([setting, rule, *rates, *one["ends"][rule]])
    return rows


def curve_rows(curves: dict[runs.Line, list[Any]], name: str, x: Sequence[float]) -> Rows:
    """Return accuracy and angle of every line at every x."""
    header = ["rule", "form", name, "accuracy_mean", "accuracy_sem"]
    rows: Rows = [[*header, "feedback_angle_mean", "feedback_angle_sem"]]
    for line, points in curves.items():
        for value, point in zip(x, points, strict=True):
            accuracy = mean_and_sem(point["accuracy"])[:2]
            rows.append([line.rule, line.form, value, *accuracy, *mean_and_sem(point["angle"])[:2]])
    return rows


def write_csv(path: Path, rows: Rows) -> None:
    """Write rows, numbers to four significant digits and missing ones empty."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([[cell(c) for c in row] for row in rows])


def cell(value: Any) -> str:
    """Return a value as the CSV files have it.

    >>> cell(0.123456), cell(float("nan")), cell("x"), cell(3)
    ('0.1235', '', 'x', '3')
    """
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return str(value)


if __name__ == "__main__":
    main()
