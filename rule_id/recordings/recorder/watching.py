"""One look at a model: its layers' weights, responses and slopes on the stimuli."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rule_id.errors import InputError
from rule_id.recordings.recorder.following import Follower
from rule_id.recordings.recorder.layers import Layer
from rule_id.recordings.recorder.nodes import Call
from rule_id.recordings.recorder.operations import tensors_in
from rule_id.recordings.recorder.recurrent import refusal, steps_of_cell, steps_of_stack
from rule_id.recordings.recorder.slopes import growth, leading_axes, summed_slopes

__all__ = ["Response", "Watch"]

Keep = Callable[[str, int], Tensor | None]
"""Which units are kept of a layer, by its name and how many there are; None for all."""


class Response(NamedTuple):
    """What one call of a layer did, on the stimuli of one batch.

    Attributes:
        activation: Units that are kept, (stimuli, kept), float32 on the CPU.
        n_units: How many units there are.
        change: Slopes summed over input units, (stimuli,), or None.
    """

    activation: Tensor
    n_units: int
    change: Tensor | None


@dataclass
class _Once:
    """What is remembered of a call of a linear or convolutional layer.

    Attributes:
        ordinal: How many calls of the layer came before it in this batch.
        stimuli: Lengths of the first axes of its output, which do not count units.
        z: What it gave, cut off from what came before; None where no slopes are wanted.
        rate: How fast z grows with the layer's input, or None.
        response: What was taken of it, or None.
    """

    ordinal: int
    stimuli: torch.Size
    z: Tensor | None
    rate: Tensor | None
    response: Response | None = None


@dataclass
class Watch:
    """Watches passes of a model, one for each batch of stimuli.

    Attributes:
        model: The model.
        layers: Which layers are watched.
        instead: By layer, the module whose output is its response, where that is not found.
        keep: Which units are kept.
        slopes: Whether slopes are wanted; layers' outputs are then cut off from their inputs.
        responses: By layer, in order of first execution, and by how many calls of it came before,
            the responses of each batch.
        problems: By layer, why it has no response.
    """

    model: nn.Module
    layers: Sequence[Layer]
    instead: Mapping[str, str]
    keep: Keep
    slopes: bool
    responses: dict[str, list[list[Response]]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def run(self, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        """Run the model on a batch of stimuli.

        Raises:
            InputError: What should be a layer's response instead is not computed after it.
        """
        self._once: dict[Call, _Once] = {}
        self._waiting: dict[str, Call] = {}
        self._counts: dict[str, int] = {}
        self._follower = Follower((args, kwargs), self._respond)
        try:
            with self._hooks(), torch.set_grad_enabled(self.slopes):
                with self._follower:
                    returned = self.model(*args, **kwargs)
                self._follower.end(returned)
            if self._waiting:
                raise InputError(self._too_late(next(iter(self._waiting))))
            for call, once in self._once.items():
                if call.layer is not None and once.response is not None:
                    self._store(call.layer, once.ordinal, once.response)
        finally:
            # What they hold in circles would keep the pass's memory.
            self._follower.forget()
            self._once.clear()

    @contextmanager
    def _hooks(self) -> Iterator[None]:
        with ExitStack() as stack:
            for layer in self.layers:
                ran = partial(self._ran, layer)
                hook = layer.module.register_forward_hook(ran, with_kwargs=True)
                stack.callback(hook.remove)
            # After those: a layer may be named as its own response.
            for target in dict.fromkeys(self.instead.values()):
                ran = partial(self._answered, target)
                hook = self.model.get_submodule(target).register_forward_hook(ran)
                stack.callback(hook.remove)
            yield

    def _ran(self, layer: Layer, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        if self._follower.is_paused:
            return None
        with self._follower.paused():
            if isinstance(module, nn.RNNBase | nn.RNNCellBase):
                self._ran_in_time(layer, args, kwargs, output)
                return None
            if not isinstance(output, Tensor) or not output.is_floating_point():
                self.problems[layer.name] = f"it gives a {type(output).__name__}, not floats"
                return None
            return self._ran_at_once(layer, args, kwargs, output)

    def _ran_at_once(self, layer: Layer, args: Any, kwargs: Any, output: Tensor) -> Tensor:
        (key,) = layer.weights
        leading = leading_axes(layer.module, output)
        cut = output.detach().requires_grad_() if self.slopes else None
        # A copy: no leaf may be written into, as functions that work in place would.
        z = output if cut is None else cut.clone()
        call = self._follower.begin(key, (args, kwargs), [z], leading)
        rate = growth(layer.module, args, kwargs, cut, leading) if cut is not None else None
        self._once[call] = _Once(self._ordinal(key), z.shape[:leading], cut, rate)
        if key in self.instead:
            call.progress = math.inf
            if self._waiting.setdefault(key, call) is not call:
                raise InputError(self._too_late(key))
        return z

    def _ran_in_time(self, layer: Layer, args: Any, kwargs: Any, output: Any) -> None:
        self._follower.begin(None, (args, kwargs), list(tensors_in(output)))
        given = args[0] if args else kwargs.get("input")
        state = args[1] if len(args) > 1 else kwargs.get("hx")
        reason = refusal(layer.module, given)
        if reason is not None:
            self.problems[layer.name] = reason
            return
        if isinstance(layer.module, nn.RNNBase):
            seen = steps_of_stack(layer.module, given, state, self.slopes)
        else:
            seen = [steps_of_cell(layer.module, given, state, self.slopes)]
        for key, steps in zip(layer.weights, seen, strict=True):
            response = self._response(key, steps.responses, steps.changes)
            self._store(key, self._ordinal(key), response)

    def _answered(self, target: str, module: nn.Module, args: Any, output: Any) -> None:
        if self._follower.is_paused:
            return
        answer = next(tensors_in(output), None)
        for layer in [one for one in self._waiting if self.instead[one] == target]:
            call = self._waiting.pop(layer)
            stimuli = self._once[call].stimuli
            if answer is None or answer.shape[: len(stimuli)] != stimuli:
                got = "no tensor" if answer is None else f"shape {tuple(answer.shape)}"
                raise InputError(
                    f"activations must name a module that gives {tuple(stimuli)} on its first "
                    f"axes, as {layer} does; {target} gives {got}"
                )
            with self._follower.paused():
                self._respond(call, answer)

    def _too_late(self, layer: str) -> str:
        return (
            f"activations must name a module that runs after each call of {layer}; "
            f"{self.instead[layer]} does not"
        )

    def _respond(self, call: Call, value: Tensor) -> None:
        """Take what is sent on of a call's response, (*stimuli, *units)."""
        once = self._once[call]
        change = None
        if once.z is not None and once.rate is not None:
            change = summed_slopes(value, once.z, once.rate, call.leading)
        rows = value.detach().reshape(once.stimuli.numel(), -1)
        once.response = self._response(str(call.layer), rows, change)

    def _response(self, key: str, rows: Tensor, change: Tensor | None) -> Response:
        kept = self.keep(key, rows.shape[1])
        seen = rows if kept is None else rows[:, kept.to(rows.device)]
        return Response(
            seen.to("cpu", torch.float32, copy=True),
            rows.shape[1],
            None if change is None else change.to("cpu", torch.float32),
        )

    def _ordinal(self, key: str) -> int:
        """Count a call of a layer; layers stand in the order of their first."""
        self.responses.setdefault(key, [])
        self._counts[key] = self._counts.get(key, -1) + 1
        return self._counts[key]

    def _store(self, key: str, ordinal: int, response: Response) -> None:
        by_call = self.responses[key]
        by_call.extend([] for _ in range(ordinal + 1 - len(by_call)))
        by_call[ordinal].append(response)
