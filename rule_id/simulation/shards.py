"""One of several jobs that do one thing together, without talking to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rule_id.errors import InputError
from rule_id.simulation.ensembles import Ensemble

__all__ = ["Shard", "read_shard"]


@dataclass(frozen=True)
class Shard:
    """Which of the jobs.

    Attributes:
        number: 1 for the first.
        of: How many there are.

    Raises:
        InputError: There is no such job.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 1 <= self.number <= self.of:
            raise InputError(
                f"shard must be i/N with i from 1 to N, such as 1/4; got {self.number}/{self.of}"
            )

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.number}/{self.of}"

    def own(
        self, ensembles: Sequence[Ensemble], cost: Callable[[Ensemble], float]
    ) -> list[Ensemble]:
        """Return the ensembles that this job simulates, about as much work as each other's.

        They are dealt in turns from the costliest to the cheapest, forth and back, whatever is
        done already, so that every ensemble is one job's in every run.

        Args:
            ensembles: All of a plan.
            cost: What an ensemble costs, in any unit.
        """
        ordered = sorted(ensembles, key=lambda one: (-cost(one), one.key))
        turn = [*range(self.of), *reversed(range(self.of))]
        return [
            one for place, one in enumerate(ordered) if turn[place % len(turn)] == self.number - 1
        ]

    def has(self, key: str) -> bool:
        """Say whether what has this key, a hexadecimal hash, is this job's."""
        return int(key, 16) % self.of == self.number - 1


def read_shard(text: str) -> Shard:
    """Return the shard that a text names.

    Args:
        text: `i/N`.

    Raises:
        InputError: It is something else.

    >>> read_shard("2/16")
    Shard(number=2, of=16)
    """
    number, slash, of = text.partition("/")
    if not (slash and number.isascii() and number.isdigit() and of.isascii() and of.isdigit()):
        raise InputError(f"shard must be i/N with i from 1 to N, such as 1/4; got {text!r}")
    return Shard(int(number), int(of))
