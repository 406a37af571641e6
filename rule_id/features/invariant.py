"""Statistics without the units of the laboratory that measured them."""

from __future__ import annotations

import numpy as np

from rule_id.trajectories import OBSERVABLES, STATISTICS, observable_of

__all__ = ["INVARIANT_STATISTICS", "SPREAD", "normalise"]

SPREAD = "activation_raw_spread"
"""Third quartile less median, which an offset common to all units leaves alone."""

INVARIANT_STATISTICS = (*STATISTICS, SPREAD)

MEASURED_IN_STD = ("activation_raw_var", SPREAD)
"""The statistics measured in standard deviations, for an offset moves the root mean square."""

_FUNCTION_POWER = {"raw": 1, "abs": 1, "sq": 2}
_STATISTIC_POWER = {"var": 2, "skew": 0, "kurtosis": 0}


def normalise(values: np.ndarray, n_units: np.ndarray) -> np.ndarray:
    """Divide each statistic by the matching power of its observable's first root mean square.

    A statistic that grows as c^p when its observable is multiplied by c is divided by rms^p, rms =
    sqrt(<observable>_sq_mean) at the layer's first checkpoint; norms also by sqrt(n), n being the
    number of units for activations and (raw norm / rms)^2 at the first checkpoint for weights.
    The variance of activations and their spread (third quartile less median) are divided by the
    standard deviation instead, so that an offset changes neither.

    Args:
        values: Statistics (rows, T, 45) in the order of `STATISTICS`, any unit.
        n_units: Number of units (rows,), used for the norms of activations alone.

    Returns:
        Dimensionless statistics (rows, T, 46) of float64 in the order of `INVARIANT_STATISTICS`;
        NaN where missing and for layers that are silent at the first checkpoint.
    """
    values = values.astype(np.float64)
    first = {name: _first_finite(_of(values, name)) for name in STATISTICS}
    rms = {name: np.sqrt(first[f"{name}_sq_mean"]) for name in OBSERVABLES}
    std = np.sqrt(first["activation_raw_var"])
    root_n = {"activation": np.sqrt(np.asarray(n_units, dtype=np.float64))}
    root_n["weight"] = _ratio(first["weight_raw_norm"], rms["weight"])

    spread = _of(values, "activation_raw_third_quartile") - _of(values, "activation_raw_median")
    scales = [_scale(name, rms, std, root_n) for name in INVARIANT_STATISTICS]
    return _ratio(
        np.concatenate([values, spread[..., None]], axis=2), np.stack(scales, axis=1)[:, None]
    )


def _scale(
    name: str, rms: dict[str, np.ndarray], std: np.ndarray, root_n: dict[str, np.ndarray]
) -> np.ndarray:
    observable = observable_of(name)
    function, statistic = name.removeprefix(observable + "_").split("_", 1)
    power = _FUNCTION_POWER[function] * _STATISTIC_POWER.get(statistic, 1)
    scale = (std if name in MEASURED_IN_STD else rms[observable]) ** power
    return scale * root_n[observable] if statistic == "norm" else scale


def _of(values: np.ndarray, name: str) -> np.ndarray:
    return values[..., STATISTICS.index(name)]


def _first_finite(values: np.ndarray) -> np.ndarray:
    index = np.isfinite(values).argmax(axis=1)
    return np.take_along_axis(values, index[:, None], axis=1)[:, 0]


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide, with NaN where the denominator is 0."""
    return numerator / np.where(denominator == 0, np.nan, denominator)
