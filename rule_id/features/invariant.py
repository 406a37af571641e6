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
    units = _units(values)
    powers = units[..., None] ** np.arange(_HIGHEST_POWER + 1)
    norms = _or_nan(units[:, _UNITS.index("weight")])
    root_n = {
        "activation": np.sqrt(np.asarray(n_units, dtype=np.float64)),
        "weight": _first_finite(values, "weight_raw_norm") / norms,
    }
    scales = powers[:, _UNIT, _POWER]
    for observable, root in root_n.items():
        scales[:, _NORMS[observable]] *= root[:, None]

    result = np.empty((*values.shape[:2], len(INVARIANT_STATISTICS)))
    result[..., : len(STATISTICS)] = values
    result[..., -1] = _of(result, "activation_raw_third_quartile")
    result[..., -1] -= _of(result, "activation_raw_median")
    result /= _or_nan(scales)[:, None]
    return result


def _units(values: np.ndarray) -> np.ndarray:
    """Return the units (rows, 4) in which statistics are measured, in the order of `_UNITS`."""
    squares = [*(f"{name}_sq_mean" for name in OBSERVABLES), "activation_raw_var"]
    return np.sqrt(np.stack([_first_finite(values, name) for name in squares], axis=1))


def _unit(name: str) -> int:
    return _UNITS.index("std" if name in MEASURED_IN_STD else observable_of(name))


def _power(name: str) -> int:
    function, statistic = _function_and_statistic(name)
    return _FUNCTION_POWER[function] * _STATISTIC_POWER.get(statistic, 1)


def _norms(observable: str) -> list[int]:
    return [
        index
        for index, name in enumerate(INVARIANT_STATISTICS)
        if observable_of(name) == observable and _function_and_statistic(name)[1] == "norm"
    ]


def _function_and_statistic(name: str) -> tuple[str, str]:
    function, _, statistic = name.removeprefix(observable_of(name) + "_").partition("_")
    return function, statistic


def _of(values: np.ndarray, name: str) -> np.ndarray:
    return values[..., STATISTICS.index(name)]


def _first_finite(values: np.ndarray, name: str) -> np.ndarray:
    """Return a statistic at the first checkpoint where it was measured (rows,), as float64."""
    of = _of(values, name).astype(np.float64)
    index = np.isfinite(of).argmax(axis=1)
    return of[np.arange(len(of)), index]


def _or_nan(denominator: np.ndarray) -> np.ndarray:
    """Return NaN where a denominator is 0."""
    return np.where(denominator == 0, np.nan, denominator)


# Looked up once: a name costs more than the arithmetic of the few rows of one pass.
_UNITS = (*OBSERVABLES, "std")
_UNIT = np.array([_unit(name) for name in INVARIANT_STATISTICS])
_POWER = np.array([_power(name) for name in INVARIANT_STATISTICS])
_HIGHEST_POWER = int(_POWER.max())
_NORMS = {observable: _norms(observable) for observable in ("activation", "weight")}
