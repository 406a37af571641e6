r"""Predictive coding: value nodes settle between what is predicted and what would be right.

With values v_0 = x, v_1, ..., v_{L-1} and the output o = f_L(W_L v_{L-1} + b_L), each example has
the energy

    F = \sum_{l<L} |v_l - f_l(W_l v_{l-1} + b_l)|² / 2 + loss(o, target).

The values start at the forward pass, where every error v_l - f_l(...) is zero, and descend F; the
weights then descend F at the values reached, so that each needs the error of its own layer alone.
With the output free the forward pass is the minimum of F, so that it is what is measured.

Source: Whittington & Bogacz 2017; values stand for outputs as in Millidge et al. 2022, and the
output's error is that of the task's loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    NetworkLike,
    Parameters,
    Setup,
    State,
)
from rule_id.rules.noise import Noise
from rule_id.rules.settling import largest_gain
from rule_id.rules.teaching import gradients_of, leaves_of
from rule_id.rules.tensors import per_network

__all__ = ["PREDICTIVE_CODING", "energy"]

ITERATIONS = 20


def energy(
    network: NetworkLike, parameters: Parameters, batch: Batch, values: list[Tensor]
) -> Tensor:
    """Return F of each example, (E, batch).

    Args:
        network: Any network that is a chain of layers.
        parameters: Its parameters.
        batch: Inputs, targets and loss.
        values: v_1 to v_{L-1}, each (E, batch, ...).
    """
    below = [batch.x, *values]
    predicted = [
        layer.activate(layer.preactivation(own, v))
        for layer, own, v in zip(network.layers, parameters, below, strict=True)
    ]
    total = batch.loss(predicted[-1], batch.y)
    for v, prediction in zip(values, predicted, strict=False):
        total = total + (v - prediction).flatten(2).square().sum(-1) / 2
    return total


def _init(setup: Setup) -> State:
    """Choose a rate at which the values settle: below 2 over the steepest that F can be."""
    activity = setup.network.forward(setup.parameters, setup.inputs)
    return {"rate": 1 / (1 + largest_gain(setup.network, setup.parameters, activity))}


def _step(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    activity = network.forward(parameters, batch.x)
    losses = batch.losses(activity.output)
    values = activity.outputs[:-1]
    rate = hyperparameters["inference_rate"] * state["rate"]
    for _ in range(ITERATIONS):
        with torch.enable_grad():
            values = [v.detach().requires_grad_() for v in values]
            total = energy(network, parameters, batch, values).sum()
        slopes = torch.autograd.grad(total, values)
        values = [
            v.detach() - per_network(rate, v) * slope
            for v, slope in zip(values, slopes, strict=True)
        ]
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        outcome = energy(network, leaves, batch, values).mean(-1)
    return Assignment(gradients_of(leaves, [outcome]), state, losses)


PREDICTIVE_CODING = CreditAssignment(
    "predictive_coding",
    "energy based",
    _init,
    _step,
    ranges={"inference_rate": {"uniform": [0.3, 1.0]}},
)
"""See the module. Values move 20 times a step, by `inference_rate` / (1 + |W|²) times the slope of
F, |W| the largest singular value of a layer at the start."""
