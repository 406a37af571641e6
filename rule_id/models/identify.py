"""Which learning rule, or part of one, is behind a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract, mask_signal, split_name
from rule_id.models.advice import advise
from rule_id.models.bundle import Bundle, read_bundle
from rule_id.models.combine import combine_layers
from rule_id.models.conformal import prediction_set
from rule_id.models.identification import CAVEATS, Identification, LayerIdentification
from rule_id.models.patterns import feature_matrix, feature_observables, pattern_of
from rule_id.recordings import Recording, read_recording
from rule_id.reference import reference_path

__all__ = ["identify"]

Source = Recording | str | Path


def identify(
    recordings: Source | Sequence[Source], model: Bundle | str | Path | None = None
) -> list[Identification]:
    """Rank what may be behind recordings: learning rules, or what else the bundle identifies.

    Args:
        recordings: One or several recordings, or their files.
        model: A bundle or its folder; None for the reference bundle that fits the signal.

    Returns:
        One answer a recording, in the same order.

    Raises:
        InputError: A recording or the bundle cannot be read, or they do not fit each other.
    """
    several = [recordings] if isinstance(recordings, Recording | str | Path) else recordings
    read = [r if isinstance(r, Recording) else read_recording(r) for r in several]
    bundles: dict[str, Bundle] = {}
    answers = []
    for recording in read:
        kind = "" if model is not None else _reference_kind(recording.signal)
        if kind not in bundles:
            bundles[kind] = _bundle(model, kind)
        answers.append(_identify(recording, bundles[kind]))
    return answers


def _reference_kind(signal: str) -> str:
    return "summary" if signal == "model" else "invariant"


def _bundle(model: Bundle | str | Path | None, kind: str) -> Bundle:
    if isinstance(model, Bundle):
        return model
    if model is not None:
        return read_bundle(model)
    folder = reference_path(kind)
    if not folder.is_dir():
        raise InputError(
            "model must be given: this installation has no reference bundle "
            f"rule_id/reference/{kind}"
        )
    return read_bundle(folder)


def _identify(recording: Recording, bundle: Bundle) -> Identification:
    table = _features(recording, bundle)
    layers = bundle.predict_proba(table)
    network = combine_layers(layers, table.meta["network"].to_numpy(dtype=object))[1][0]
    values = feature_matrix(table, bundle.feature_names)
    pattern = _pattern(recording, values, bundle)
    members = prediction_set(network, bundle.conformal[pattern])
    score = bundle.scores[pattern]["network"]
    return Identification(
        name=recording.name,
        target=bundle.target,
        ranked=_ranked(bundle.classes, network),
        families=_families(bundle, network),
        layers=[
            LayerIdentification(int(layer), str(name), _ranked(bundle.classes, probabilities))
            for layer, name, probabilities in zip(
                table.meta["layer"], table.meta["layer_name"], layers, strict=True
            )
        ],
        set=members,
        warnings=[
            *recording.warnings,
            *_signal_warnings(recording.signal),
            *advise(bundle, values, pattern, members),
            *CAVEATS,
        ],
        observables=pattern,
        held_out_accuracy=float(score["accuracy"]),
        chance=float(score["chance"]),
    )


def _features(recording: Recording, bundle: Bundle) -> FeatureTable:
    """Extract the bundle's features, or say why the recording does not fit it."""
    if recording.signal != "model" and bundle.feature_set != "invariant":
        raise InputError(
            f"recording {recording.name}: the signal {recording.signal} has arbitrary units, so "
            "the model must be trained on the feature set invariant, not "
            f"{bundle.feature_set}; use the reference bundle or train one on that set"
        )
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


def _pattern(recording: Recording, values: np.ndarray, bundle: Bundle) -> str:
    """Return the pattern of the observables of which a feature is left."""
    left = feature_observables(bundle.feature_names)[~np.isnan(values).all(axis=0)]
    pattern = pattern_of(left)
    if not pattern:
        raise InputError(
            f"recording {recording.name}: it must hold an observable that the signal "
            f"{recording.signal} leaves usable, activation first of all; nothing is left"
        )
    return pattern


def _signal_warnings(signal: str) -> list[str]:
    if signal == "model":
        return []
    warnings = [
        "The networks of training are simulated; a recording of a brain is not exchangeable with "
        "them, so accuracy and set are at best an orientation."
    ]
    if signal == "calcium":
        warnings.append(
            "Of a calcium signal only what its unknown offset leaves unchanged is used; held-out "
            "accuracy and set are those of complete activation statistics."
        )
    return warnings


def _families(bundle: Bundle, probabilities: np.ndarray) -> list[tuple[str, float]]:
    if not bundle.families:
        return []
    names = sorted(set(bundle.families.values()))
    member = np.array([[bundle.families[one] == name for one in bundle.classes] for name in names])
    return _ranked(names, member @ probabilities)


def _ranked(names: list[str], probabilities: np.ndarray) -> list[tuple[str, float]]:
    order = np.argsort(-probabilities, kind="stable")
    return [(names[k], float(probabilities[k])) for k in order]
