"""Which learning rule, or part of one, is behind a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract, mask_signal, split_name
from rule_id.models.advice import advise, costs
from rule_id.models.bundle import Bundle
from rule_id.models.calibrating import parts_of_classes, pooled, summed
from rule_id.models.combine import combine_layers
from rule_id.models.conformal import MISCOVERAGE, prediction_set
from rule_id.models.identification import CAVEATS, Identification, LayerIdentification, Outside
from rule_id.models.menu import fitting, read_menu, reference_menu
from rule_id.models.outside import distances, edge, sticking_out
from rule_id.models.patterns import feature_matrix, feature_observables, pattern_of
from rule_id.models.view import Cell, View, nearest, view_of_rows
from rule_id.recordings import Reading, Recording, read_recordings

__all__ = [
    "Fit",
    "Model",
    "Named",
    "best_fit",
    "identify",
    "name_classes",
    "open_menu",
    "outside_of",
    "sees_no_learning",
    "signal_warnings",
]

T = TypeVar("T")

Source = Recording | str | Path
Model = Bundle | Sequence[Bundle] | str | Path

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


def identify(
    recordings: Source | Sequence[Source],
    model: Model | None = None,
    *,
    reading: Reading | None = None,
    level: float = 1 - MISCOVERAGE,
) -> list[Identification]:
    """Rank what may be behind recordings: learning rules, or what else a bundle identifies.

    Of a menu of classifiers the one answers that named most of the held-out networks that were
    seen like the recording: through the same observables, with about as many units and
    checkpoints. Nothing is trained, and nothing that was not recorded is filled in.

    Args:
        recordings: One or several recordings, or their files: all NWB files among them are the
            sessions of one recording, and so are the sessions in a folder.
        model: A bundle, several, or a folder of one or of several; None for those that ship.
        reading: How files are to be read.
        level: Share of simulated networks whose prediction set is to hold the true class, in
            (0, 1).

    Returns:
        One answer a recording, those in memory first, then those of files in their order.

    Raises:
        InputError: A recording or the bundle cannot be read, or they do not fit each other.
    """
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1; got {level}")
    several = [recordings] if isinstance(recordings, Recording | str | Path) else recordings
    read = [one for one in several if isinstance(one, Recording)]
    files = [one for one in several if not isinstance(one, Recording)]
    if files:
        read += read_recordings(files, reading)
    menu = open_menu(model)
    return [_identify(recording, menu, level) for recording in read]


def open_menu(model: Model | None) -> list[Bundle]:
    """Return the bundles to choose from.

    Raises:
        InputError: None can be read, or they identify different targets.
    """
    if model is None:
        return reference_menu()
    if isinstance(model, str | Path):
        menu = read_menu(model)
    else:
        menu = [model] if isinstance(model, Bundle) else list(model)
    targets = sorted({bundle.target for bundle in menu})
    if len(targets) != 1:
        raise InputError(
            f"model must be one or more bundles of one target; got {', '.join(targets) or 'none'}"
        )
    return menu


def best_fit(recording: Recording, menu: Sequence[Bundle]) -> Fit:
    """Return the classifier of a menu that is best for what was recorded.

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
    return max(fits, key=lambda fit: fit.cell.accuracy["class"])


@dataclass(frozen=True)
class Named:
    """What a classifier says of a recording.

    Attributes:
        target: What the classes are.
        classes: The k classes.
        layers: Probabilities (n, k) of each layer.
        network: Probabilities (k,) of the network.
        whole: Those of the bundle's own classes.
        part: What class of `classes` each of those belongs to.
    """

    target: str
    classes: list[str]
    layers: np.ndarray
    network: np.ndarray
    whole: np.ndarray
    part: dict[str, str]


def name_classes(fit: Fit, signal: str) -> Named:
    """Return what the classifier says of a recording; of a brain's rule, the credit assignment.

    Probabilities of rules are then pooled over optimizers, whose traces depend on how fast a
    simulation learns, so that each credit assignment is as probable as any other beforehand.
    """
    bundle, target, classes = fit.bundle, fit.bundle.target, fit.bundle.classes
    layers = bundle.predict_proba(fit.table)
    network = whole = combine_layers(layers, np.zeros(len(layers)))[1][0]
    part = {name: name for name in classes}
    if signal != "model" and target == "rule":
        target = "credit_assignment"
        part = parts_of_classes(bundle.classes, bundle.families, "rule")[target]
        classes, layers = pooled(layers, bundle.classes, part)
        _, network = pooled(network, bundle.classes, part)
    return Named(target, classes, layers, network, whole, part)


def _identify(recording: Recording, menu: Sequence[Bundle], level: float) -> Identification:
    fit = best_fit(recording, menu)
    bundle, signal = fit.bundle, recording.signal
    named = name_classes(fit, signal)
    calibration = _of_kind(bundle.conformal, fit.view)
    members = _members(named, calibration, level)
    outside = outside_of(fit)
    constant = sees_no_learning(recording, bundle)
    # What a brain outside the simulated resembles most says nothing.
    answered = not constant and (signal == "model" or not outside)
    believed = answered and not outside
    return Identification(
        name=recording.name,
        signal=signal,
        target=named.target,
        n_classes=len(named.classes),
        constant=constant,
        ranked=_ranked(named.classes, named.network) if answered else [],
        families=_families(bundle, named) if answered else [],
        priors=_priors(bundle),
        layers=_layers(fit.table, named) if answered else [],
        set=members if believed else [],
        level=level,
        outside=outside,
        view=fit.view,
        cell=fit.cell,
        costs=costs(fitting(menu, signal, recording.name), fit.cell, named.target),
        warnings=[
            *recording.warnings,
            *signal_warnings(signal),
            *advise(named.target, calibration, members if believed else None, level),
            *(CAVEATS if answered else ()),
        ],
    )


def sees_no_learning(recording: Recording, bundle: Bundle) -> bool:
    """Say whether nothing changes in a recording, for which the classifier has no class."""
    return recording.is_constant and "no_learning" not in bundle.classes


def _priors(bundle: Bundle) -> dict[str, float]:
    """Return how probable each family is before anything is seen, all classes being alike."""
    families = list(bundle.families.values())
    return {name: families.count(name) / len(families) for name in sorted(set(families))}


def _members(named: Named, calibration: dict, level: float) -> list[str]:
    """Return the prediction set, of the classes that are named."""
    members = prediction_set(named.whole, calibration, miscoverage=1 - level)
    return list(dict.fromkeys(named.part[name] for name in members))


def _families(bundle: Bundle, named: Named) -> list[tuple[str, float]]:
    if not bundle.families:
        return []
    return _ranked(*summed(named.whole, bundle.classes, bundle.families))


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


def _of_kind(by_kind: dict[str, dict[str, T]], view: View) -> T:
    """Return what is known of networks seen in this way, or else in the most usual one."""
    kinds = [view.kind, *by_kind]
    return next(
        by_kind[k][view.observables] for k in kinds if view.observables in by_kind.get(k, {})
    )


def outside_of(fit: Fit) -> Outside:
    """Return where a recording lies among the networks that a classifier was trained on."""
    bundle, names = fit.bundle, fit.bundle.feature_names
    held_out = _of_kind(bundle.distances, fit.view)
    (distance,) = distances(fit.values, bundle.quantiles, names, np.zeros(len(fit.values)))
    return Outside(
        float(distance),
        edge(held_out),
        len(held_out),
        sticking_out(
            fit.values, bundle.quantiles, names, fit.table.meta["layer_name"].astype(str).tolist()
        ),
    )


def _layers(table: FeatureTable, named: Named) -> list[LayerIdentification]:
    return [
        LayerIdentification(int(layer), str(name), _ranked(named.classes, own))
        for layer, name, own in zip(
            table.meta["layer"], table.meta["layer_name"], named.layers, strict=True
        )
    ]


def signal_warnings(signal: str) -> list[str]:
    """Return what must be said of an answer for a signal that is not a model's."""
    if signal == "model":
        return []
    warnings = [
        "Probabilities, the set and its coverage are those of simulated networks and do not carry "
        "over to a brain, which is not exchangeable with them.",
        "Causes that were not modelled move these statistics too: arousal, movement, drift of the "
        "recording, changed inputs.",
    ]
    if signal == "calcium":
        warnings.append(
            "Of a calcium signal only what its unknown offset leaves unchanged is used, of the "
            "held-out networks too."
        )
    return warnings


def _ranked(names: Sequence[str], probabilities: np.ndarray) -> list[tuple[str, float]]:
    order = np.argsort(-probabilities, kind="stable")
    return [(names[k], float(probabilities[k])) for k in order]
