r"""Networks whose units settle: two phases, and the difference of their Hebbian terms.

The energy of layers with outputs s_0 = x, s_1, ..., s_L is

    F = \sum_l g^{l-L} (\int f_l^{-1}(s_l) ds_l - s_l . (W_l s_{l-1} + b_l)),

whose stationary points are s_l = f_l(W_l s_{l-1} + b_l + g W_{l+1}^T s_{l+1}). The free phase has x
alone fixed. In the second phase the output is nudged down the loss (equilibrium propagation) or
clamped to what is desired (contrastive Hebbian learning), and

    G_l = -(g^{l-L} / beta) (s_l s_{l-1}^T in the second phase - the same in the free one).

g is the strength of top-down against bottom-up connections. At g = 1 the energy is Hopfield's;
activities that have no bound then run away unless weights are tiny, so g is drawn such that every
loop between two layers has a gain of `coupling` at the start, which is below 1/4 and settles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rule_id.rules.contract import (
    ActivityLike,
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
from rule_id.rules.refusals import (
    needs_dense,
    needs_desired_output,
    needs_every_unit,
    needs_loss_of_each_example,
    needs_plain_sums,
)
from rule_id.rules.teaching import gradients_of, leaves_of, output_error
from rule_id.rules.tensors import per_network

__all__ = [
    "CONTRASTIVE_HEBBIAN",
    "EQUILIBRIUM_PROPAGATION",
    "largest_gain",
    "settle",
]

ITERATIONS, RATE = 15, 0.8
COUPLING = {"log_uniform": [0.05, 0.2]}

# Weights that grow fast take the gain of a loop above 1, and the units no longer settle.
LEARNING_RATES = {
    "scaled": {"log_uniform": [3e-3, 2e-2]},
    "normalised": {"log_uniform": [3e-4, 2e-3]},
}

SETTLING = (needs_dense, needs_plain_sums, needs_every_unit, needs_loss_of_each_example)


class Settled(NamedTuple):
    """What units that settle come to, for each layer (E, batch, ...)."""

    inputs: list[Tensor]
    preactivations: list[Tensor]
    outputs: list[Tensor]

    @property
    def output(self) -> Tensor:
        """Output of the last layer."""
        return self.outputs[-1]


Push = Callable[[Tensor, Tensor], Tensor]
"""From the output's bottom-up drive z_L and its present value to its new value."""

Hold = Callable[[list[Tensor]], tuple[list[Tensor], Push]]
"""From the outputs of the free phase to where the second one starts and what holds its output."""


def settle(
    network: NetworkLike,
    parameters: Parameters,
    x: Tensor,
    strength: Tensor,
    *,
    start: list[Tensor] | None = None,
    push: Push | None = None,
    iterations: int = ITERATIONS,
) -> tuple[list[Tensor], list[Tensor]]:
    """Let all units settle.

    s_l moves a share `RATE` of the way to f_l(W_l s_{l-1} + b_l + g W_{l+1}^T s_{l+1}), all layers
    at once, `iterations` times.

    Args:
        network: Any network that is a chain of layers.
        parameters: Its parameters.
        x: Inputs (E, batch, ...).
        strength: g of each network (E,).
        start: Outputs of the layers to start from; those of a forward pass when left out.
        push: What holds the output; None leaves it free.
        iterations: How often the units move.

    Returns:
        For each layer its output s_l and its drive W_l s_{l-1} + b_l + g W_{l+1}^T s_{l+1}.
    """
    layers = network.layers
    states = list(start) if start is not None else network.forward(parameters, x).outputs
    for _ in range(iterations):
        drives = _drives(network, parameters, x, states, strength)
        aims = [layer.activate(z) for layer, z in zip(layers, drives, strict=True)]
        if push is not None:
            aims[-1] = push(drives[-1], states[-1])
        states = [torch.lerp(s, aim, RATE) for s, aim in zip(states, aims, strict=True)]
    return states, _drives(network, parameters, x, states, strength)


def _drives(
    network: NetworkLike, parameters: Parameters, x: Tensor, states: list[Tensor], strength: Tensor
) -> list[Tensor]:
    layers = network.layers
    drives = [
        layer.preactivation(own, below)
        for layer, own, below in zip(layers, parameters, [x, *states[:-1]], strict=True)
    ]
    for index in range(len(layers) - 1):
        down = layers[index + 1].back_project(parameters[index + 1]["weight"], states[index + 1])
        drives[index] = drives[index] + per_network(strength, down) * down
    return drives


def largest_gain(network: NetworkLike, parameters: Parameters, inputs: list[Tensor]) -> Tensor:
    """Return the largest squared singular value of W over all layers but the first, (E,).

    By power iteration with W and W^T, for any kind of layer.

    Args:
        network: Any network.
        parameters: Its parameters.
        inputs: What each layer is fed (E, batch, ...), for its shape and a start.
    """
    gains = []
    for layer, own, h in zip(network.layers[1:], parameters[1:], inputs[1:], strict=True):
        v = 1 + 0.1 * h[:, :1]
        for _ in range(30):
            v = v / per_network(v.flatten(1).norm(dim=1), v)
            v = layer.back_project(own["weight"], layer.project(own["weight"], v))
        gains.append(v.flatten(1).norm(dim=1))
    return torch.stack(gains).amax(0)


def _init(setup: Setup) -> State:
    activity = setup.network.forward(setup.parameters, setup.inputs)
    gain = largest_gain(setup.network, setup.parameters, activity.inputs)
    return {"strength": setup.hyperparameters["coupling"] / gain}


def _respond(network: NetworkLike, parameters: Parameters, state: State, x: Tensor) -> ActivityLike:
    """Return the free phase."""
    states, drives = settle(network, parameters, x, state["strength"])
    return Settled([x, *states[:-1]], drives, states)


def _phases(
    network: NetworkLike, parameters: Parameters, batch: Batch, strength: Tensor, hold: Hold
) -> tuple[Parameters, list[Tensor], list[Tensor], Tensor]:
    """Return parameters, the outputs in both phases, and the free phase's losses.

    What the second phase changes in the first of many layers is g^L small, so that all of it is
    done in double precision, and the free phase goes on beside the second: what either had still to
    settle then cancels in their difference.
    """
    exact = [{name: one.double() for name, one in own.items()} for own in parameters]
    x, g = batch.x.double(), strength.double()
    free, _ = settle(network, exact, x, g)
    start, push = hold(free)
    second, _ = settle(network, exact, x, g, start=start, push=push)
    settled, _ = settle(network, exact, x, g, start=free)
    losses = batch.losses(free[-1]).to(strength.dtype)
    return exact, settled, second, losses


def _contrast(
    network: NetworkLike,
    parameters: Parameters,
    strength: Tensor,
    phases: tuple[list[Tensor], list[Tensor]],
    x: Tensor,
    size: Tensor,
) -> Parameters:
    """Return G for outputs in the free and the second phase, divided by `size`; a batch mean."""
    outcomes, signals = [], []
    leaves = leaves_of(parameters)
    depth = len(network.layers)
    for sign, states in zip((1.0, -1.0), phases, strict=True):
        for index, (layer, below, s) in enumerate(
            zip(network.layers, [x, *states[:-1]], states, strict=True)
        ):
            factor = sign * strength ** (index + 1 - depth) / size / x.shape[1]
            with torch.enable_grad():
                outcomes.append(layer.preactivation(leaves[index], below))
            signals.append(per_network(factor, s) * s)
    gradients = gradients_of(leaves, outcomes, signals)
    return [{name: one.to(size.dtype) for name, one in own.items()} for own in gradients]


def _step_equilibrium(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    beta, strength = hyperparameters["nudging"], state["strength"]

    def push(drive: Tensor, output: Tensor) -> Tensor:
        _, error = output_error(batch, output)
        return network.layers[-1].activate(drive - per_network(beta, error) * error)

    exact, free, nudged, losses = _phases(
        network, parameters, batch, strength, lambda free: (free, push)
    )
    phases, x = (free, nudged), batch.x.double()
    gradients = _contrast(network, exact, strength.double(), phases, x, beta)
    return Assignment(gradients, state, losses)


def _step_contrastive(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    strength = state["strength"]

    def hold(free: list[Tensor]) -> tuple[list[Tensor], Push]:
        desired = _desired(batch, free[-1])
        return [*free[:-1], desired], lambda drive, output: desired

    exact, free, clamped, losses = _phases(network, parameters, batch, strength, hold)
    phases, x = (free, clamped), batch.x.double()
    one = torch.ones_like(strength)
    gradients = _contrast(network, exact, strength.double(), phases, x, one)
    return Assignment(gradients, state, losses)


def _desired(batch: Batch, output: Tensor) -> Tensor:
    """Return the output that is wanted: 1 for the class and 0 for the others, or the target."""
    if batch.y.dtype != torch.int64:
        return batch.y.to(output.dtype)
    # one_hot would read the classes, for which a device has to be waited for.
    classes = torch.arange(output.shape[-1], device=output.device)
    return (batch.y[..., None] == classes).to(output.dtype)


EQUILIBRIUM_PROPAGATION = CreditAssignment(
    "equilibrium_propagation",
    "energy based",
    _init,
    _step_equilibrium,
    respond=_respond,
    ranges={"nudging": {"uniform": [0.1, 1.0]}, "coupling": COUPLING},
    learning_rates=LEARNING_RATES,
    refuses=SETTLING,
)
"""The second phase descends F + beta loss, beta `nudging`; as beta goes to 0, G tends to the
gradient of the loss in the free phase.

Source: Scellier & Bengio 2017, with the state's outputs for their rho(u), the settling of Ernoult
et al. 2019, and g < 1 after Xie & Seung 2003.
"""

CONTRASTIVE_HEBBIAN = CreditAssignment(
    "contrastive_hebbian",
    "energy based",
    _init,
    _step_contrastive,
    respond=_respond,
    ranges={"coupling": COUPLING},
    learning_rates=LEARNING_RATES,
    refuses=(*SETTLING, needs_desired_output),
)
"""The second phase has the output clamped to 1 for the class and 0 for the others; beta = 1.

Source: Movellan 1991; layers weighted by g^{l-L} after Xie & Seung 2003.
"""
