"""Deciding while a recording grows: how sure to be, so that hardly a wrong rule is announced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rule_id.features import Panel, extract_panel, mask_fluorescence
from rule_id.models.calibrating import pooled
from rule_id.models.combine import name_networks
from rule_id.models.patterns import feature_matrix, hide
from rule_id.models.scores import holding
from rule_id.models.temperature import tempered

__all__ = ["RATES", "Deciding", "Decisions", "decisions_of", "threshold"]

RATES = (0.01, 0.05, 0.1, 0.2)
"""Rates of wrong announcements for which times to a decision are kept."""


@dataclass(frozen=True)
class Deciding:
    """What held-out networks say of looking at a recording again and again.

    Attributes:
        looks: How often each was looked at, after every checkpoint but the first.
        networks: Number of networks.
        blocks: Number of their blocks.
        thresholds: For each of `RATES`, how probable a class must be to be announced (`threshold`).
        times: For each of `RATES`, `{"decided": share that is announced rightly, "wrong": share
            of wrong announcements, "progress": quartiles of the share of training after which what
            is announced is right, null where nothing is}`.
        settled: Quartiles of the share of training after which the class that ranks first is the
            true one and stays so, over the networks where it is in the end; null without.
    """

    looks: int
    networks: int
    blocks: int
    thresholds: dict[str, float]
    times: dict[str, dict[str, Any]]
    settled: list[float] | None

    def threshold(self, rate: float) -> float:
        """Return how probable a class must be to be announced at one of `RATES`."""
        return self.thresholds[f"{rate:g}"]


Decisions = dict[str, dict[str, dict[str, Deciding]]]
"""`{kind of view: {"class" | "credit_assignment": {pattern: Deciding}}}`."""


def threshold(peaks: list[float] | np.ndarray, rate: float) -> float:
    r"""Return the least probability above which a wrong class is ever announced at most at a rate.

    A class is announced when it ranks first with at least this probability t at any look. A further
    network, exchangeable with those of calibration, has a wrong announcement with probability at
    most

    .. math:: \frac{1 + \#\{i: peak_i \ge t\}}{n + 1} \le rate

    whatever the number of looks, for its peak is the highest over all of them.

    Args:
        peaks: For each of n held-out networks the highest probability that was ever given to a
            wrong class that ranked first; 0 where none did.
        rate: In (0, 1).

    Returns:
        The threshold; above 1, so that nothing is announced, where n is below 1 / rate - 1.

    Source: conformal risk control with a 0-1 loss that falls with the threshold, Angelopoulos et
    al., ICLR 2024; here the loss is that of a whole sequence of looks.

    >>> threshold([0.2, 0.5, 0.9], 0.5) > 0.5, threshold([0.2, 0.5, 0.9], 0.5) < 0.51
    (True, True)
    """
    allowed = math.floor(rate * (len(peaks) + 1) + 1e-9) - 1
    if allowed < 0:
        return 2.0
    falling = np.sort(np.asarray(peaks, dtype=float))[::-1]
    return float(np.nextafter(falling[allowed], 2.0)) if allowed < len(falling) else 0.0


def decisions_of(
    classifier: Any,
    growing: Mapping[str, Panel],
    feature_set: str,
    patterns: dict[str, tuple[str, ...]],
    names: list[str],
    target: str,
    parts: Mapping[str, dict[str, str]],
    temperatures: Mapping[str, Mapping[str, float]],
) -> Decisions:
    """Look at held-out networks while they learn, and say how that went.

    Args:
        classifier: A fitted classifier.
        growing: Their trajectories for each kind of view.
        feature_set: What the classifier is fitted to.
        patterns: The observables of each pattern, by its name.
        names: Names of its features (d,).
        target: What it identifies.
        parts: What else is announced, see `parts_of_classes`; of them the credit assignment.
        temperatures: Of probabilities of networks, `{kind: {pattern: T}}`.
    """
    announced = {"class": {name: name for name in classifier.classes_.tolist()}}
    announced |= {name: part for name, part in parts.items() if name == "credit_assignment"}
    result: Decisions = {}
    for kind, panel in growing.items():
        looks = _looks(panel, feature_set, names)
        for pattern, recorded in patterns.items():
            rows = holding(looks[-1], names, recorded)
            if not rows.any():
                continue
            paths, labels, blocks = _paths(
                classifier, looks, rows, panel.meta, recorded, names, target
            )
            paths = tempered(paths, temperatures[kind][pattern])
            for what, part in announced.items():
                classes, sums = pooled(paths, classifier.classes_.tolist(), part)
                true = np.array([part[label] for label in labels])
                found = _deciding(sums, true, np.array(classes), blocks)
                result.setdefault(kind, {}).setdefault(what, {})[pattern] = found
    return result


def _looks(panel: Panel, feature_set: str, names: list[str]) -> list[np.ndarray]:
    """Return the features (n, d) at each checkpoint but the first, of what was seen until then."""
    fewest = int(panel.n_checkpoints.min())
    looks = []
    for k in range(2, fewest + 1):
        table = mask_fluorescence(extract_panel(panel.seen(np.arange(k)), feature_set))
        looks.append(feature_matrix(table, names))
    return looks


def _paths(
    classifier: Any,
    looks: list[np.ndarray],
    rows: np.ndarray,
    meta: pd.DataFrame,
    recorded: tuple[str, ...],
    names: list[str],
    target: str,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return probabilities (looks, m, k) of m networks, their labels (m,) and number of blocks."""
    own = meta[rows]
    networks = own["network"].to_numpy(dtype=object)
    first = np.unique(networks, return_index=True)[1]
    paths = [name_networks(classifier, hide(x[rows], names, recorded), networks)[1] for x in looks]
    labels = own[target].to_numpy(dtype=object)[first].astype(str)
    return np.stack(paths), labels, int(own["block"].nunique())


def _deciding(paths: np.ndarray, labels: np.ndarray, classes: np.ndarray, blocks: int) -> Deciding:
    """Return how looking at m networks went.

    Args:
        paths: Probabilities (looks, m, k), evenly spread over training to its end.
        labels: True classes (m,).
        classes: The k classes.
        blocks: Number of blocks.
    """
    progress = np.arange(1, len(paths) + 1) / len(paths)
    top = paths.max(axis=2)
    right = classes[paths.argmax(axis=2)] == labels
    # Rounded up, as fewer digits must not make a threshold lower.
    peaks = np.ceil(np.where(right, 0.0, top).max(axis=0) * 1e4) / 1e4
    thresholds = {f"{rate:g}": threshold(peaks, rate) for rate in RATES}
    times = {}
    for rate in RATES:
        announced = top >= thresholds[f"{rate:g}"]
        wrong = (announced & ~right).any(axis=0)
        good = (announced & right).any(axis=0) & ~wrong
        first = (announced & right).argmax(axis=0)[good]
        times[f"{rate:g}"] = {
            "decided": float(good.mean()),
            "wrong": float(wrong.mean()),
            "progress": _quartiles(progress[first]),
        }
    # The first look from which on all are right.
    since = len(paths) - np.cumprod(right[::-1], axis=0).sum(axis=0)
    settled = _quartiles(progress[since[since < len(paths)]])
    return Deciding(len(paths), len(peaks), blocks, thresholds, times, settled)


def _quartiles(values: np.ndarray) -> list[float] | None:
    return [float(q) for q in np.quantile(values, [0.25, 0.5, 0.75])] if len(values) else None
