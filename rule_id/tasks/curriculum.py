"""The order in which examples are presented, the noise on them, and a change of the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rule_id.errors import InputError, one_of
from rule_id.tasks.task import Task

__all__ = ["CURRICULA", "Presentation", "needs_difficulty", "present", "refusal", "shuffled"]

EASIEST = 0.2
"""Share of the examples, the easiest ones, that `easy_to_hard` begins with."""

ALL_FROM = 0.8
"""Share of training after which `easy_to_hard` shows all examples."""

MOST_NOISE = 1.0
"""Standard deviation of the noise at the end of `growing_noise`, in that of the inputs."""


@dataclass(frozen=True)
class Presentation:
    """What one network is shown.

    Attributes:
        order: Indices of training examples (steps, batch_size), int64.
        noise: Standard deviation of the Gaussian noise that is added to inputs at each step, in
            multiples of theirs (steps,).
        switched: Whether targets are those after the change of the task (steps,), bool.
    """

    order: np.ndarray
    noise: np.ndarray
    switched: np.ndarray


class _Request(NamedTuple):
    generator: np.random.Generator
    groups: np.ndarray
    difficulty: np.ndarray | None
    steps: int
    batch_size: int


def present(
    curriculum: str,
    generator: np.random.Generator,
    *,
    groups: np.ndarray,
    difficulty: np.ndarray | None,
    steps: int,
    batch_size: int,
) -> Presentation:
    """Draw what one network is shown.

    With t from 0 to below 1 the share of training that is done:

    - `shuffled`: epoch after epoch, each a new order of all examples.
    - `easy_to_hard`: any of the easiest 0.2 + t of the examples, all of them from t = 0.8 on.
    - `class_by_class`: the groups in random order, each in one stretch of training of the same
      length, its examples shuffled.
    - `blocked_with_replay`: the same, but from the second group on half of a batch, rounded down,
      is any of the examples of the groups before.
    - `growing_noise`: `shuffled`, with noise that grows linearly from 0 to 1 times the inputs.
    - `task_change`: `shuffled`, with other targets in the second half.

    Args:
        curriculum: One of `CURRICULA`.
        generator: Draws the order.
        groups: Group of each training example (n,).
        difficulty: Loss of each training example under a reference network (n,), where
            `needs_difficulty`; one that is not a number counts as the hardest. Else ignored.
        steps: Steps of training, 1 or more.
        batch_size: Examples a step, 1 or more.

    Raises:
        InputError: `curriculum` is unknown, its difficulty is missing or of another length than
            the groups, or there is nothing to show.
    """
    order = CURRICULA[one_of("curriculum", curriculum, CURRICULA)]
    if min(len(groups), steps, batch_size) < 1:
        given = f"{len(groups)} examples, {steps} steps of {batch_size}"
        raise InputError(f"examples, steps and batch_size must be at least 1; got {given}")
    if needs_difficulty(curriculum) and (difficulty is None or len(difficulty) != len(groups)):
        got = "none" if difficulty is None else f"{len(difficulty)} of them"
        raise InputError(f"{curriculum} needs the difficulty of {len(groups)} examples; got {got}")
    time = np.arange(steps)
    growing = curriculum == "growing_noise"
    return Presentation(
        order(_Request(generator, groups, difficulty, steps, batch_size)),
        MOST_NOISE * time / max(steps - 1, 1) if growing else np.zeros(steps),
        (2 * time >= steps) & (curriculum == "task_change"),
    )


def needs_difficulty(curriculum: str) -> bool:
    """Return whether a curriculum needs each example's loss under a reference network."""
    return one_of("curriculum", curriculum, CURRICULA) == "easy_to_hard"


def refusal(curriculum: str, task: Task) -> str | None:
    """Return why a task cannot be presented so, None when it can.

    Raises:
        InputError: `curriculum` is unknown.
    """
    if needs_difficulty(curriculum) and not task.loss.separable:
        return f"{task.name} has no easy examples: the loss of one depends on the others"
    if curriculum == "task_change" and task.switched is None:
        return f"{task.name} has no targets that could change"
    return None


def shuffled(
    generator: np.random.Generator, n_examples: int, steps: int, batch_size: int
) -> np.ndarray:
    """Return the batches of one network: epoch after epoch, each a new order of all examples.

    Args:
        generator: Draws the orders.
        n_examples: Training examples.
        steps: Steps of training.
        batch_size: Examples a step.

    Returns:
        Indices of the examples, (steps, batch_size), int64.
    """
    order = _epochs(generator, n_examples, steps * batch_size)
    return order.reshape(steps, batch_size)


def _shuffled(request: _Request) -> np.ndarray:
    return shuffled(request.generator, len(request.groups), request.steps, request.batch_size)


def _easy_to_hard(request: _Request) -> np.ndarray:
    assert request.difficulty is not None
    easiest_first = np.argsort(request.difficulty, kind="stable")  # NaN comes last
    done = np.arange(request.steps) / request.steps
    share = np.minimum(EASIEST + (1 - EASIEST) * done / ALL_FROM, 1)
    pool = np.ceil(share * len(request.groups))[:, None]
    drawn = request.generator.random((request.steps, request.batch_size))
    return easiest_first[(drawn * pool).astype(np.int64)]


def _class_by_class(request: _Request) -> np.ndarray:
    return _by_group(request, _members(request))


def _blocked_with_replay(request: _Request) -> np.ndarray:
    members = _members(request)
    order = _by_group(request, members)
    current = _stretch(request, len(members))[:, 0]
    n_seen = np.cumsum([0, *map(len, members)])[current][:, None]
    # Every other place: a stretch of two presentations still shows its own group.
    own = order[:, 1::2]
    drawn = (request.generator.random(own.shape) * n_seen).astype(np.int64)
    order[:, 1::2] = np.where(n_seen > 0, np.concatenate(members)[drawn], own)
    return order


def _by_group(request: _Request, members: list[np.ndarray]) -> np.ndarray:
    """Return an order in which each group fills its stretch, epoch after epoch."""
    stretch = _stretch(request, len(members))
    order = np.empty_like(stretch)
    for index, group in enumerate(members):
        here = stretch == index
        order[here] = group[_epochs(request.generator, len(group), int(here.sum()))]
    return order


def _members(request: _Request) -> list[np.ndarray]:
    """Return the examples of each group, groups in random order."""
    groups = request.generator.permutation(np.unique(request.groups))
    return [np.flatnonzero(request.groups == group) for group in groups]


def _stretch(request: _Request, n_groups: int) -> np.ndarray:
    """Return which stretch of training each presentation is in, (steps, batch_size)."""
    n_shown = request.steps * request.batch_size
    stretch = np.arange(n_shown) * n_groups // n_shown
    return stretch.reshape(request.steps, request.batch_size)


def _epochs(generator: np.random.Generator, n_examples: int, n_shown: int) -> np.ndarray:
    n_epochs = max(1, -(-n_shown // n_examples))
    return np.concatenate([generator.permutation(n_examples) for _ in range(n_epochs)])[:n_shown]


CURRICULA: dict[str, Callable[[_Request], np.ndarray]] = {
    "shuffled": _shuffled,
    "easy_to_hard": _easy_to_hard,
    "class_by_class": _class_by_class,
    "blocked_with_replay": _blocked_with_replay,
    "growing_noise": _shuffled,
    "task_change": _shuffled,
}
"""Name to the order of the examples."""
