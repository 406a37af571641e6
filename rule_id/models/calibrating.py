"""What networks of unseen blocks say of a classifier, seen in every way that there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rule_id.features import FeatureTable
from rule_id.models.combine import name_networks
from rule_id.models.conformal import calibrate
from rule_id.models.outside import distances
from rule_id.models.patterns import feature_matrix, hide, network_ids
from rule_id.models.scores import chance_accuracy, holding
from rule_id.models.temperature import fit_temperature, tempered
from rule_id.models.view import Cell, View

__all__ = ["Calibration", "HeldOut", "calibrate_views", "parts_of_classes", "pooled", "summed"]

MOST_DISTANCES = 500
"""Distances that are kept of a way to see; of more networks, evenly spread quantiles."""


@dataclass(frozen=True)
class HeldOut:
    """Networks of unseen blocks, all seen in one way.

    Attributes:
        view: The way; its observables are replaced by each pattern of them.
        table: The features of their layers.
    """

    view: View
    table: FeatureTable


@dataclass(frozen=True)
class Calibration:
    """What a bundle knows of how far it can be trusted.

    Attributes:
        temperatures: `{kind: {pattern: T}}`, at which probabilities of networks explain the labels
            of these best (`fit_temperature`): layers are combined as if all said the same, which
            leaves what is said of the network too unsure. All that follows is of probabilities
            at this temperature.
        cells: How well networks were named, for each way to see them.
        conformal: Sorted nonconformity scores, `{kind: {pattern: {class: [...]}}}`, of every
            network once, seen in one way of that kind that was drawn for it. The temperature was
            chosen on the same networks: one number from hundreds, by which a new network is hardly
            less like them.
        distances: Sorted distances of the same from those of training, `{kind: {pattern: [...]}}`.
    """

    temperatures: dict[str, dict[str, float]]
    cells: list[Cell]
    conformal: dict[str, dict[str, dict[str, list[float]]]]
    distances: dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class _Answers:
    """What is said of the m networks of one `HeldOut`."""

    networks: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    distances: np.ndarray

    def tempered(self, temperature: float) -> _Answers:
        return replace(self, probabilities=tempered(self.probabilities, temperature))


def calibrate_views(
    classifier: Any,
    held_out: Iterable[HeldOut],
    patterns: dict[str, tuple[str, ...]],
    names: list[str],
    target: str,
    parts: dict[str, dict[str, str]],
    quantiles: np.ndarray,
    seed: int,
) -> Calibration:
    """Find out how well a classifier does, for each way to see networks.

    Args:
        classifier: A fitted classifier.
        held_out: Networks that it was not fitted to, in several ways.
        patterns: Patterns of observables by name, those that the classifier takes.
        names: The features that it takes (d,).
        target: What it identifies.
        parts: What else follows from a class, such as `{"family": {class: family}}`.
        quantiles: Of the features of training (3, d).
        seed: Seed of the draw of views.
    """
    seen: list[tuple[View, _Answers]] = []
    for one in held_out:
        values = feature_matrix(one.table, names)
        for pattern, recorded in patterns.items():
            rows = holding(values, names, recorded)
            if rows.any():
                hidden = hide(values[rows], names, recorded)
                kept = one.table.rows(rows)
                found = _answers(classifier, hidden, kept, names, target, quantiles)
                seen.append((replace(one.view, observables=pattern), found))
    return _calibration(seen, classifier.classes_, parts, seed)


def _calibration(
    seen: list[tuple[View, _Answers]], classes: np.ndarray, parts: dict[str, Any], seed: int
) -> Calibration:
    alike: dict[tuple[str, str], list[_Answers]] = defaultdict(list)
    for view, found in seen:
        alike[view.kind, view.observables].append(found)
    temperatures: dict[str, Any] = defaultdict(dict)
    conformal: dict[str, Any] = defaultdict(dict)
    far: dict[str, Any] = defaultdict(dict)
    for (kind, pattern), several in alike.items():
        drawn = _one_view_each(several, seed)
        names = classes.tolist()
        temperature = fit_temperature(drawn.probabilities, drawn.labels, names)
        drawn = drawn.tempered(temperature)
        temperatures[kind][pattern] = temperature
        conformal[kind][pattern] = _rounded(calibrate(drawn.probabilities, drawn.labels, names))
        far[kind][pattern] = _thinned(drawn.distances)
    cells = [
        _cell(view, found.tempered(temperatures[view.kind][view.observables]), classes, parts)
        for view, found in seen
    ]
    return Calibration(dict(temperatures), cells, dict(conformal), dict(far))


def parts_of_classes(classes: list[str], families: dict[str, str], target: str) -> dict[str, Any]:
    """Return what follows from each class: its family, and of a rule its credit assignment.

    >>> parts_of_classes(["backprop+adam"], {"backprop+adam": "backprop"}, "rule")
    {'credit_assignment': {'backprop+adam': 'backprop'}, 'family': {'backprop+adam': 'backprop'}}
    """
    parts: dict[str, Any] = {}
    if target == "rule":
        parts["credit_assignment"] = {name: name.partition("+")[0] for name in classes}
    if families:
        parts["family"] = families
    return parts


def summed(
    probabilities: np.ndarray, classes: list[str], part: dict[str, str]
) -> tuple[list[str], np.ndarray]:
    """Return the values of a part of classes (j,) and their probabilities (..., j)."""
    names = sorted({part[one] for one in classes})
    member = np.array([[part[one] == name for name in names] for one in classes], dtype=float)
    return names, probabilities @ member


def pooled(
    probabilities: np.ndarray, classes: list[str], part: dict[str, str]
) -> tuple[list[str], np.ndarray]:
    r"""Return what `summed` returns, where each value is as probable as any other beforehand.

    .. math:: p_j \propto \frac{1}{n_j} \sum_{c \in j} p_c

    n_j is the number of classes with the value. Sums alone would favour a value with more classes,
    as backprop with more optimizers, before anything is seen.
    """
    names, sums = summed(probabilities, classes, part)
    held = np.array([sum(part[one] == name for one in classes) for name in names])
    shares = sums / held
    return names, shares / shares.sum(axis=-1, keepdims=True)


def _answers(
    classifier: Any,
    values: np.ndarray,
    table: FeatureTable,
    names: list[str],
    target: str,
    quantiles: np.ndarray,
) -> _Answers:
    ids = network_ids(table.meta)
    networks, probabilities = name_networks(classifier, values, ids)
    first = np.unique(ids, return_index=True)[1]
    meta = table.meta.iloc[first]
    return _Answers(
        meta["network"].to_numpy(dtype=object).astype(str),
        meta[target].to_numpy(dtype=object).astype(str),
        probabilities,
        distances(values, quantiles, names, ids),
    )


def _cell(
    view: View, found: _Answers, classes: np.ndarray, parts: dict[str, dict[str, str]]
) -> Cell:
    named = classes[found.probabilities.argmax(axis=1)]
    accuracy = {"class": float((named == found.labels).mean())}
    chance = {"class": chance_accuracy(found.labels, len(classes))}
    for part, of in parts.items():
        alike = part == "credit_assignment"
        names, each = (pooled if alike else summed)(found.probabilities, classes.tolist(), of)
        true = np.array([of[label] for label in found.labels])
        right = np.array(names)[each.argmax(axis=1)] == true
        accuracy[part] = float(right.mean())
        chance[part] = chance_accuracy(true, len(names))
        if alike:
            # Each as probable as any other, so each counts as much as any other.
            accuracy[part] = float(np.mean([right[true == name].mean() for name in set(true)]))
            chance[part] = 1 / len(names)
    return Cell(view, accuracy, chance, len(found.labels))


def _one_view_each(several: list[_Answers], seed: int) -> _Answers:
    """Return each network once, under one of the views in which it was seen.

    All views of a network would be as many scores that are nearly the same.
    """
    networks = np.concatenate([one.networks for one in several])
    order = np.random.default_rng([seed, 2]).permutation(len(networks))
    _, first = np.unique(networks[order], return_index=True)
    kept = order[first]
    return _Answers(
        networks[kept],
        np.concatenate([one.labels for one in several])[kept],
        np.concatenate([one.probabilities for one in several])[kept],
        np.concatenate([one.distances for one in several])[kept],
    )


def _thinned(distances: np.ndarray) -> list[float]:
    shares = np.linspace(0, 1, min(len(distances), MOST_DISTANCES))
    return [float(f"{d:.6g}") for d in np.quantile(distances, shares)]


def _rounded(scores: dict[str, list[float]]) -> dict[str, list[float]]:
    """Round up: fewer digits must not make sets smaller."""
    return {name: (np.ceil(np.array(own) * 1e6) / 1e6).tolist() for name, own in scores.items()}
