"""What a recording is to a classifier: its features, how it sees its network, where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract, mask_signal, split_name
from rule_id.models.bundle import Bundle
from rule_id.models.calibrating import parts_of_classes, pooled
from rule_id.models.combine import name_networks
from rule_id.models.identification import Outside
from rule_id.models.menu import fitting
from rule_id.models.outside import distances, edge, sticking_out
from rule_id.models.patterns import feature_matrix, feature_observables, pattern_of
from rule_id.models.temperature import tempered
from rule_id.models.view import Cell, View, nearest, view_of_rows
from rule_id.recordings import Recording

__all__ = ["Fit", "Named", "best_fit", "known_of", "name_classes", "outside_of", "sees_no_learning"]

T = TypeVar("T")

KIND_OF_SIGNAL = {
    "model": "exact",
    "rate": "poisson",
    "deconvolved": "poisson",
    "calcium": "calcium",
}
"""The simulated way to see that is most like a signal."""


@dataclass(frozen=True)
class Fit:
    """A classifier of a menu and what a recording is to it.

    Attributes:
        bundle: The classifier.
        table: The recording's features.
        values: Those that the classifier takes (layers, d).
        view: How the recording sees its network.
        cell: How well held-out networks were named that were seen most nearly so.
    """

    bundle: Bundle
    table: FeatureTable
    values: np.ndarray
    view: View
    cell: Cell


@dataclass(frozen=True)
class Named:
    """What a classifier says of a recording.

    Attributes:
        target: What the classes are.
        classes: The k classes.
        layers: Probabilities (n, k) of each layer.
        network: Probabilities (k,) of the network, at the temperature of its view.
        whole: Those of the bundle's own classes.
        part: What class of `classes` each of those belongs to.
    """

    target: str
    classes: list[str]
    layers: np.ndarray
    network: np.ndarray
    whole: np.ndarray
    part: dict[str, str]


def best_fit(recording: Recording, menu: Sequence[Bundle]) -> Fit:
    """Return the classifier of a menu that is best for what was recorded.

    That is the one that named most held-out networks; classifiers whose networks were seen less
    like the recording than another's come after it, for theirs may have been easier to name.

    Raises:
        InputError: None fits, or nothing is left of the recording.
    """
    bundles = fitting(menu, recording.signal, recording.name)
    fits = [fit for fit in (_fit(recording, bundle) for bundle in bundles) if fit is not None]
    if not fits:
        raise InputError(
            f"recording {recording.name}: it must hold an observable that the signal "
            f"{recording.signal} leaves usable, activation first of all; nothing is left"
        )
    return min(fits, key=lambda fit: (fit.cell.view.unlike(fit.view), -fit.cell.accuracy["class"]))


def name_classes(fit: Fit, signal: str) -> Named:
    """Return what the classifier says of a recording; of a brain's rule, the credit assignment.

    Probabilities of rules are then pooled over optimizers, whose traces depend on how fast a
    simulation learns, so that each credit assignment is as probable as any other beforehand.
    """
    bundle, target, classes = fit.bundle, fit.bundle.target, fit.bundle.classes
    layers = bundle.predict_proba(fit.table)
    (combined,) = name_networks(bundle.classifier, fit.values, np.zeros(len(layers)))[1]
    network = whole = tempered(combined, known_of(bundle.temperatures, fit.view))
    part = {name: name for name in classes}
    if signal != "model" and target == "rule":
        target = "credit_assignment"
        part = parts_of_classes(bundle.classes, bundle.families, "rule")[target]
        classes, layers = pooled(layers, bundle.classes, part)
        _, network = pooled(network, bundle.classes, part)
    return Named(target, classes, layers, network, whole, part)


def sees_no_learning(recording: Recording, bundle: Bundle) -> bool:
    """Say whether nothing changes in a recording, for which the classifier has no class."""
    return recording.is_constant and "no_learning" not in bundle.classes


def _fit(recording: Recording, bundle: Bundle) -> Fit | None:
    """Return what a recording is to a classifier; None where nothing is left of it."""
    table = _features(recording, bundle)
    values = feature_matrix(table, bundle.feature_names)
    left = feature_observables(bundle.feature_names)[~np.isnan(values).all(axis=0)]
    pattern = pattern_of(left)
    if pattern not in bundle.patterns:
        return None
    rows = recording.trajectories.rows
    kind = KIND_OF_SIGNAL[recording.signal]
    view = view_of_rows(rows, pattern, int(rows["checkpoint"].nunique()), kind)
    cell = nearest(bundle.cells, view)
    return None if cell is None else Fit(bundle, table, values, view, cell)


def _features(recording: Recording, bundle: Bundle) -> FeatureTable:
    """Extract the bundle's features, or say why the recording does not fit it."""
    names = bundle.feature_names
    trained = len({split_name(name)[1] for name in names if ".checkpoint_" in name})
    n_checkpoints = int(recording.trajectories.rows["checkpoint"].nunique())
    if trained not in (0, n_checkpoints):
        raise InputError(
            f"recording {recording.name}: a model of the feature set trajectory takes the number "
            f"of checkpoints it was trained on, {trained}; got {n_checkpoints}; use a model of "
            "the set summary or invariant"
        )
    paper = bool(bundle.info["features"].get("paper", False))
    table = extract(recording.trajectories, bundle.feature_set, paper=paper)
    return mask_signal(table, recording.signal)


def known_of(by_kind: dict[str, dict[str, T]], view: View) -> T:
    """Return what is known of networks seen in this way, or else in the most usual one."""
    kinds = [view.kind, *by_kind]
    return next(
        by_kind[k][view.observables] for k in kinds if view.observables in by_kind.get(k, {})
    )


def outside_of(fit: Fit) -> Outside:
    """Return where a recording lies among the networks that a classifier was trained on."""
    bundle, names = fit.bundle, fit.bundle.feature_names
    held_out = known_of(bundle.distances, fit.view)
    (distance,) = distances(fit.values, bundle.quantiles, names, np.zeros(len(fit.values)))
    return Outside(
        float(distance),
        edge(held_out),
        len(held_out),
        sticking_out(
            fit.values, bundle.quantiles, names, fit.table.meta["layer_name"].astype(str).tolist()
        ),
    )
