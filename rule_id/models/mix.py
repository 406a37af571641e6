"""In which ways a classifier sees the networks that it learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rule_id.errors import InputError, one_of
from rule_id.features import Panel
from rule_id.models.patterns import TRAINED_GAPS
from rule_id.models.view import KINDS, kind_of_rows
from rule_id.trajectories import OBSERVABLES

__all__ = ["Mix"]


@dataclass(frozen=True)
class Mix:
    """The ways in which each network is seen that a classifier learns from.

    Attributes:
        complete: How often it is learned as it is seen completely, 1 or more.
        random: In how many random ways it is seen beside, 0 or more.
        kinds: What of ways to see, of `KINDS`, these are drawn from; of all where the corpus was
            measured in none of them.
        always: Observables that none of these lacks.

    Raises:
        InputError: A value is not allowed.
    """

    complete: int = 1
    random: int = 3
    kinds: tuple[str, ...] = KINDS
    always: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the values."""
        for name, least in (("complete", 1), ("random", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be {least} or more; got {getattr(self, name)}")
        if not self.kinds:
            raise InputError(f"kinds must name one or more of {', '.join(KINDS)}; got none")
        for kind in self.kinds:
            one_of("kind", kind, KINDS)
        for observable in self.always:
            one_of("observable", observable, OBSERVABLES)

    @property
    def gaps(self) -> list[tuple[str, ...]]:
        """Return those of `TRAINED_GAPS` that leave what no view lacks.

        >>> Mix(always=("activation", "weight")).gaps
        [('activity_change',)]
        """
        return [gap for gap in TRAINED_GAPS if not set(gap) & set(self.always)]

    def of(self, panels: dict[int, Panel]) -> list[int]:
        """Return the measurements of a corpus that views are drawn from, rising.

        Args:
            panels: The trajectories under each measurement.
        """
        kind_of = {number: kind_of_rows(panel.meta) for number, panel in panels.items()}
        return sorted(n for n, kind in kind_of.items() if kind in self.kinds) or sorted(panels)

    def __str__(self) -> str:
        """Say it in words.

        >>> str(Mix()), str(Mix(2, 1, ("exact",), ("weight",))), str(Mix(random=0))
        ('1 complete, 3 random', '2 complete, 1 random (exact, always weight)', '1 complete')
        """
        if not self.random:
            return f"{self.complete} complete"
        drawn = [] if self.kinds == KINDS else [" or ".join(self.kinds)]
        drawn += [f"always {' and '.join(self.always)}"] if self.always else []
        return f"{self.complete} complete, {self.random} random" + (
            f" ({', '.join(drawn)})" if drawn else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return vars(self) | {"kinds": list(self.kinds), "always": list(self.always)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Mix:
        """Return what `to_dict` gave."""
        sequences = {name: tuple(values[name]) for name in ("kinds", "always")}
        return Mix(**(values | sequences))
