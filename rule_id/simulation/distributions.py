"""What a plan may write where a number or a name is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rule_id.errors import InputError

__all__ = ["Distribution", "parse_distribution"]

_FORMS = "a value, {choice = [...]}, {uniform = [low, high]} or {log_uniform = [low, high]}"


@dataclass(frozen=True)
class Distribution:
    """A value, or how to draw one.

    Attributes:
        kind: `choice`, `uniform` or `log_uniform`; a fixed value is a choice of one.
        values: The choices, each a `Distribution` or a plain value, or (low, high).
    """

    kind: str
    values: tuple[Any, ...]

    def draw(self, generator: np.random.Generator) -> Any:
        """Draw one value."""
        if self.kind == "choice":
            value = self.values[int(generator.integers(len(self.values)))]
            return value.draw(generator) if isinstance(value, Distribution) else value
        low, high = self.values
        if self.kind == "uniform":
            return float(generator.uniform(low, high))
        return float(math.exp(generator.uniform(math.log(low), math.log(high))))

    def written(self) -> Any:
        """Return what a plan would write."""
        values = [v.written() if isinstance(v, Distribution) else v for v in self.values]
        return values[0] if self.kind == "choice" and len(values) == 1 else {self.kind: values}

    def support(self) -> list[Any]:
        """Return all choices, or the two ends of a range: what has to be valid."""
        nested = [v.support() if isinstance(v, Distribution) else [v] for v in self.values]
        return [value for values in nested for value in values]


def parse_distribution(written: Any) -> Distribution:
    """Turn what a plan writes into a `Distribution`.

    Args:
        written: A plain value, or a table of one key: `choice` (a list of one or more, which may
            hold tables again), `uniform` or `log_uniform` (two numbers, low < high).

    Raises:
        InputError: It is none of these.

    >>> parse_distribution({"choice": [0.0, {"log_uniform": [1e-5, 1e-3]}]}).support()
    [0.0, 1e-05, 0.001]
    """
    if isinstance(written, Distribution):
        return written
    if not isinstance(written, dict):
        if isinstance(written, list):
            raise InputError(f"must be {_FORMS}; got a list")
        return Distribution("choice", (written,))
    if len(written) != 1 or next(iter(written)) not in ("choice", "uniform", "log_uniform"):
        raise InputError(f"must be {_FORMS}; got the keys {', '.join(written) or 'none'}")
    kind, values = next(iter(written.items()))
    if kind == "choice":
        if not isinstance(values, list) or not values:
            raise InputError(f"choice must be a list of one value or more; got {values!r}")
        return Distribution(
            "choice", tuple(parse_distribution(v) if isinstance(v, dict) else v for v in values)
        )
    return Distribution(kind, _range(kind, values))


def _range(kind: str, values: Any) -> tuple[float, float]:
    lowest = 0.0 if kind == "log_uniform" else -math.inf
    if (
        not isinstance(values, list)
        or len(values) != 2
        or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values)
        or not lowest < values[0] < values[1] < math.inf
    ):
        positive = "positive " if kind == "log_uniform" else ""
        raise InputError(f"{kind} must be two {positive}numbers, low < high; got {values!r}")
    return float(values[0]), float(values[1])
