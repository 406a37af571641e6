r"""Predictive coding: value nodes settle between what is predicted and what would be right.

With values v_0 = x, v_1, ..., v_{L-1} and the output o = f_L(W_L v_{L-1} + b_L), each example has
the energy

    F = \sum_{l<L} |e_l|² / 2 + loss(o, target),   e_l = v_l - f_l(W_l v_{l-1} + b_l).

The values start at the forward pass, where every error e_l is zero, and settle at a minimum of F;
the weights then descend F at the values reached, so that each needs the error of its own layer
alone. With the output free the forward pass is the minimum of F, so that it is what is measured.

The minimum is looked for in the errors and not in the values. The two are one-to-one and the
minima are the same, but in the values an error has to seep through layer after layer: with four
hidden layers the first had got a fifth of its error after 20 iterations.

Source: Whittington & Bogacz 2017; values stand for outputs as in Millidge et al. 2022, the output's
error is that of the task's loss, and the descent in errors is after Goemaere et al. 2025.
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
    State,
)
from rule_id.rules.layerwise import init_nothing
from rule_id.rules.noise import Noise
from rule_id.rules.refusals import (
    needs_dense,
    needs_loss_of_each_example,
    needs_separate_examples,
)
from rule_id.rules.teaching import gradients_of, leaves_of, output_error

__all__ = ["PREDICTIVE_CODING", "energy", "infer", "values_of"]

ITERATIONS, MOMENTUM = 25, 0.6
LEAST = 1e-30


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


def values_of(
    network: NetworkLike, parameters: Parameters, x: Tensor, errors: list[Tensor]
) -> tuple[list[Tensor], Tensor]:
    """Return the values v_1 to v_{L-1} that have these errors, and the output.

    Args:
        network: Any network that is a chain of layers.
        parameters: Its parameters.
        x: Inputs (E, batch, ...).
        errors: e_1 to e_{L-1}, each (E, batch, ...).
    """
    values = [x]
    for layer, own, error in zip(network.layers, parameters, errors, strict=False):
        values.append(layer.activate(layer.preactivation(own, values[-1])) + error)
    last, own = network.layers[-1], parameters[-1]
    return values[1:], last.activate(last.preactivation(own, values[-1]))


def infer(
    network: NetworkLike,
    parameters: Parameters,
    batch: Batch,
    rate: Tensor,
    iterations: int = ITERATIONS,
) -> list[Tensor]:
    """Return the errors after they have descended F from zero, by the heavy ball.

    Each example takes steps of `rate` / (1 + |P^T g|² / |g|²), with g the loss's slope by the
    output and P^T g by the errors: the curvature of F along it, as no loss here bends by more than
    one for each unit of output.

    Args:
        network: Any network that is a chain of layers.
        parameters: Its parameters.
        batch: Inputs, targets and loss.
        rate: In (0, 1], of each network (E,).
        iterations: How often the errors move.
    """
    hidden = network.forward(parameters, batch.x).outputs[:-1]
    errors = [torch.zeros_like(h) for h in hidden]
    speeds, step = errors, None
    for _ in range(iterations):
        slopes, slope = _pulls(network, parameters, batch, errors)
        if step is None:
            pull = sum(_size(one) for one in slopes) / _size(slope).clamp(min=LEAST)
            step = rate[:, None] / (1 + pull)
        speeds = [
            MOMENTUM * speed - _per_example(step, e) * (e + pull)
            for e, speed, pull in zip(errors, speeds, slopes, strict=True)
        ]
        errors = [e + speed for e, speed in zip(errors, speeds, strict=True)]
    return errors


def _pulls(
    network: NetworkLike, parameters: Parameters, batch: Batch, errors: list[Tensor]
) -> tuple[list[Tensor], Tensor]:
    """Return the slopes of each example's loss by its errors and by its output."""
    with torch.enable_grad():
        leaves = [e.detach().requires_grad_() for e in errors]
        _, output = values_of(network, parameters, batch.x, leaves)
    _, slope = output_error(batch, output)
    return list(torch.autograd.grad(output, leaves, slope)), slope


def _size(x: Tensor) -> Tensor:
    return x.flatten(2).square().sum(-1)


def _per_example(values: Tensor, like: Tensor) -> Tensor:
    return values.view(*values.shape, *[1] * (like.dim() - 2))


def _step(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    errors = infer(network, parameters, batch, hyperparameters["inference_rate"])
    values, _ = values_of(network, parameters, batch.x, errors)
    losses = batch.losses(network.forward(parameters, batch.x).output)
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        outcome = energy(network, leaves, batch, values).mean(-1)
    return Assignment(gradients_of(leaves, [outcome]), state, losses)


PREDICTIVE_CODING = CreditAssignment(
    "predictive_coding",
    "energy based",
    init_nothing,
    _step,
    ranges={"inference_rate": {"uniform": [0.5, 1.0]}},
    limits={"inference_rate": (1e-6, 1.0)},
    refuses=(needs_dense, needs_separate_examples, needs_loss_of_each_example),
)
"""See the module; the errors move 25 times a step."""
