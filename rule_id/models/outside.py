"""How far a recording lies from the networks of training, and in what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rule_id.models.patterns import feature_observables

__all__ = ["FALSE_ALARMS", "StickingOut", "deviations", "distances", "edge", "sticking_out"]

FALSE_ALARMS = 0.01
"""Share of held-out networks that lie outside by the definition of what is."""

LARGEST = 10.0
"""What one feature can count for at most."""


@dataclass(frozen=True)
class StickingOut:
    """A feature that lies outside the range of training.

    Attributes:
        feature: Its name.
        layer: Name of the layer.
        value: What was recorded.
        low: The 0.5% quantile of training.
        high: The 99.5% quantile.
        deviation: How many times as far from the median of training as that quantile.
    """

    feature: str
    layer: str
    value: float
    low: float
    high: float
    deviation: float

    def __str__(self) -> str:
        """Say it in words."""
        scale = " (signed log)" if self.feature.rpartition(".")[2] in ("start", "end") else ""
        return (
            f"{self.feature} of {self.layer}: {self.value:.3g}, usual {self.low:.3g} to "
            f"{self.high:.3g}{scale}"
        )


def deviations(values: np.ndarray, quantiles: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return how far each feature is from its median, 1 at the quantile on that side.

    Args:
        values: Features (n, d), NaN where not recorded.
        quantiles: The 0.5%, 50% and 99.5% quantiles of training (3, d), NaN where never measured.
        names: Names of the features (d,).

    Returns:
        Shape (n, d), from 0 to 10; NaN for depth flags and what cannot be compared.
    """
    low, middle, high = quantiles
    away = values - middle
    width = np.where(away < 0, middle - low, high - middle)
    # Of a feature that was the same in all of training any other value is as unusual as can be.
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(away == 0, 0.0, np.abs(away) / width)
    result[:, feature_observables(names) == ""] = np.nan
    return np.asarray(np.minimum(result, LARGEST))


def distances(
    values: np.ndarray, quantiles: np.ndarray, names: Sequence[str], networks: np.ndarray
) -> np.ndarray:
    r"""Return how far each network lies from those of training.

    .. math:: D = \sqrt{\mathrm{mean}_{layers, features} \min(z, 10)^2}

    z is what `deviations` returns, so that a network of which every feature lies at the edge of its
    usual range has D = 1; the mean is over what was recorded.

    Args:
        values: Features (n, d) of layers.
        quantiles: As in `deviations`.
        names: Names of the features (d,).
        networks: The network of each layer (n,).

    Returns:
        One distance a network, in the order of the sorted ids; 0 where nothing can be compared.
    """
    squares = deviations(values, quantiles, names) ** 2
    _, index = np.unique(networks, return_inverse=True)
    sums = np.bincount(index, np.nansum(squares, axis=1))
    counts = np.bincount(index, (~np.isnan(squares)).sum(axis=1))
    return np.sqrt(sums / np.maximum(1, counts))


def edge(held_out: Sequence[float]) -> float:
    """Return the distance beyond which `FALSE_ALARMS` of held-out networks lie, or the largest."""
    return float(np.quantile(held_out, 1 - FALSE_ALARMS, method="higher"))


def sticking_out(
    values: np.ndarray,
    quantiles: np.ndarray,
    names: Sequence[str],
    layers: Sequence[str],
    most: int = 5,
) -> list[StickingOut]:
    """Return the features that lie farthest outside their range, the farthest first.

    Args:
        values: Features (n, d) of the layers of one recording, in the order of its layers.
        quantiles: As in `deviations`.
        names: Names of the features (d,).
        layers: Names of the layers (n,).
        most: How many to return, of different features.
    """
    found = np.nan_to_num(deviations(values, quantiles, names))
    where = found.argmax(axis=0)
    peaks = found.max(axis=0)
    order = [k for k in np.argsort(-peaks, kind="stable")[:most] if peaks[k] > 1]
    low, _, high = quantiles
    return [
        StickingOut(
            names[k],
            layers[where[k]],
            float(values[where[k], k]),
            float(low[k]),
            float(high[k]),
            float(peaks[k]),
        )
        for k in order
    ]
