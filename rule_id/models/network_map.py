"""A two-dimensional map of simulated networks, small enough to travel with a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rule_id.models.patterns import feature_observables

__all__ = ["MOST_POINTS", "NetworkMap", "Place", "map_networks", "place_on"]

MOST_POINTS = 400
OBSERVABLES = ("activation", "weight", "activity_change")
_LARGEST = 3.0
"""How far one feature can count, in half widths of its usual range."""
_RIDGE = 0.1
"""Penalty, as a share of the mean variance within classes."""


@dataclass(frozen=True)
class NetworkMap:
    """Where held-out networks lie in the plane in which classes differ most.

    Attributes:
        axes: What each feature adds to both coordinates (d, 2), per half width of its usual range.
        points: What each observable adds to the coordinates of each network (n, 3, 2), so that a
            network can be shown as if fewer observables had been recorded.
        labels: The class of each network (n,).
    """

    axes: np.ndarray
    points: np.ndarray
    labels: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, to three digits."""
        return {
            "axes": _rounded(self.axes),
            "points": _rounded(self.points),
            "labels": self.labels,
        }

    @classmethod
    def from_dict(
        cls, stored: dict[str, Any], n_features: int, classes: Sequence[str]
    ) -> NetworkMap:
        """Return what was stored.

        Raises:
            ValueError: It does not belong to so many features or to these classes.
        """
        axes = np.array(stored["axes"], dtype=np.float64)
        points = np.array(stored["points"], dtype=np.float64)
        labels = [str(label) for label in stored["labels"]]
        if axes.shape != (n_features, 2) or points.shape != (len(labels), len(OBSERVABLES), 2):
            raise ValueError(f"map must have 2 axes of {n_features} features and a point a label")
        if not (
            np.isfinite(axes).all() and np.isfinite(points).all() and set(labels) <= set(classes)
        ):
            raise ValueError("map must hold finite numbers, and labels that are classes")
        return cls(axes, points, labels)


@dataclass(frozen=True)
class Place:
    """Where a recording lies among simulated networks that are seen through the same observables.

    Attributes:
        point: Its coordinates (2,).
        others: Those of the simulated networks (n, 2).
        labels: Their classes (n,).
    """

    point: np.ndarray
    others: np.ndarray
    labels: list[str]


def map_networks(
    fitted: tuple[np.ndarray, np.ndarray, np.ndarray],
    tested: tuple[np.ndarray, np.ndarray, np.ndarray],
    quantiles: np.ndarray,
    names: Sequence[str],
    seed: int,
) -> NetworkMap:
    r"""Return the plane in which classes differ most, with networks that did not choose it.

    The axes w maximise w' (S_b + e S_t) w / w' (S_w + r I) w, with S_b, S_w and S_t the scatter
    between classes, within and in all: linear discriminants with a ridge r, and with a little of
    the total scatter so that two classes have two axes as well.

    Args:
        fitted: Features (n, d), labels (n,) and networks (n,) of layers, for the axes.
        tested: The same of held-out networks, for the points, 400 at most.
        quantiles: The 0.5%, 50% and 99.5% quantiles of training (3, d).
        names: Names of the features (d,).
        seed: Seed of the choice of points.
    """
    from scipy.linalg import eigh

    X, labels = _networks(*fitted, quantiles, names)
    classes, index = np.unique(labels, return_inverse=True)
    means = np.stack([X[labels == name].mean(axis=0) for name in classes])[index]
    total = np.cov(X.T)
    between, within = np.cov(means.T), np.cov((X - means).T)
    ridge = (_RIDGE * np.trace(within) / len(names) + 1e-6) * np.eye(len(names))
    d = len(names)
    axes = eigh(between + 1e-3 * total, within + ridge, subset_by_index=[d - 2, d - 1])[1][:, ::-1]
    axes = axes / np.maximum((X @ axes).std(axis=0), 1e-9)
    Y, true = _networks(*tested, quantiles, names)
    kept = np.sort(np.random.default_rng([seed, 4]).permutation(len(Y))[:MOST_POINTS])
    return NetworkMap(axes, _parts(Y[kept], axes, names), true[kept].tolist())


def place_on(
    map_: NetworkMap,
    values: np.ndarray,
    quantiles: np.ndarray,
    names: Sequence[str],
    recorded: Sequence[str],
) -> Place:
    """Return where a recording lies, with the networks seen through the same observables.

    Args:
        map_: The map.
        values: Features (n, d) of the layers of one recording.
        quantiles: As of `map_networks`.
        names: Names of the features (d,).
        recorded: The observables that were recorded.
    """
    X, _ = _networks(values, np.zeros(len(values)), np.zeros(len(values)), quantiles, names)
    seen = [place for place, name in enumerate(OBSERVABLES) if name in recorded]
    (own,) = _parts(X, map_.axes, names)[:, seen].sum(axis=1)
    return Place(own, map_.points[:, seen].sum(axis=1), map_.labels)


def _networks(
    values: np.ndarray, labels: np.ndarray, networks: np.ndarray, quantiles: np.ndarray,
    names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return the mean over layers of each network, 0 where a feature was not measured."""
    low, middle, high = quantiles
    width = (high - low) / 2
    known = np.isfinite(width) & (width > 0) & (feature_observables(names) != "")
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(known, (values - middle) / width, 0.0)
    z = np.clip(np.nan_to_num(z), -_LARGEST, _LARGEST)
    _, first, index = np.unique(networks, return_index=True, return_inverse=True)
    sums = np.zeros((len(first), z.shape[1]))
    np.add.at(sums, index, z)
    return sums / np.bincount(index)[:, None], labels[first]


def _rounded(values: np.ndarray) -> list:
    """Return nested lists of numbers with three digits, a third of the text of all digits."""
    digits = [float(f"{value:.3g}") for value in values.ravel()]
    return np.array(digits).reshape(values.shape).tolist()


def _parts(X: np.ndarray, axes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return what each observable adds to the coordinates of each network (n, 3, 2)."""
    of = feature_observables(names)
    return np.stack([X[:, of == one] @ axes[of == one] for one in OBSERVABLES], axis=1)
