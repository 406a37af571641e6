"""Recurrent layers of torch, one time step after the other.

A stack gives only the responses of its last layer, and no slopes. So each layer is run again by
torch's own cell with the layer's weights: h_t at each time step is a stimulus's response, and its
activity change is the sum over units of d(mean h_t)/d h_{t-1}, with what else drives h_t held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["Steps", "refusal", "steps_of_cell", "steps_of_stack"]

CELLS: dict[type[nn.Module], Any] = {
    nn.RNN: nn.RNNCell,
    nn.GRU: nn.GRUCell,
    nn.LSTM: nn.LSTMCell,
}

State = Tensor | tuple[Tensor, ...]
"""h, or of an LSTM h and c."""

Step = Callable[[Tensor, State], State]


class Steps(NamedTuple):
    """What a recurrent layer did.

    Attributes:
        responses: h_t, (stimuli x time steps, units).
        changes: d(mean h_t)/d h_{t-1} summed over units, (stimuli x time steps,), or None.
    """

    responses: Tensor
    changes: Tensor | None


def refusal(module: nn.Module, given: Any) -> str | None:
    """Return why a recurrent layer cannot be recorded, or None where it can.

    Args:
        module: The layer.
        given: What it is fed with.
    """
    if not isinstance(given, Tensor):
        return f"it is fed with a {type(given).__name__}, not a tensor"
    if isinstance(module, nn.RNNBase) and module.bidirectional:
        return "it runs in both directions of time"
    if isinstance(module, nn.RNNBase) and module.proj_size:
        return "it projects its state"
    return None


def steps_of_stack(
    module: nn.RNNBase, given: Tensor, state: State | None, slopes: bool
) -> list[Steps]:
    """Return what each layer of a stack did.

    Args:
        module: An RNN, GRU or LSTM of one direction.
        given: Its input.
        state: The states that it began with, or None for zeros.
        slopes: Whether changes are wanted.
    """
    x = given if given.dim() == 3 else given.unsqueeze(0 if module.batch_first else 1)
    x = (x.transpose(0, 1) if module.batch_first else x).detach()
    seen = []
    for index in range(module.num_layers):
        begin = _first_state(module, x, None if state is None else _map(state, _layer(index)))
        responses, steps = _unrolled(_step(module, index), x, begin, slopes)
        x = torch.stack(responses)
        seen.append(steps)
    return seen


def steps_of_cell(module: nn.Module, given: Tensor, state: State | None, slopes: bool) -> Steps:
    """Return what a cell did in one time step.

    Args:
        module: An RNN, GRU or LSTM cell.
        given: Its input.
        state: The state that it began with, or None for zeros.
        slopes: Whether changes are wanted.
    """
    x = (given if given.dim() == 2 else given[None]).detach()[None]
    begin = _first_state(module, x, state)
    return _unrolled(module.forward, x, begin, slopes)[1]


def _first_state(module: Any, x: Tensor, state: State | None) -> State:
    """Return h (stimuli, units), or h and c, as they are given or zeros."""
    if state is None:
        zeros = x.new_zeros(x.shape[1], module.hidden_size)
        return (zeros, zeros) if isinstance(module, nn.LSTM | nn.LSTMCell) else zeros
    return _map(state, lambda one: one.detach().reshape(x.shape[1], -1))


def _layer(index: int) -> Callable[[Tensor], Tensor]:
    return lambda one: one[index]


def _map(state: State, change: Callable[[Tensor], Tensor]) -> State:
    return change(state) if isinstance(state, Tensor) else tuple(change(one) for one in state)


def _step(module: nn.RNNBase, index: int) -> Step:
    """Return one time step of a layer of a stack."""
    (cell_type,) = (cell for stack, cell in CELLS.items() if isinstance(module, stack))
    options = {"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {}
    n_in = module.hidden_size if index else module.input_size
    cell = cell_type(n_in, module.hidden_size, bias=module.bias, device="meta", **options)
    own = {name: getattr(module, f"{name}_l{index}") for name, _ in cell.named_parameters()}

    def step(x: Tensor, state: State) -> State:
        result: State = functional_call(cell, own, (x, state))
        return result

    return step


def _unrolled(step: Step, x: Tensor, state: State, slopes: bool) -> tuple[list[Tensor], Steps]:
    """Run a layer through time; return h_t at each time step, and all of them with their slopes."""
    responses, changes = [], []
    for now in x:
        h, *rest = (state,) if isinstance(state, Tensor) else state
        before = h.detach().requires_grad_(slopes)
        with torch.set_grad_enabled(slopes):
            state = step(now, (before, *rest) if rest else before)
        after = state if isinstance(state, Tensor) else state[0]
        if slopes:
            (pull,) = torch.autograd.grad(after, before, torch.ones_like(after))
            changes.append(pull.float().sum(-1) / after.shape[-1])
        state = _map(state, Tensor.detach)
        responses.append(after.detach())
    return responses, Steps(_rows(responses), _rows(changes) if slopes else None)


def _rows(by_step: list[Tensor]) -> Tensor:
    """Return what there is at each time step, (stimuli, ...), with one row for both."""
    return torch.stack(by_step, 1).flatten(0, 1)
