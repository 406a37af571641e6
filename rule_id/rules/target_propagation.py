r"""Difference target propagation: targets instead of gradients, through learned inverses.

Each layer h_l = f(W_l h_{l-1} + b_l) has a linear inverse g_l(h) = V_l h + c_l. The output's target
is one step down the loss, and those below are

    target_{l-1} = h_{l-1} + g_l(target_l) - g_l(h_l).

W_l descends |h_l - target_l|² / 2, so that with the displacements s_l = h_l - target_l

    s_L = dloss/dh_L,   s_{l-1} = V_l s_l,   d_l = f'(z_l) * s_l,

and V_l descends E|g_l(f(W_l x + b_l)) - x|² / 2 + k |V_l|² / 2 for x = h_{l-1} + noise.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rule_id.rules.alignment import time_within
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
from rule_id.rules.learned_feedback import FEEDBACK_TIME, feedback_angle
from rule_id.rules.noise import Noise
from rule_id.rules.refusals import needs_chain
from rule_id.rules.teaching import gradients_of, hand_down, leaves_of, output_error
from rule_id.rules.tensors import eigen, per_network

__all__ = ["TARGET_PROPAGATION", "learn_inverse", "linear_inverse"]

NOISE = 0.3
"""Standard deviation of the noise in multiples of the layer input's root mean square."""

AVERAGING = 0.1
"""Share of the newest batch in the means of inputs and outputs."""

RIDGE = 0.1
"""k in multiples of the mean variance of the layer's outputs."""


def linear_inverse(layer: LayerLike, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Return the V^T at which the inverse's objective is smallest, in the shape of W.

    V = Cov(x, y) (Cov(y) + k I)^{-1} for y = f(W x + b), k `RIDGE` times the mean variance of y;
    in a convolution x at each position is told from what it feeds.

    Args:
        layer: The layer.
        inputs: x, (E, n, ...).
        outputs: y, (E, n, ...).

    Returns:
        NaN for a network that has diverged.
    """
    x, y = _centred(inputs), _centred(outputs)
    moment, ridge = _ridged(layer, y)
    fed, n = layer.map.fed(y), y.shape[1]
    identity = torch.eye(moment.shape[1], dtype=x.dtype, device=x.device)
    solved, failed = torch.linalg.solve_ex(
        moment + ridge[:, None, None] * identity, fed.mT @ layer.map.inputs_by_position(x) / n
    )
    return layer.map.from_inputs(torch.where((failed != 0)[:, None, None], torch.nan, solved).mT)


def _ridged(layer: LayerLike, centred: Tensor) -> tuple[Tensor, Tensor]:
    """Return the second moment of what each input position feeds, and k."""
    fed = layer.map.fed(centred)
    return fed.mT @ fed / centred.shape[1], _ridge(layer, centred)


def _init(setup: Setup) -> State:
    activity = setup.network.forward(setup.parameters, setup.inputs)
    rates = [torch.zeros_like(setup.hyperparameters["feedback_time"])]
    means = []
    pairs = _reconstructions(setup.network, setup.parameters, activity.inputs, setup.noise)
    layers = setup.network.layers[1:]
    for layer, b, (x, y) in zip(layers, setup.feedback[1:], pairs, strict=True):
        end = linear_inverse(layer, x, y)
        moment, ridge = _ridged(layer, _centred(y))
        values, vectors = eigen(moment)
        decay = (values.clamp(min=0) + ridge[:, None])[:, None]
        start, goal = (layer.map.by_inputs(one) @ vectors for one in (b - end, end))
        time = time_within(start, goal, decay)
        rates.append(time / (setup.hyperparameters["feedback_time"] * setup.steps))
        means.append((x.mean(1, keepdim=True), y.mean(1, keepdim=True)))
    return {"feedback": list(setup.feedback), "rates": rates, "means": means}


def _step(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    inverses = state["feedback"]
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        activity = network.forward(leaves, batch.x, local=True)
    losses, error = output_error(batch, activity.output)
    displacements = [error / losses.shape[1]]
    for index in range(len(inverses) - 1, 0, -1):
        layer, below = network.layers[index], activity.outputs[index - 1]
        at_input = layer.back_project(inverses[index], displacements[0])
        displacements.insert(0, hand_down(layer, below, at_input))
    gradients = gradients_of(leaves, activity.outputs, displacements)
    learned, means = [inverses[0]], []
    pairs = _reconstructions(network, parameters, activity.inputs, noise)
    for index, (x, y) in enumerate(pairs, start=1):
        # c is the one that fits the means, which are running ones: a batch may be a single example.
        known = tuple(
            torch.lerp(old, new.mean(1, keepdim=True), AVERAGING)
            for old, new in zip(state["means"][index - 1], (x, y), strict=True)
        )
        means.append(known)
        layer, rate = network.layers[index], state["rates"][index]
        learned.append(learn_inverse(layer, inverses[index], x - known[0], y - known[1], rate))
    return Assignment(gradients, {**state, "feedback": learned, "means": means}, losses.mean(-1))


def learn_inverse(layer: LayerLike, inverse: Tensor, x: Tensor, y: Tensor, rate: Tensor) -> Tensor:
    """Return V^T after one step down its objective, shortened where it would overshoot.

    Args:
        layer: The layer.
        inverse: V^T, the shape of W.
        x: Inputs less their mean (E, batch, ...).
        y: Outputs for them less their mean (E, batch, ...).
        rate: The learning rate of each network (E,).
    """
    error = layer.back_project(inverse, y) - x
    ridge = _ridge(layer, y)
    gradient = layer.outer(y, error) + per_network(ridge, inverse) * inverse
    moved = layer.back_project(gradient, y).flatten(1).square().sum(1) / y.shape[1]
    size = gradient.flatten(1).square().sum(1).clamp(min=torch.finfo(y.dtype).tiny)
    # A step of 1 / curvature leads to the least error that there is along the gradient.
    curvature = moved / size + ridge
    return inverse - per_network(rate / (rate * curvature).clamp(min=1), inverse) * gradient


def _reconstructions(
    network: NetworkLike, parameters: Parameters, inputs: list[Tensor], noise: Noise
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield x = h + noise and f(W x + b) of every layer but the first, which sends nothing back."""
    for index in range(1, len(inputs)):
        layer, h = network.layers[index], inputs[index].detach()
        size = NOISE * h.flatten(1).square().mean(1).sqrt()
        x = h + per_network(size, h) * noise.normal(f"reconstruction {index}", h.shape[1:])
        yield x, layer.activate(layer.preactivation(parameters[index], x))


def _angle(network: NetworkLike, parameters: Parameters, state: State, x: Tensor) -> Tensor:
    # The same draws each time, so that an angle changes with the weights alone.
    noise = Noise(range(len(x)), str(x.device), x.dtype)
    inputs = network.forward(parameters, x).inputs
    pairs = _reconstructions(network, parameters, inputs, noise)
    ends = [
        linear_inverse(layer, *pair) for layer, pair in zip(network.layers[1:], pairs, strict=True)
    ]
    return feedback_angle(state["feedback"], [None, *ends])


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)


def _ridge(layer: LayerLike, centred: Tensor) -> Tensor:
    """Return k: `RIDGE` times the mean variance of outputs, summed over positions."""
    power = centred.flatten(2).square().sum(-1).mean(1) / layer.map.channels_out
    # Silent outputs tell nothing of the input, and their inverse shrinks to nothing.
    return RIDGE * power.clamp(min=torch.finfo(centred.dtype).eps)


TARGET_PROPAGATION = CreditAssignment(
    "target_propagation",
    "learned feedback",
    _init,
    _step,
    angle=_angle,
    feedback="feedback",
    ranges={"feedback_time": FEEDBACK_TIME},
    refuses=(needs_chain,),
)
"""Difference target propagation. Source: Lee et al. 2015.

The paper leaves the form of the inverses open and uses tanh; ours are linear, so that where they
lead has a closed form. Its output layer hands down the gradient itself, which makes the rule
backprop in networks of one hidden layer; here the output has a learned inverse too, as in Meulemans
et al. 2020.
"""
