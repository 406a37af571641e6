"""The numbers of a run in the text of docs/kunin.md, which is kunin_page.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kunin_figures import LABELS, looks_like
from kunin_runs import (
    BATCH,
    CONSTANT,
    COPIES,
    DEPTHS,
    DRAWS,
    FACTOR,
    FAST,
    LEVELS,
    LINES,
    MOMENTUM,
    NETWORKS,
    SEED,
    SETTINGS,
    SOURCE,
    SPREAD,
    STEPS,
    Line,
    best_draw,
    draws_of,
)
from kunin_theory import PREDICTED, default_coefficients, eigenvalue_range
from study import markdown_table, mean_and_sem, versions

__all__ = ["page", "rank_correlation", "stability_counts", "transfer_matrix"]

TARGETS = SETTINGS[1:]
COLLAPSED = 0.5
"""Share of backprop's accuracy below which a draw counts as collapsed."""

CLOSE = 0.95
"""Share of backprop's accuracy above which a draw counts as good."""


GAIN = {
    "constant_symmetric_alignment": ("self", "decay"),
    "constant_activation_alignment": ("amp", "sparse"),
    "constant_weight_mirror": ("amp", "decay"),
}
"""The two primitives b, a whose coefficients give a fixed point of b / 2a times W^T."""


def page(found: dict[str, Any]) -> str:
    """Return the page.

    Args:
        found: What `kunin.collect` returned.
    """
    template = Path(__file__).with_name("kunin_page.md").read_text()
    return template.format(
        seed=SEED,
        steps=STEPS,
        batch=BATCH,
        momentum=MOMENTUM,
        networks=NETWORKS,
        draws=DRAWS,
        copies=COPIES,
        factor=f"{FACTOR[0]:g} to {FACTOR[1]:g}",
        spread=f"{SPREAD[0]:g} to {SPREAD[1]:g}",
        rate=found["rate"],
        best_rate=found["rates"]["best"],
        rates=_rates(found["rates"]["accuracy"]),
        close=f"{CLOSE:.0%}",
        collapsed=f"{COLLAPSED:.0%}",
        fast=FAST,
        gains=gain_table(found),
        **facts(found),
        update_size=found["update_size"],
        walk=np.sqrt(STEPS),
        versions=versions(),
        transfer=transfer_table(found["transfer"]),
        matrix=matrix_table(found),
        robustness=robustness_table(found),
        eigenvalues=eigenvalue_table(found),
        ends=ends_table(found["theory"]),
        stability=stability_table(found),
        depth_table=curve_table(found["depth"], "hidden layers", DEPTHS),
        depth_best=curve_table(found["depth at the best rate"], "hidden layers", DEPTHS),
        noise_table=curve_table(found["noise"], "noise", LEVELS),
    )


def facts(found: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that stand in sentences."""
    others = {rule: _off_diagonal(transfer_matrix(found, rule)) for rule in CONSTANT}
    deep = [s.name for s in SETTINGS].index("4 hidden layers")
    from_deep = [means[deep] for means in others.values()]
    decay = found["rate"] * 2 * default_coefficients()["constant_symmetric_alignment"]["decay"]
    noise = _cells(found["noise"], LEVELS)
    reference = np.array(_means(found["noise"][LINES[0]]))
    nonlocal_ = ("symmetric_alignment", "activation_alignment")
    gaps = [
        (reference - _means(points))[: LEVELS.index(0.03) + 1].max()
        for line, points in found["noise"].items()
        if line.rule in nonlocal_ and line.form == "calibrated"
    ]
    activation = found["depth"][Line("activation_alignment", "calibrated")]
    return {
        "pairs": {rule: f"{np.mean(means):.2f}" for rule, means in others.items()},
        "from_deep": f"{min(from_deep):.2f} to {max(from_deep):.2f}",
        "depth": _cells(found["depth"], DEPTHS),
        "best": _cells(found["depth at the best rate"], DEPTHS),
        "noise": noise,
        "times": 0.03 / found["update_size"],
        "within": np.ceil(100 * max(gaps)) / 100,
        "decay_rate": decay,
        "decay_factor": PREDICTED / decay,
        "spread_aa": _spread(found, "constant_activation_alignment"),
        "spread_ia": _spread(found, "constant_information_alignment"),
        "angle_aa": mean_and_sem(activation[-1]["angle"])[0],
    }


def _cells(curves: dict[Line, list[Any]], x: Sequence[float]) -> dict[str, str]:
    """Return mean accuracies by `rule form x`."""
    return {
        f"{line.rule} {line.form} {value:g}": f"{mean:.2f}"
        for line, points in curves.items()
        for value, mean in zip(x, _means(points), strict=True)
    }


def _means(points: list[Any]) -> list[float]:
    return [mean_and_sem(point["accuracy"])[0] for point in points]


def _spread(found: dict[str, Any], rule: str) -> float:
    """Return by how many times the largest eigenvalue differs between settings."""
    own = default_coefficients()[rule]
    largest = [eigenvalue_range(own, one["spectra"])[2] for one in found["theory"].values()]
    return max(largest) / min(largest)


def gain_table(found: dict[str, Any]) -> str:
    """Return the gain of the best draw of each setting, for rules whose fixed point is in W^T."""
    rows = []
    for setting in SETTINGS:
        row = [setting.name]
        for rule, (up, down) in GAIN.items():
            own = draws_of(rule)[best_draw(found["tuning"][rule][setting.name])]
            row.append(f"{own[up] / (2 * own[down]):.2f}")
        rows.append(row)
    return markdown_table(["tuned in", *map(label_of, GAIN)], rows)


def _rates(accuracies: dict[float, list[float]]) -> str:
    return ", ".join(f"{rate:g}: {np.mean(values):.3f}" for rate, values in accuracies.items())


def label_of(rule: str) -> str:
    """Return what a rule is called in the text."""
    return LABELS[looks_like(rule)]


def transfer_table(results: dict[str, dict[str, Any]]) -> str:
    """Return accuracies on fresh networks: tuned there, tuned on the source, authors' default."""
    forms = ("own", "transferred", "default")
    rows = []
    for setting, by_rule in results.items():
        row = [setting, _mean(by_rule["backprop"]["fixed"])]
        row.append(_mean(by_rule["feedback_alignment"]["fixed"]))
        row += [" / ".join(_mean(by_rule[rule][form]) for form in forms) for rule in CONSTANT]
        rows.append(row)
    return markdown_table(["setting", "backprop", "feedback alignment", *map(label_of, CONSTANT)],
                          rows)  # fmt: skip


def _mean(values: Sequence[float | None]) -> str:
    mean = mean_and_sem(values)[0]
    return "" if mean != mean else f"{mean:.2f}"


def robustness_table(found: dict[str, Any]) -> str:
    """Return how well each rule's coefficients transfer, in one row a rule."""
    rows = []
    for rule in CONSTANT:
        losses = {s.name: transfer_loss(found["transfer"][s.name], rule) for s in TARGETS}
        worst = max(losses, key=lambda name: losses[name][0])
        by_setting = found["tuning"][rule]
        ranks = [rank_correlation(by_setting[SOURCE.name], by_setting[s.name]) for s in TARGETS]
        good = [good_draws(found, rule, s.name) for s in SETTINGS]
        rows.append(
            [
                label_of(rule),
                f"{np.mean([loss for loss, _ in losses.values()]):.2f}",
                f"{losses[worst][0]:.2f} ± {losses[worst][1]:.2f} ({worst})",
                f"{np.mean(ranks):.2f}",
                f"{good[0]} of {DRAWS}",
                f"{min(good)} to {max(good)}",
            ]
        )
    header = ["rule", "mean loss", "worst loss", "rank correlation", "good draws, source",
              "good draws, all settings"]  # fmt: skip
    return markdown_table(header, rows)


def transfer_loss(by_rule: dict[str, Any], rule: str) -> tuple[float, float]:
    """Return what transferred coefficients lose against own ones, as a share of backprop.

    Mean and s.e.m. over networks.
    """
    lost = np.array(by_rule[rule]["own"]) - np.array(by_rule[rule]["transferred"])
    mean, sem, _ = mean_and_sem((lost / np.array(by_rule["backprop"]["fixed"])).tolist())
    return mean, sem


def transfer_matrix(found: dict[str, Any], rule: str) -> np.ndarray:
    """Return accuracy relative to backprop of the best draw of each setting in each setting.

    On the networks of tuning, so that the diagonal, not the rest, is too high by the choice of the
    best draw.

    Returns:
        (tuned in, applied in).
    """
    scores = np.array([found["tuning"][rule][s.name] for s in SETTINGS]).mean(2)
    backprop = [np.mean(found["transfer"][s.name]["backprop"]["fixed"]) for s in SETTINGS]
    return scores[:, scores.argmax(1)].T / backprop


def matrix_table(found: dict[str, Any]) -> str:
    """Return the mean over other settings of what coefficients of each setting reach there."""
    header = ["tuned in", *map(label_of, CONSTANT)]
    others = {rule: _off_diagonal(transfer_matrix(found, rule)) for rule in CONSTANT}
    rows = [
        [s.name, *(f"{means[place]:.2f}" for means in others.values())]
        for place, s in enumerate(SETTINGS)
    ]
    rows.append(["mean", *(f"{np.mean(means):.2f}" for means in others.values())])
    return markdown_table(header, rows)


def _off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the mean of each row without its diagonal entry."""
    n = len(matrix)
    return (matrix.sum(1) - matrix.diagonal()) / (n - 1)


def rank_correlation(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]) -> float:
    """Return Spearman's correlation of the draws' mean scores in two settings.

    >>> rank_correlation([[1.0], [2.0], [3.0]], [[0.1], [0.3], [0.2]])
    0.5
    """
    first, second = (pd.Series(np.mean(one, 1)).rank() for one in (a, b))
    return float(first.corr(second))


def good_draws(found: dict[str, Any], rule: str, setting: str) -> int:
    """Return how many draws come within a few percent of backprop."""
    backprop = np.mean(found["transfer"][setting]["backprop"]["fixed"])
    return int((np.mean(found["tuning"][rule][setting], 1) >= CLOSE * backprop).sum())


def eigenvalue_table(found: dict[str, Any]) -> str:
    """Return eta lambda at the authors' coefficients, smallest, median and largest."""
    defaults = default_coefficients()
    rules = ("constant_activation_alignment", "constant_information_alignment")
    rows = []
    for setting, one in found["theory"].items():
        row = [setting]
        for rule in rules:
            spectrum = [found["rate"] * v for v in eigenvalue_range(defaults[rule], one["spectra"])]
            row.append(", ".join(f"{value:.1e}" for value in spectrum))
            row.append(f"{PREDICTED / spectrum[2]:,.0f}")
        rows.append(row)
    header = ["setting"]
    for rule in rules:
        header += [label_of(rule), "stable up to"]
    return markdown_table(header, rows)


def ends_table(theory: dict[str, Any]) -> str:
    """Return norm and angle of the fixed points at the authors' coefficients."""
    rows = [
        [setting, *(f"{n:.2f}, {abs(angle):.0f}°" for n, angle in map(one["ends"].get, CONSTANT))]
        for setting, one in theory.items()
    ]
    return markdown_table(["setting", *map(label_of, CONSTANT)], rows)


def stability_table(found: dict[str, Any]) -> str:
    """Return how often draws that the eigenvalues call unstable collapsed, and others."""
    rows = []
    for rule in CONSTANT:
        unstable, stable = stability_counts(found, rule)
        rows.append([label_of(rule), f"{unstable[0]} of {unstable[1]}",
                     f"{stable[0]} of {stable[1]}"])  # fmt: skip
    return markdown_table(["rule", "called unstable: collapsed", "called stable: collapsed"], rows)


def stability_counts(found: dict[str, Any], rule: str) -> tuple[list[int], list[int]]:
    """Return for unstable and for stable draws of all settings: how many collapsed, of how many."""
    counts = {True: [0, 0], False: [0, 0]}
    for setting, scores in found["tuning"][rule].items():
        spectra = found["theory"][setting]["spectra"]
        backprop = np.mean(found["transfer"][setting]["backprop"]["fixed"])
        for draw, score in zip(draws_of(rule), scores, strict=True):
            largest = found["rate"] * eigenvalue_range(draw, spectra)[2]
            count = counts[bool(largest > PREDICTED)]
            count[0] += bool(np.mean(score) < COLLAPSED * backprop)
            count[1] += 1
    return counts[True], counts[False]


def curve_table(curves: dict[Line, list[Any]], name: str, x: Sequence[float]) -> str:
    """Return mean accuracy and s.e.m. of every line at every x."""
    rows = []
    for line, points in curves.items():
        form = "" if line.form == "reference" else f", {line.form}"
        cells = ["{:.2f} ± {:.2f}".format(*mean_and_sem(p["accuracy"])[:2]) for p in points]
        rows.append([label_of(line.rule) + form, *cells])
    return markdown_table([f"rule \\ {name}", *(f"{value:g}" for value in x)], rows)
