"""Backprop in many networks at once by `torch.func.vmap`, as torch's own tutorial does it."""

from __future__ import annotations

from typing import Any

import torch
from _alternatives import RATES
from _modules import module_of
from _workloads import BATCH, Examples
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from rule_id.networks import Network

__all__ = ["trained", "vmapped"]

Tensors = dict[str, Tensor]

BETA2, EPSILON = 0.999, 1e-8


def vmapped(network: Network, rule: str, examples: Examples, networks: int, steps: int) -> None:
    """Train networks together.

    Args:
        network: Their layers.
        rule: Backprop with momentum or with adam.
        examples: What they learn from, each in batches of its own.
        networks: How many.
        steps: Of training.
    """
    device = examples.x.device
    modules = [module_of(network).to(device) for _ in range(networks)]
    order = torch.randint(len(examples.x), (steps, networks, BATCH), device=device)
    trained(modules, rule, examples, order)


def trained(modules: list[nn.Sequential], rule: str, examples: Examples, order: Tensor) -> Tensors:
    """Return parameters after training, by name, the network axis first.

    Args:
        modules: The networks as they begin.
        rule: Backprop with momentum or with adam.
        examples: What they learn from.
        order: Which of them each network sees, (steps, networks, batch).
    """
    stacked, _ = stack_module_state(modules)
    parameters = {name: tensor.detach() for name, tensor in stacked.items()}

    def loss(own: Tensors, x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(functional_call(modules[0], own, (x,)), y)

    gradients = vmap(grad_and_value(loss))
    step = _adam if rule.endswith("+adam") else _momentum
    state: dict[str, Any] = {name: {} for name in parameters}
    for count, rows in enumerate(order, start=1):
        by_name, _ = gradients(parameters, examples.x[rows], examples.y[rows])
        for name, parameter in parameters.items():
            step(parameter, by_name[name], state[name], count)
    return parameters


def _momentum(parameter: Tensor, gradient: Tensor, state: Tensors, count: int) -> None:
    gradient = gradient.add(parameter, alpha=RATES["weight_decay"])
    velocity = state.setdefault("velocity", torch.zeros_like(parameter))
    velocity.mul_(RATES["momentum"]).add_(gradient)
    parameter.sub_(velocity, alpha=RATES["learning_rate"])


def _adam(parameter: Tensor, gradient: Tensor, state: Tensors, count: int) -> None:
    gradient = gradient.add(parameter, alpha=RATES["weight_decay"])
    first = state.setdefault("first", torch.zeros_like(parameter))
    second = state.setdefault("second", torch.zeros_like(parameter))
    beta1 = RATES["momentum"]
    first.lerp_(gradient, 1 - beta1)
    second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
    scale = (second / (1 - BETA2**count)).sqrt_().add_(EPSILON)
    parameter.addcdiv_(first, scale, value=-RATES["learning_rate"] / (1 - beta1**count))
