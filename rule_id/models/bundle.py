"""A trained classifier on disk, with all that identification needs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.documents import read_json
from rule_id.errors import InputError, one_of
from rule_id.features.table import FeatureTable
from rule_id.features.targets import TARGETS, WITH_FAMILIES, wording
from rule_id.folders import replaced_folder
from rule_id.models.deciding import RATES, Deciding, Decisions
from rule_id.models.network_map import NetworkMap
from rule_id.models.packing import pack, unpack
from rule_id.models.patterns import PATTERNS, feature_matrix
from rule_id.models.stored import read_classifier, stored_classifier
from rule_id.models.view import KINDS, Cell
from rule_id.storage import local_copy, remote_of, sent_to

__all__ = ["BUNDLE_SCHEMA_VERSION", "MANIFEST", "Bundle", "check_destination", "read_bundle"]

BUNDLE_SCHEMA_VERSION = 6

MANIFEST = "manifest.json"
_MODEL_FILES = {
    "linear": "linear.json.xz",
    "xgboost": "model.json.xz",
    "combined": "combined.json.xz",
}


@dataclass(frozen=True)
class Bundle:
    """A trained classifier and what must be known to use it.

    Attributes:
        model: `linear`, `xgboost` or `combined`.
        target: What it identifies, one of `TARGETS`.
        classifier: The fitted classifier.
        classes: The k values of the target, in the order of the columns of `predict_proba`.
        families: The family of each class; empty for the targets `family` and `optimizer`, which
            have nothing above the class.
        feature_names: The d features, in the order the classifier takes them.
        feature_set: The feature set they belong to.
        hyperparameters: Parameters of the classifier that were chosen.
        test_blocks: Blocks that took no part in fitting or choosing.
        scores: On the networks of those, seen completely, `{pattern of observables: {"layer" |
            "network": {"accuracy", "balanced_accuracy", "chance", "n"}}}`, one entry for each
            pattern of the observables that it takes.
        temperatures: What probabilities of networks are tempered with, `{kind of view: {pattern:
            T}}`; see `Calibration`.
        conformal: Sorted nonconformity scores of the same, `{kind of view: {pattern: {class:
            [...]}}}`.
        cells: How well the same were named, for each way to see them.
        distances: How far they lie from the networks of training, sorted, `{kind: {pattern:
            [...]}}`.
        decisions: How well they were named while they grew, `{kind: {"class" | "credit_assignment":
            {pattern: Deciding}}}`; empty for a bundle that was trained on a feature table.
        quantiles: Shape (3, d), the 0.5%, 50% and 99.5% quantiles of the features of training; NaN
            for a feature that was never measured.
        versions: Versions of the packages that trained it.
        info: How it was trained: the features' own info, seed, numbers of networks, ...
        map: Where some of the held-out networks lie in a plane; None where it is not known.
    """

    model: str
    target: str
    classifier: Any = field(repr=False)
    classes: list[str]
    families: dict[str, str]
    feature_names: list[str] = field(repr=False)
    feature_set: str
    hyperparameters: dict[str, Any]
    test_blocks: list[int] = field(repr=False)
    scores: dict[str, Any] = field(repr=False)
    temperatures: dict[str, dict[str, float]] = field(repr=False)
    conformal: dict[str, dict[str, dict[str, list[float]]]] = field(repr=False)
    cells: list[Cell] = field(repr=False)
    distances: dict[str, dict[str, list[float]]] = field(repr=False)
    decisions: Decisions = field(repr=False)
    quantiles: np.ndarray = field(repr=False)
    versions: dict[str, str]
    info: dict[str, Any]
    map: NetworkMap | None = field(default=None, repr=False)

    @property
    def patterns(self) -> list[str]:
        """The patterns of observables that it takes, the richest last."""
        return list(self.scores)

    def __str__(self) -> str:
        """Say in one line what it is and how it did on networks of unseen blocks."""
        whole = self.scores[self.patterns[-1]]["network"]
        k = len(self.classes)
        alone = ""
        if "activation" in self.patterns[:-1]:
            few = self.scores["activation"]["network"]["accuracy"]
            alone = f", from activations alone {few:.2f}"
        text = (
            f"{self.model} on {len(self.feature_names)} {self.feature_set} features, "
            f"{k} {wording(self.target).many}; {whole['n']} networks of unseen blocks: accuracy "
            f"{whole['accuracy']:.2f}{alone} (chance {whole['chance']:.2f})"
        )
        if whole["chance"] != 1 / k:
            # A fit in which classes weigh the same is not one that names the commonest.
            text += f"; balanced accuracy {whole['balanced_accuracy']:.2f} (chance {1 / k:.2f})"
        if apart := self.info.get("n_set_apart"):
            text += f"; {apart} networks that the plan set apart were not used"
        return text

    def predict_proba(self, features: FeatureTable) -> np.ndarray:
        """Return the probability of each class for each row, shape (n, k).

        Raises:
            InputError: The table is of another feature set or lacks features.
        """
        if features.feature_set != self.feature_set:
            raise InputError(
                f"features must be of the set {self.feature_set}, on which the bundle was "
                f"trained; got {features.feature_set}"
            )
        matrix = feature_matrix(features, self.feature_names)
        return np.asarray(self.classifier.predict_proba(matrix))

    def write(self, path: str | Path) -> None:
        """Write the bundle as a folder, complete or not at all; an older bundle is replaced.

        Raises:
            InputError: Something else than a bundle has this name.
        """
        check_destination(path)
        packed = pack(stored_classifier(self.model, self.classifier))
        with sent_to(path) as place, replaced_folder(place.resolve()) as folder:
            (folder / _MODEL_FILES[self.model]).write_bytes(packed)
            (folder / MANIFEST).write_text(self._manifest(packed), encoding="utf-8")

    def _manifest(self, packed: bytes) -> str:
        # Not dataclasses.asdict, which would copy the classifier.
        values = {name: getattr(self, name) for name in _KEYS}
        bounds = [[None if np.isnan(v) else float(v) for v in row] for row in self.quantiles]
        manifest = {
            "schema_version": BUNDLE_SCHEMA_VERSION,
            **values,
            "cells": [cell.to_dict() for cell in self.cells],
            "decisions": {
                kind: {
                    what: {pattern: vars(one) for pattern, one in by_pattern.items()}
                    for what, by_pattern in announced.items()
                }
                for kind, announced in self.decisions.items()
            },
            "quantiles": bounds,
            "map": None if self.map is None else self.map.to_dict(),
            "sha256": hashlib.sha256(packed).hexdigest(),
        }
        # A line for each: readable, and a third of the size of a line for each number.
        lines = (f"{json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in manifest.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


_KEYS = [member.name for member in fields(Bundle) if member.name not in ("classifier", "map")]


def read_bundle(path: str | Path) -> Bundle:
    """Read a bundle; nothing in it can run code.

    Args:
        path: A folder written by `Bundle.write`.

    Raises:
        InputError: The folder or a file is missing or damaged, was written by another version, or
            the classifier is not the one that was written; or the target is unknown.
    """
    folder = local_copy(path)
    manifest = _read_manifest(folder)
    try:
        values = _checked_values(manifest)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"{folder / MANIFEST} must be that of a bundle: {error!r}") from None
    file = folder / _MODEL_FILES[values["model"]]
    if not file.is_file():
        raise InputError(f"{folder} must hold the classifier as {file.name}; there is no such file")
    packed = file.read_bytes()
    if hashlib.sha256(packed).hexdigest() != manifest["sha256"]:
        raise InputError(f"{file} must be the file that its manifest names; the sha256 differs")
    document = unpack(packed, str(file))
    classifier = read_classifier(
        values["model"], document, len(values["feature_names"]), values["classes"], str(file)
    )
    return Bundle(classifier=classifier, **values)


def check_destination(path: str | Path) -> None:
    """Refuse a path at which something else than a bundle stands.

    Raises:
        InputError: The path exists and is not a bundle.
    """
    remote = remote_of(path)
    folder = Path(path) if remote is None else remote.fetched(missing_ok=True)
    if not folder.exists():
        return
    held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if MANIFEST not in held or not held <= {MANIFEST, *_MODEL_FILES.values()}:
        raise InputError(f"{folder} must be a new folder or a bundle to replace; it is neither")


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    if not file.is_file():
        raise InputError(f"{folder} must be a bundle, a folder with a {MANIFEST}; it has none")
    manifest = read_json(file, "that of a bundle")
    missing = [key for key in ("schema_version", *_KEYS, "sha256") if key not in manifest]
    if missing:
        raise InputError(f"{file} must be that of a bundle; {', '.join(missing)} is missing")
    if manifest["schema_version"] != BUNDLE_SCHEMA_VERSION:
        raise InputError(
            f"{file}: schema_version must be {BUNDLE_SCHEMA_VERSION}; "
            f"got {manifest['schema_version']!r}"
        )
    return manifest


def _checked_values(manifest: dict[str, Any]) -> dict[str, Any]:
    values = {key: manifest[key] for key in _KEYS}
    classes, names = values["classes"], values["feature_names"]
    for texts in (classes, names):
        if len(set(texts)) != len(texts) or not all(isinstance(text, str) for text in texts):
            raise ValueError("classes and feature_names must be texts, each once")
    if values["model"] not in _MODEL_FILES or len(classes) < 2:
        raise ValueError(f"model must be one of {', '.join(_MODEL_FILES)}, for 2 classes or more")
    one_of("target", values["target"], TARGETS)
    if set(values["families"]) != set(classes if values["target"] in WITH_FAMILIES else ()):
        raise ValueError(
            f"families must name the family of each class for {' and '.join(WITH_FAMILIES)}, "
            "and be empty for other targets"
        )
    _check_calibration(values)
    if not isinstance(values["info"]["features"], dict):
        raise TypeError("info must say how the features were made")
    values["quantiles"] = np.array(values["quantiles"], dtype=np.float64)
    if values["quantiles"].shape != (3, len(names)):
        raise ValueError(f"quantiles must be 3 x {len(names)}")
    if (stored := manifest.get("map")) is not None:
        values["map"] = NetworkMap.from_dict(stored, len(names), classes)
    return values


def _check_calibration(values: dict[str, Any]) -> None:
    """Turn what is said of held-out networks into what `Bundle` holds."""
    patterns = list(values["scores"])
    if not patterns or not set(patterns) <= set(PATTERNS):
        raise ValueError(f"scores must be of one or more of {', '.join(PATTERNS)}")
    for pattern in patterns:
        for key in ("accuracy", "balanced_accuracy", "chance"):
            float(values["scores"][pattern]["network"][key])
    for kind, by_pattern in values["conformal"].items():
        one_of("kind", kind, KINDS)
        for pattern, scores in by_pattern.items():
            _temperature(values["temperatures"][kind][pattern])
            by_pattern[pattern] = {n: sorted(map(float, scores[n])) for n in values["classes"]}
            far = sorted(map(float, values["distances"][kind][pattern]))
            if not far:
                raise ValueError(f"distances of {kind} {pattern} must not be empty")
            values["distances"][kind][pattern] = far
    values["cells"] = [Cell.from_dict(cell) for cell in values["cells"]]
    if not values["cells"]:
        raise ValueError("cells must not be empty")
    values["decisions"] = {
        one_of("kind", kind, KINDS): {
            str(what): {
                one_of("pattern", pattern, patterns): _deciding(one)
                for pattern, one in by_pattern.items()
            }
            for what, by_pattern in announced.items()
        }
        for kind, announced in values["decisions"].items()
    }


def _temperature(stored: float) -> None:
    if not 0 < float(stored) < float("inf"):
        raise ValueError(f"temperatures must be above 0; got {stored}")


def _deciding(stored: dict[str, Any]) -> Deciding:
    return Deciding(
        int(stored["looks"]),
        int(stored["networks"]),
        int(stored["blocks"]),
        {f"{rate:g}": float(stored["thresholds"][f"{rate:g}"]) for rate in RATES},
        {str(rate): dict(times) for rate, times in stored["times"].items()},
        stored["settled"],
    )
