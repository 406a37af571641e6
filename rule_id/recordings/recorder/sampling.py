"""What is kept of layers that are too large to be kept whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rule_id.errors import InputError
from rule_id.observables.draws import generator

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """How much is kept of each layer; more is drawn from, the same at every checkpoint.

    Attributes:
        units: Most units; None for all.
        stimuli: Most stimuli (positions, time steps and calls counted); None for all.
        weights: Most weights; None for all.
        seed: Of the draws.

    Raises:
        InputError: A limit is not a whole number of 1 or more, or None.
    """

    units: int | None
    stimuli: int | None
    weights: int | None
    seed: int

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        for what in ("units", "stimuli", "weights"):
            most = getattr(self, what)
            if most is not None and (type(most) is not int or most < 1):
                raise InputError(
                    f"max_{what} must be a whole number, 1 or more, or None for all; got {most!r}"
                )
        if type(self.seed) is not int or self.seed < 0:
            raise InputError(f"seed must be a whole number, 0 or more; got {self.seed!r}")

    def kept(self, what: str, layer: str, n: int) -> np.ndarray | None:
        """Return the places that are kept, ascending, or None for all n of them.

        Args:
            what: `units`, `stimuli` or `weights`.
            layer: The layer's name: other layers have other draws.
            n: How many there are.
        """
        most = getattr(self, what)
        if most is None or n <= most:
            return None
        source = generator(self.seed, f"{what} {layer}", 0, 0)
        return np.sort(source.choice(n, most, replace=False))
