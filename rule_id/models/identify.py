"""Which learning rule, or part of one, is behind a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.features import FeatureTable
from rule_id.models.advice import advise, costs, signal_warnings
from rule_id.models.bundle import Bundle
from rule_id.models.calibrating import summed
from rule_id.models.conformal import MISCOVERAGE, prediction_set
from rule_id.models.evidence import Evidence, evidence_of
from rule_id.models.fit import (
    Fit,
    Named,
    best_fit,
    known_of,
    name_classes,
    outside_of,
    sees_no_learning,
)
from rule_id.models.identification import CAVEATS, Identification, LayerIdentification
from rule_id.models.menu import fitting, read_menu, reference_menu, shipped
from rule_id.models.network_map import Place, place_on
from rule_id.recordings import Reading, Recording, read_recordings

__all__ = ["Model", "identify", "open_menu"]

Source = Recording | str | Path
Model = Bundle | Sequence[Bundle] | str | Path


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
        menu = read_menu(shipped(model))
    else:
        menu = [model] if isinstance(model, Bundle) else list(model)
    targets = sorted({bundle.target for bundle in menu})
    if len(targets) != 1:
        raise InputError(
            f"model must be one or more bundles of one target; got {', '.join(targets) or 'none'}"
        )
    return menu


def _identify(recording: Recording, menu: Sequence[Bundle], level: float) -> Identification:
    fit = best_fit(recording, menu)
    bundle, signal = fit.bundle, recording.signal
    named = name_classes(fit, signal)
    calibration = known_of(bundle.conformal, fit.view)
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
        priors=_priors(bundle, named),
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
        evidence=_evidence(fit, named) if answered else None,
        place=None if constant else _place(fit),
        trained=_trained(bundle),
    )


def _evidence(fit: Fit, named: Named) -> Evidence:
    """Return what spoke for the first class; of pooled classes, for the best member of each."""
    best = {
        name: max((k for k in named.part if named.part[k] == name), key=dict(
            zip(fit.bundle.classes, named.whole, strict=True)
        ).__getitem__)
        for name, _ in _ranked(named.classes, named.network)[:2]
    }  # fmt: skip
    return evidence_of(fit.bundle, fit.values, *best.values())


def _place(fit: Fit) -> Place | None:
    bundle = fit.bundle
    if bundle.map is None:
        return None
    recorded = fit.view.observables.split("+")
    return place_on(bundle.map, fit.values, bundle.quantiles, bundle.feature_names, recorded)


def _trained(bundle: Bundle) -> dict[str, Any]:
    source = bundle.info["features"]
    return {
        "model": bundle.model,
        "feature_set": bundle.feature_set,
        "corpus": str(source.get("corpus", "")),
        "content_hash": str(source.get("content_hash", "")),
        "versions": bundle.versions,
    }


def _priors(bundle: Bundle, named: Named) -> dict[str, float]:
    """Return how probable each family is before anything is seen, named classes being alike."""
    families = list(_family_of(bundle, named).values())
    return {name: families.count(name) / len(families) for name in sorted(set(families))}


def _family_of(bundle: Bundle, named: Named) -> dict[str, str]:
    """Return the family of each class that is named."""
    return {named.part[name]: family for name, family in bundle.families.items()}


def _members(named: Named, calibration: dict, level: float) -> list[str]:
    """Return the prediction set, of the classes that are named, most probable first."""
    members = prediction_set(named.whole, calibration, miscoverage=1 - level)
    kept = {named.part[name] for name in members}
    return [name for name, _ in _ranked(named.classes, named.network) if name in kept]


def _families(bundle: Bundle, named: Named) -> list[tuple[str, float]]:
    if not bundle.families:
        return []
    # Of what is named, so that a family of one credit assignment is as probable as that is.
    return _ranked(*summed(named.network, named.classes, _family_of(bundle, named)))


def _layers(table: FeatureTable, named: Named) -> list[LayerIdentification]:
    return [
        LayerIdentification(int(layer), str(name), _ranked(named.classes, own))
        for layer, name, own in zip(
            table.meta["layer"], table.meta["layer_name"], named.layers, strict=True
        )
    ]


def _ranked(names: Sequence[str], probabilities: np.ndarray) -> list[tuple[str, float]]:
    order = np.argsort(-probabilities, kind="stable")
    return [(names[k], float(probabilities[k])) for k in order]
