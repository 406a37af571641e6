"""Learning-rate schedules: the factor on the learning rate over training.

Each is a function of progress p, the share of training that is done, from 0 to below 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rule_id.errors import one_of
from rule_id.rules.tensors import row_of

__all__ = ["SCHEDULES", "Schedule"]

WARM_UP, FLOOR, DROP = 0.1, 0.01, 0.1


def _constant(p: float) -> float:
    return 1.0


def _linear(p: float) -> float:
    return 1 - (1 - FLOOR) * p


def _cosine(p: float) -> float:
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * p)) / 2


def _exponential(p: float) -> float:
    return float(FLOOR**p)


def _steps(p: float) -> float:
    return 1.0 if p < 0.5 else DROP if p < 0.75 else DROP**2


def _warm_up_cosine(p: float) -> float:
    return max(p / WARM_UP, FLOOR) if p < WARM_UP else _cosine((p - WARM_UP) / (1 - WARM_UP))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "exponential": _exponential,
    "steps": _steps,
    "warm_up_cosine": _warm_up_cosine,
}
"""`constant` 1; `linear` 1 to 0.01; `cosine` the same along half a cosine; `exponential` 0.01^p;
`steps` a tenth at half of training and again at three quarters; `warm_up_cosine` rising from 0.01
to 1 in the first tenth, then `cosine`."""


class Schedule:
    """The schedules of an ensemble, one name a network."""

    def __init__(self, names: Sequence[str], steps: int, device: str, dtype: torch.dtype) -> None:
        """Make all factors at once, so that no step waits for the device.

        Args:
            names: Names in `SCHEDULES`, one a network (E,).
            steps: Steps of training.
            device: Where the factors are kept.
            dtype: Their precision.

        Raises:
            InputError: A name is not one of `SCHEDULES`.
        """
        used = sorted({one_of("schedule", name, SCHEDULES) for name in names})
        factors = [[SCHEDULES[name](step / steps) for name in used] for step in range(steps)]
        which = [used.index(name) for name in names]
        self._factors = torch.tensor(factors, dtype=dtype)[:, which].to(device)

    @property
    def mean(self) -> Tensor:
        """Mean of the factors of each network over training, (E,)."""
        return self._factors.mean(0)

    def factor(self, step: int | Tensor) -> Tensor:
        """Return the factor on the learning rate of each network at a step, (E,)."""
        return row_of(self._factors, step)
