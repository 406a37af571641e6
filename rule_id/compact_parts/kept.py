"""Which statistics a compact corpus keeps, and what follows from them."""

from __future__ import annotations

import numpy as np

from rule_id.errors import InputError
from rule_id.schema import STATISTICS

__all__ = ["DERIVED", "KEPT", "LOST", "NOT_NEGATIVE", "complete", "number_of_weights"]

KEPT: dict[str, str | None] = {
    "activity_change_abs_mean": None,
    "activity_change_raw_mean": "activity_change_abs_mean",
    "activity_change_sq_mean": "activity_change_abs_mean",
    "weight_raw_mean": "activity_change_raw_mean",
    "weight_raw_median": None,
    "weight_raw_third_quartile": None,
    "weight_raw_var": None,
    "weight_raw_kurtosis": None,
    "weight_abs_mean": "weight_raw_var",
    "weight_abs_var": "weight_raw_var",
    "weight_abs_median": "weight_abs_mean",
    "weight_abs_third_quartile": "weight_abs_mean",
    "activation_sq_mean": None,
    "activation_raw_norm": "activation_sq_mean",
    "activation_raw_var": "activation_sq_mean",
    "activation_abs_mean": "activation_raw_norm",
    "activation_raw_mean": "activation_abs_mean",
    "activation_abs_median": None,
    "activation_raw_median": "activation_abs_median",
    "activation_abs_third_quartile": "activation_abs_mean",
    "activation_raw_third_quartile": "activation_abs_third_quartile",
    "activation_raw_skew": None,
    "activation_raw_kurtosis": None,
}
"""Each statistic kept, and the one before it in this list that its course resembles most.

The two courses are subtracted, which saves a sixth of the space: half of all networks have relu
units, whose activations are their own magnitudes, and norms, variances and squares move together.
"""

DERIVED = (
    "weight_raw_norm",
    "weight_raw_skew",
    "weight_abs_norm",
    "weight_abs_skew",
    "weight_sq_mean",
    "weight_sq_median",
    "weight_sq_third_quartile",
    "activation_abs_norm",
)
"""What is computed from what is kept."""

LOST = tuple(name for name in STATISTICS if name not in KEPT and name not in DERIVED)
"""What is missing in a compact corpus."""

TOLERANCE = 1e-3

# Neither a magnitude, nor a square, nor what is made of them can be below 0.
_SIGNED = ("mean", "median", "third_quartile", "skew")
NOT_NEGATIVE = tuple(name for name in KEPT if "_raw_" not in name or not name.endswith(_SIGNED))

Array = np.ndarray


def complete(kept: dict[str, Array], n_weights: Array) -> dict[str, Array]:
    r"""Return all 45 statistics, given those that are kept.

    The weights w of a layer are one tensor of n entries. With m = mean(w), v = var(w):
    mean(w²) = v + m², w and |w| have the norm \sqrt{n (v + m²)}, quantiles of w² are squares of
    those of |w|, and skew is 3 (mean - median) / std, which lies between -3 and 3. Statistics
    of activations are means over stimuli, of which only the norm of |y|, that of y, follows. (The
    variance of |w|, v + m² - mean(|w|)², is kept: as a difference of large numbers it would lose
    its own changes.)

    Args:
        kept: Arrays (n, T) of float32 by name, all of `KEPT`.
        n_weights: Number of weights of each layer (n,), NaN where it is not known.

    Returns:
        Arrays (n, T) of float32 by name; those of `LOST` are NaN.
    """
    signless = {name: np.maximum(kept[name], np.float32(0)) for name in NOT_NEGATIVE}
    own = {name: x.astype(np.float64) for name, x in (kept | signless).items()}
    raw, size = (
        {name: own[f"weight_{function}_{name}"] for name in ("mean", "median", "var", _QUARTILE)}
        for function in ("raw", "abs")
    )
    with np.errstate(over="ignore", invalid="ignore"):
        power = raw["var"] + raw["mean"] ** 2
        norm = np.sqrt(n_weights[:, None] * power)
        derived = {
            "weight_raw_norm": norm,
            "weight_raw_skew": _skew(raw),
            "weight_abs_norm": norm,
            "weight_abs_skew": _skew(size),
            "weight_sq_mean": power,
            "weight_sq_median": size["median"] ** 2,
            "weight_sq_third_quartile": size[_QUARTILE] ** 2,
            "activation_abs_norm": own["activation_raw_norm"],
        }
        found = kept | signless | {name: x.astype(np.float32) for name, x in derived.items()}
    missing = np.full_like(norm, np.nan, dtype=np.float32)
    return {name: _finite(found.get(name, missing)) for name in STATISTICS}


def number_of_weights(x: dict[str, Array], source: str) -> Array:
    """Return the number of weights (n,) of each layer, NaN where none was measured.

    It is the square of norm over root mean square, at the first checkpoint that has both.

    Args:
        x: Arrays (n, T) of original statistics by name.
        source: Where they come from, for messages.

    Raises:
        InputError: Norm and root mean square go apart over time, so that they are not of one
            tensor, or squares are not those of magnitudes, and nothing follows from what is kept.
    """
    own = {name: x[f"weight_{name}"].astype(np.float64) for name in ("raw_norm", "raw_var")}
    mean, median = (x[f"weight_{name}"].astype(np.float64) for name in ("raw_mean", "abs_median"))
    power = own["raw_var"] + mean**2
    ratio = np.divide(own["raw_norm"], np.sqrt(power), out=np.full_like(power, np.nan),
                      where=power > 0)  # fmt: skip
    measured = np.isfinite(ratio)
    first = ratio[np.arange(len(ratio)), measured.argmax(axis=1)]
    silent = ~measured.any(axis=1) & np.isfinite(power).any(axis=1)
    squares = x["weight_sq_median"].astype(np.float64)
    for found, expected in ((ratio, first[:, None]), (squares, median**2)):
        with np.errstate(invalid="ignore", over="ignore"):
            wrong = np.abs(found - expected) > TOLERANCE * np.abs(expected)
        if (wrong & np.isfinite(found) & (np.abs(found) > _SMALLEST)).any():
            raise InputError(
                f"{source}: statistics of weights must be of one tensor, as simulate takes them, "
                "for some are computed from others; norms, variances and squares do not agree"
            )
    return np.where(silent, 0.0, np.rint(first**2))


_QUARTILE = "third_quartile"

_SMALLEST = 1e-30
"""Below it single precision has few digits left."""


def _skew(of: dict[str, Array]) -> Array:
    shift = 3 * (of["mean"] - of["median"])
    varies = of["var"] > 0
    skew = np.divide(shift, np.sqrt(of["var"]), out=np.full_like(shift, np.nan), where=varies)
    return skew.clip(-3, 3)


def _finite(x: Array) -> Array:
    return np.where(np.isfinite(x), x, np.float32(np.nan))
