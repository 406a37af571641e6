"""Taking steps: one call after another on a CPU, one recorded graph replayed on a GPU.

A step of a small ensemble is a hundred kernels of a few microseconds each, which Python cannot
launch as fast as a GPU runs them. A CUDA graph records them once. It replays the same kernels on
the same memory, so what changes from step to step must be on the device, in place: the number of
the step, the parameters and the rule's state.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rule_id.simulation.data import EnsembleData
from rule_id.simulation.training import Learner

__all__ = ["InPlace", "Stepper"]

WARM_UP = 3
"""Steps taken before recording, so that libraries have chosen their algorithms."""


class Stepper:
    """Trains an ensemble from checkpoint to checkpoint; the host waits for nothing in between."""

    def __init__(self, learner: Learner, data: EnsembleData) -> None:
        """Keep what is trained.

        Args:
            learner: The networks.
            data: Their batches.
        """
        self._learner, self._data = learner, data
        self._done = 0
        self._replay: Callable[[], None] | None = None
        self._recordable = learner.device.type == "cuda"
        self._in_place: InPlace | None = None

    def run(self, until: int) -> None:
        """Take the steps that are missing until so many are done."""
        while self._done < until:
            if self._recordable and self._done == WARM_UP:
                self._record()
            if self._replay is None:
                self._learner.step(self._data.batch(self._done), self._done)
            else:
                self._replay()
            self._done += 1

    def _record(self) -> None:
        self._recordable = False
        in_place = InPlace(self._learner, self._data, self._done)
        if not in_place.possible:
            self._warn("its state changes its form")
            return
        # Recording runs nothing; until it has worked, the learner keeps its own tensors.
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph):
                in_place.step()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # where a recording that fails may not go back to
            self._warn(str(error))
            return
        in_place.adopt()
        # A graph keeps nothing alive: what it reads and writes lives as long as it is replayed.
        self._in_place, self._replay = in_place, graph.replay

    def _warn(self, reason: str) -> None:
        warnings.warn(
            f"rule {self._learner.rule.name} cannot be recorded and is trained step by step, "
            f"which is slow on a GPU: {reason}",
            RuntimeWarning,
            stacklevel=3,
        )


class InPlace:
    """The step of a learner as a graph needs it: the same memory is read and written each time.

    Attributes:
        possible: Whether the state keeps its form; not where it holds numbers of Python that
            change, or tensors that come and go.
    """

    def __init__(self, learner: Learner, data: EnsembleData, step: int) -> None:
        """Copy what the learner has, and see whether one step keeps its form.

        Args:
            learner: The networks; they stay as they are.
            data: Their batches.
            step: Steps done.
        """
        self._learner, self._data = learner, data
        self._step = torch.tensor(step, device=learner.device)
        own = learner.parameters, learner.state
        self._held = _map(torch.clone, own)
        parameters, state = _map(torch.clone, own)
        after = learner.stepped(parameters, state, data.batch(self._step), self._step)
        self.possible = _alike(self._held, after)

    def step(self) -> None:
        """Take one step and write what comes of it over what there was."""
        parameters, state = self._held
        batch = self._data.batch(self._step)
        after = self._learner.stepped(parameters, state, batch, self._step)
        old, new = _tensors(self._held), _tensors(after)
        mine = {tensor.untyped_storage().data_ptr() for tensor in old}
        # What was only moved, to another place, is copied before it is overwritten.
        kept = [
            one.clone() if one is not own and one.untyped_storage().data_ptr() in mine else one
            for own, one in zip(old, new, strict=True)
        ]
        for own, one in zip(old, kept, strict=True):
            if one is not own:
                own.copy_(one)
        self._step += 1

    def adopt(self) -> None:
        """Let the learner have the memory that steps write to."""
        self._learner.parameters, self._learner.state = self._held


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Apply a function to each tensor of dictionaries, lists and tuples."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _map(function, one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_map(function, one) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def seen(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    _map(seen, value)
    return found


def _alike(before: Any, after: Any) -> bool:
    """Say whether two states differ in nothing but the values of their tensors."""
    if isinstance(before, Tensor) and isinstance(after, Tensor):
        kinds = [(one.shape, one.dtype, one.device) for one in (before, after)]
        return kinds[0] == kinds[1]
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_alike(before[k], after[k]) for k in before)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_alike, before, after))
    # Anything else may change inside, and a graph would go on with what it was.
    return isinstance(before, (str, int, float, bool, type(None))) and bool(before == after)
