"""Hebbian rules: hidden layers learn from their own input and output, the readout from its error.

With input h and output y = f(z), hidden layers descend a G that knows no target; the last layer
learns by the delta rule, d = dloss/dz. Biases of hidden layers get no pseudo-gradient.

Both rules are stable only while steps are small against the power of the input, which says nothing
of the steps that a readout needs. The G of a hidden layer is therefore multiplied by
k = `hidden_rate` / E|h|², the mean power of its input at the start.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    LayerLike,
    NetworkLike,
    Parameters,
    Setup,
    State,
)
from rule_id.rules.noise import Noise
from rule_id.rules.teaching import gradients_of, leaves_of, zeros_like
from rule_id.rules.tensors import per_network

__all__ = ["BCM", "OJA", "oja_gradient"]

AVERAGING = 0.3
"""Share of the newest batch in a threshold: it must move faster than the weights to hold them."""


def oja_gradient(layer: LayerLike, weight: Tensor, h: Tensor, y: Tensor) -> Tensor:
    """Return G = -(y h^T - y y^T W), a mean over the batch, in the shape of W.

    Written as -y (h - W^T y)^T: what the outputs leave unexplained of the input.

    Args:
        layer: The layer.
        weight: W.
        h: Inputs (E, batch, ...).
        y: Outputs (E, batch, ...).
    """
    return -layer.outer(y, h - layer.back_project(weight, y))


def _with_delta_readout(
    network: NetworkLike, parameters: Parameters, batch: Batch
) -> tuple[list[Tensor], list[Tensor], Parameters, Tensor]:
    """Return inputs, outputs, pseudo-gradients of a readout and zeros elsewhere, and losses."""
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        activity = network.forward(leaves, batch.x, local=True)
        losses = batch.losses(activity.output)
    gradients = [*zeros_like(parameters[:-1]), *gradients_of(leaves[-1:], [losses])]
    outputs = [h.detach() for h in activity.outputs]
    return activity.inputs, outputs, gradients, losses.detach()


def _rates(setup: Setup, inputs: list[Tensor]) -> list[Tensor]:
    """Return k of each hidden layer, (E,)."""
    rate = setup.hyperparameters["hidden_rate"]
    # A layer whose input is silent does not learn.
    powers = [h.flatten(2).square().sum(-1).mean(1) for h in inputs[:-1]]
    return [torch.where(power > 0, rate / power, 0.0) for power in powers]


def _init_oja(setup: Setup) -> State:
    activity = setup.network.forward(setup.parameters, setup.inputs)
    return {"rates": _rates(setup, activity.inputs)}


def _step_oja(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    inputs, outputs, gradients, losses = _with_delta_readout(network, parameters, batch)
    for index, layer in enumerate(network.layers[:-1]):
        weight = parameters[index]["weight"]
        gradient = oja_gradient(layer, weight, inputs[index], outputs[index])
        gradients[index]["weight"] = per_network(state["rates"][index], weight) * gradient
    return Assignment(gradients, state, losses)


def _init_bcm(setup: Setup) -> State:
    """Start each threshold at the mean square of its unit's output."""
    activity = setup.network.forward(setup.parameters, setup.inputs)
    return {
        "thresholds": [
            _powers(layer, y)
            for layer, y in zip(setup.network.layers[:-1], activity.outputs[:-1], strict=True)
        ],
        "rates": _rates(setup, activity.inputs),
    }


def _powers(layer: LayerLike, y: Tensor) -> Tensor:
    """Return E[y²] of each unit, over the batch and over time where there is one, (E, 1, ...)."""
    without_time = len(layer.map.shape_out)
    return y.square().mean(tuple(range(1, y.dim() - without_time)), keepdim=True)


def _step_bcm(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    inputs, outputs, gradients, losses = _with_delta_readout(network, parameters, batch)
    thresholds = []
    for index, (layer, theta) in enumerate(
        zip(network.layers[:-1], state["thresholds"], strict=True)
    ):
        y = outputs[index]
        rate = per_network(state["rates"][index], y)
        gradients[index]["weight"] = -layer.outer(rate * y * (y - theta), inputs[index])
        thresholds.append(torch.lerp(theta, _powers(layer, y), AVERAGING))
    return Assignment(gradients, {**state, "thresholds": thresholds}, losses)


OJA = CreditAssignment(
    "oja",
    "Hebbian",
    _init_oja,
    _step_oja,
    ranges={"hidden_rate": {"log_uniform": [0.5, 5.0]}},
    delta_readout=True,
)
"""G = -k (y h^T - y y^T W), Oja's subspace rule: linear units come to span the leading subspace.

y = f(z), what the units send on; for linear units it is Oja's z. Source: Oja 1982, 1989.
"""

BCM = CreditAssignment(
    "bcm",
    "Hebbian",
    _init_bcm,
    _step_bcm,
    ranges={"hidden_rate": {"log_uniform": [0.05, 0.5]}},
    learning_rates={"normalised": {"log_uniform": [3e-4, 3e-3]}},
    delta_readout=True,
)
"""G = -k y (y - theta) h^T, theta the mean of y² over past batches, falling off by 0.7 a step.

Every unit has one theta, whatever the time step; a convolution has a unit at each position.

Theta must move faster than y, hence the small `hidden_rate`.
Source: Bienenstock, Cooper & Munro 1982; theta = E[y²] is Intrator & Cooper's (1992).
"""
