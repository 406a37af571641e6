"""The 45 statistics of a layer, written once for NumPy arrays and torch tensors.

Every function aggregates over the last axis or the last two and keeps those before it, so that the
networks of an ensemble are measured by the same calls as one.

Source: Nayebi et al., "Identifying Learning Rules From Neural Network Observables", NeurIPS 2020.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

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
    finite = xp.all(xp.isfinite(x), axis=-1) & (x.shape[-1] > 0)
    x = xp.where(finite[..., None], x, xp.zeros_like(x))
    if x.shape[-1] == 0:
        x = xp.zeros((*x.shape[:-1], 1), dtype=x.dtype)
    magnitude = xp.abs(x)
    ordered = _sorted(x)
    # A layer behind a ReLU has no negative entry: one sort serves both.
    ordered_magnitude = ordered if bool(xp.all(ordered[..., 0] >= 0)) else _sorted(magnitude)
    tables = {
        "raw": _describe(x, _quartiles(ordered), ordered),
        "abs": _describe(magnitude, _quartiles(ordered_magnitude), ordered_magnitude),
        "sq": _describe(
            x * x, [quartile**2 for quartile in _quartiles(ordered_magnitude)], ordered_magnitude
        ),
    }
    return {
        f"{observable}_{function}_{statistic}": xp.where(finite, value, xp.nan)
        for function, table in tables.items()
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
    finite = xp.all(xp.isfinite(x), axis=(-2, -1))
    statistics = tensor_statistics(x, "activation")
    return {
        name: xp.where(finite, _mean_of_defined(value), xp.nan)
        for name, value in statistics.items()
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
    return {
        f"activity_change_{function}_mean": xp.where(finite, xp.mean(y, axis=-1), xp.nan)
        for function, y in (("raw", x), ("abs", xp.abs(x)), ("sq", x * x))
    }


def _describe(y: Array, quartiles: list[Array], ordered: Array) -> dict[str, Array]:
    """Describe y along its last axis; `ordered` says (first equals last) whether it is constant."""
    xp = array_namespace(y)
    median, third_quartile = quartiles
    mean = xp.mean(y, axis=-1)
    deviation = y - mean[..., None]
    constant = ordered[..., 0] == ordered[..., -1]
    var = xp.where(constant, xp.zeros_like(mean), xp.mean(deviation * deviation, axis=-1))
    # Entries too small to have a variance in this precision count as constant.
    std = xp.sqrt(xp.where(var > 0, var, xp.ones_like(var)))
    z_squared = (deviation / std[..., None]) ** 2
    return {
        "norm": xp.sqrt(xp.sum(y * y, axis=-1)),
        "mean": mean,
        "median": median,
        "third_quartile": third_quartile,
        "var": var,
        "skew": xp.where(var > 0, 3 * (mean - median) / std, xp.nan),
        "kurtosis": xp.where(var > 0, xp.mean(z_squared * z_squared, axis=-1), xp.nan),
    }


def _quartiles(ordered: Array) -> list[Array]:
    """Return the median and the third quartile as the nearest order statistics."""
    last = ordered.shape[-1] - 1
    return [ordered[..., math.ceil(q * last - 0.5)] for q in (0.5, 0.75)]


def _sorted(x: Array) -> Array:
    xp = array_namespace(x)
    if is_torch_array(x) and x.device.type == "cpu":
        # torch also carries the indices along; NumPy's vectorised sort was 4 to 25 times faster.
        return xp.asarray(np.sort(x.detach().numpy(), axis=-1))
    return xp.sort(x, axis=-1)


def _mean_of_defined(x: Array) -> Array:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    xp = array_namespace(x)
    defined = ~xp.isnan(x)
    count = xp.sum(xp.astype(defined, x.dtype), axis=-1)
    total = xp.sum(xp.where(defined, x, xp.zeros_like(x)), axis=-1)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
