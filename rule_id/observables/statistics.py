"""The 45 statistics of a layer, written once for NumPy arrays and torch tensors.

Every function aggregates over the last axis or the last two and keeps those before it, so that the
networks of an ensemble are measured by the same calls as one.

Source: Nayebi et al., "Identifying Learning Rules From Neural Network Observables", NeurIPS 2020.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from rule_id.observables.order import Order, order_of

__all__ = ["activation_statistics", "activity_change_statistics", "tensor_statistics"]

Array = Any
"""A NumPy array or a torch tensor."""


def tensor_statistics(x: Array, observable: str) -> dict[str, Array]:
    r"""Return the 21 statistics of the entries along the last axis.

    For each function g of the entries, raw (x), abs (|x|) and sq (x²), with y = g(x):
    `norm` = \sqrt{\sum y²}, `mean`, `median` and `third_quartile` (the nearest order statistic,
    the lower of two equally near), `var` = mean((y - mean)²), `skew` = 3 (mean - median) / std
    (Pearson's second coefficient), `kurtosis` = mean((y - mean)⁴) / var² (not excess).

    Args:
        x: Entries, shape (..., n), floating point, n >= 0.
        observable: The prefix of the names, `weight` or `activation`.

    Returns:
        `{"<observable>_<function>_<statistic>": array of shape (...)}`. A constant tensor has
        variance 0 and NaN skew and kurtosis; one with a non-finite entry, or none, is NaN
        throughout.
    """
    xp = array_namespace(x)
    if x.shape[-1] == 0:
        x = xp.zeros((*x.shape[:-1], 1), dtype=x.dtype) * xp.nan
    order = order_of(x, _ranks(x.shape[-1]))
    finite = xp.isfinite(order.low) & xp.isfinite(order.high)
    complete = bool(xp.all(finite))
    if not complete:
        x = xp.where(finite[..., None], x, xp.zeros_like(x))
        order = order_of(x, _ranks(x.shape[-1]))
    return {
        f"{observable}_{function}_{statistic}": value
        if complete
        else xp.where(finite, value, xp.nan)
        for function, table in _by_function(x, order).items()
        for statistic, value in table.items()
    }


def activation_statistics(x: Array) -> dict[str, Array]:
    """Return the 21 activation statistics: over units for each stimulus, then mean over stimuli.

    A stimulus to which all units respond alike has no skew and no kurtosis and is left out of the
    mean of those two.

    Args:
        x: Activations, shape (..., stimuli, units).

    Returns:
        `{"activation_<function>_<statistic>": array of shape (...)}`, NaN throughout where an
        entry is not finite.
    """
    xp = array_namespace(x)
    by_stimulus = tensor_statistics(x, "activation")
    # All at once: a call costs more than its arithmetic.
    values = xp.stack(list(by_stimulus.values()))
    with np.errstate(over="ignore", invalid="ignore"):
        means = _mean_of_defined(values)
    lacking = xp.any(xp.isnan(values), axis=-1)
    names = list(by_stimulus)
    if not bool(xp.any(lacking)):
        return {name: means[index] for index, name in enumerate(names)}
    # A stimulus may do without a shape; it lacks a mean where an entry is not finite, and another
    # statistic where that is too large.
    infinite = lacking[names.index("activation_raw_mean")]
    return {
        name: xp.where(
            infinite if name.endswith(("_skew", "_kurtosis")) else lacking[index],
            xp.nan,
            means[index],
        )
        for index, name in enumerate(names)
    }


def activity_change_statistics(x: Array) -> dict[str, Array]:
    """Return the 3 activity-change statistics: means over stimuli of raw, abs and sq.

    Args:
        x: For each stimulus the sum over input units of d(mean output unit) / d(input unit),
            shape (..., stimuli).

    Returns:
        `{"activity_change_<function>_mean": array of shape (...)}`.
    """
    xp = array_namespace(x)
    finite = xp.all(xp.isfinite(x), axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            f"activity_change_{function}_mean": xp.where(finite, xp.mean(y, axis=-1), xp.nan)
            for function, y in (("raw", x), ("abs", xp.abs(x)), ("sq", x * x))
        }


def _by_function(x: Array, order: Order) -> dict[str, dict[str, Array]]:
    xp = array_namespace(x)
    top = xp.maximum(xp.abs(order.low), xp.abs(order.high))
    # In units of the largest magnitude no power of an entry leaves the range of single precision.
    unit = xp.where(top > 0, top, xp.ones_like(top))
    x = x / unit[..., None]
    magnitude = xp.abs(x)
    one_value, one_size = order.low == order.high, order.least == top
    # What overflows is missing, as the schema of trajectories says of all that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        squares = [value**2 for value in order.magnitudes]
        return {
            "raw": _describe(x, unit, order.values, one_value),
            "abs": _describe(magnitude, unit, order.magnitudes, one_size),
            "sq": _describe(magnitude * magnitude, unit * unit, squares, one_size),
        }


def _describe(y: Array, unit: Array, quartiles: list[Array], constant: Array) -> dict[str, Array]:
    """Describe entries along the last axis.

    Args:
        y: Entries in multiples of `unit`, 1 at most.
        unit: Of each row, above 0.
        quartiles: Median and third quartile of the entries themselves.
        constant: Where all entries are equal, whatever rounding makes of their variance.
    """
    xp = array_namespace(y)
    n = y.shape[-1]
    median, third_quartile = quartiles
    mean = xp.mean(y, axis=-1)
    power = y - mean[..., None]
    var = xp.where(constant, xp.zeros_like(mean), xp.vecdot(power, power) / n)
    power *= power
    varies = var > 0
    divisor = xp.where(varies, var, xp.ones_like(var))
    skew = 3 * (mean - median / unit) / xp.sqrt(divisor)
    kurtosis = xp.vecdot(power, power) / n / divisor**2
    return {
        "norm": unit * xp.sqrt(xp.vecdot(y, y)),
        "mean": unit * mean,
        "median": median,
        "third_quartile": third_quartile,
        "var": unit * (unit * var),
        "skew": xp.where(varies, skew, xp.nan),
        "kurtosis": xp.where(varies, kurtosis, xp.nan),
    }


def _ranks(n: int) -> list[int]:
    """Return the ranks of the median and the third quartile, the nearest order statistics."""
    return [math.ceil(q * (n - 1) - 0.5) for q in (0.5, 0.75)]


def _mean_of_defined(x: Array) -> Array:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    xp = array_namespace(x)
    defined = ~xp.isnan(x)
    count = xp.sum(xp.astype(defined, x.dtype), axis=-1)
    total = xp.sum(xp.where(defined, x, xp.zeros_like(x)), axis=-1)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
