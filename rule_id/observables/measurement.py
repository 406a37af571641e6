"""What an experimenter could see of a network: which units, through which observation model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rule_id.errors import InputError, one_of

__all__ = ["COUNTS", "OBSERVATIONS", "Measurement", "n_kept"]

OBSERVATIONS = ("exact", "gaussian", "poisson", "calcium")
"""The observation models, by name; docs/measurements.md has their formulas."""

COUNTS = 10.0
"""Spikes that an active unit fires to a stimulus: 100 ms at 100 Hz, or ten trials at 10 Hz."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What an experimenter could see.

    `exact` and `gaussian` see all three observables. `poisson` and `calcium` see activations alone:
    who records spikes or fluorescence has neither weights nor slopes, and both are missing (NaN).

    Attributes:
        units: A fraction of each layer's units (float, above 0, at most 1) or a number (int, 1 or
            more). Of a convolution's weights, whose units share them by channel, the same fraction
            or number of its channels.
        noise_std: Gaussian noise in multiples of the standard deviation that a layer's noiseless
            signal has at the first checkpoint, added to every entry that is seen; 0 or more. Above
            0 it makes of `exact` `gaussian`. Counts have noise of their own and take no other.
        tracked: The same units at every checkpoint, or redrawn each time.
        observation: One of `OBSERVATIONS`.
        counts: For `poisson`, the mean number of spikes of a unit that is as active as active
            units of its layer are at the first checkpoint (their root mean square); above 0.
        pairs: Whether it is kept, too, what each two checkpoints say together
            (`rule_id.observables.pairs`).

    Raises:
        InputError: A value is out of range, `gaussian` has no noise, `poisson` has `noise_std`,
            or another model than `poisson` has `counts`.

    >>> Measurement(noise_std=0.5).observation, Measurement(observation="poisson").complete
    ('gaussian', False)
    """

    units: float | int = 1.0
    noise_std: float = 0.0
    tracked: bool = True
    observation: str = "exact"
    counts: float = COUNTS
    pairs: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be, and call noise by its name."""
        _check_ranges(self)
        if self.observation == "poisson" and self.noise_std:
            raise InputError(
                "noise_std must be 0 with the observation poisson, whose noise is that of the "
                f"counts; got {self.noise_std!r}"
            )
        if self.observation == "gaussian" and not self.noise_std:
            raise InputError("noise_std must be above 0 with the observation gaussian; got 0")
        if self.observation != "poisson" and self.counts != COUNTS:
            raise InputError(
                f"counts must come with the observation poisson; got {self.observation}"
            )
        if self.observation == "exact" and self.noise_std:
            object.__setattr__(self, "observation", "gaussian")

    def __eq__(self, other: object) -> bool:
        """Say whether it is the same; 1 unit and 1.0, all of them, are equal numbers."""
        return isinstance(other, Measurement) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Return a hash that goes with being the same."""
        return hash(repr(self))

    @property
    def complete(self) -> bool:
        """Whether all observables are seen, weights and activity changes too."""
        return self.observation in ("exact", "gaussian")


def _check_ranges(given: Measurement) -> None:
    one_of("observation", given.observation, OBSERVATIONS)
    whole = isinstance(given.units, int)
    if not (_number(given.units) and (given.units >= 1 if whole else 0 < given.units <= 1)):
        raise InputError(
            "units must be a fraction above 0 and at most 1.0, or a whole number of units, "
            f"1 or more; got {given.units!r}"
        )
    if not (_number(given.noise_std) and given.noise_std >= 0):
        raise InputError(f"noise_std must be a number, 0 or more; got {given.noise_std!r}")
    if not (_number(given.counts) and given.counts > 0):
        raise InputError(f"counts must be a number above 0; got {given.counts!r}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def n_kept(units: float | int, n: int) -> int:
    """Return how many of a layer's n units are seen.

    >>> n_kept(0.5, 3), n_kept(100, 64), n_kept(1, 64)
    (2, 64, 1)
    """
    # Rounded first: 0.07 x 100 is 7.000000000000001 in floating point, and means 7.
    return math.ceil(round(units * n, 9)) if isinstance(units, float) else min(units, n)
