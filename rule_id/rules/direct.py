"""Direct feedback alignment: the output's error reaches every layer in one step."""

from __future__ import annotations

import math

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
from rule_id.rules.teaching import gradients_of, leaves_of, output_error

__all__ = ["DIRECT_FEEDBACK_ALIGNMENT", "teach_directly"]


def teach_directly(
    network: NetworkLike, parameters: Parameters, batch: Batch, feedback: list[Tensor]
) -> tuple[Parameters, Tensor]:
    """Return pseudo-gradients and losses for e sent straight to every layer.

    d_l = f'(z_l) * B_l e with e the loss's derivative by the output; the last layer gets e itself.

    Args:
        network: Any network.
        parameters: Its parameters.
        batch: Inputs, targets and loss.
        feedback: B_l of each layer but the last, (E, units of the layer's output, n_output); the
            same for every time step.

    Returns:
        Pseudo-gradients, of the shapes of the parameters, and the loss of each network (E,).
    """
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        activity = network.forward(leaves, batch.x, local=True)
    losses, error = output_error(batch, activity.output)
    e = error / losses.shape[1]
    hidden = zip(network.layers, activity.outputs[:-1], feedback, strict=False)
    signals = [_over_time((e @ b.mT).unflatten(2, la.map.shape_out), h) for la, h, b in hidden]
    gradients = gradients_of(leaves, activity.outputs, [*signals, e])
    return gradients, losses.mean(-1)


def _over_time(signal: Tensor, h: Tensor) -> Tensor:
    """Return a signal for each time step of h, where h has time."""
    return signal if signal.dim() == h.dim() else signal[:, :, None].expand_as(h)


def _init(setup: Setup) -> State:
    """Draw B_l uniform with variance 2 / (n_output + units), Glorot & Bengio's."""
    units = [math.prod(layer.map.shape_out) for layer in setup.network.layers]
    feedback = []
    for index, n in enumerate(units[:-1]):
        bound = math.sqrt(6 / (n + units[-1]))
        drawn = setup.noise.uniform(f"direct feedback {index}", (n, units[-1]))
        feedback.append(bound * (2 * drawn - 1))
    return {"direct_feedback": feedback}


def _step(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    gradients, losses = teach_directly(network, parameters, batch, state["direct_feedback"])
    return Assignment(gradients, state, losses)


DIRECT_FEEDBACK_ALIGNMENT = CreditAssignment(
    "direct_feedback_alignment", "fixed feedback", _init, _step
)
"""d_l = f'(z_l) * B_l e, B_l fixed and random from the output.

Source: Nokland 2016, which leaves the distribution of B_l open; ours is BioTorch's default.
"""
