"""Rules that pass a teaching signal down layer by layer: backprop and feedback alignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

__all__ = ["BACKPROP", "FEEDBACK_ALIGNMENT", "init_fixed_feedback", "teach"]


def teach(
    network: NetworkLike,
    parameters: Parameters,
    batch: Batch,
    feedback: Sequence[Tensor | None] | None,
) -> tuple[Parameters, Tensor, Any]:
    r"""Return pseudo-gradients, losses and the activity that they come from.

    d_L = dloss/dz_L, d_l = f'(z_l) * B_{l+1} d_{l+1}, and for each layer the pseudo-gradient of W
    is \sum d h^T over the batch (the loss is a mean, so this is one too).

    Args:
        network: Any network.
        parameters: Its parameters.
        batch: Inputs, targets and loss.
        feedback: B of each layer, (E, n_in, n_out), or None for W^T.
    """
    leaves = [
        {name: tensor.detach().requires_grad_() for name, tensor in own.items()}
        for own in parameters
    ]
    with torch.enable_grad():
        activity = network.forward(leaves, batch.x, feedback)
        losses = batch.loss(activity.output, batch.y)
    flat = [tensor for own in leaves for tensor in own.values()]
    # Networks do not share parameters, so the gradient of the sum holds each one's own.
    gradients = iter(torch.autograd.grad(losses.sum(), flat))
    return [{name: next(gradients) for name in own} for own in leaves], losses.detach(), activity


def init_fixed_feedback(like_transposed_weights: Sequence[Tensor]) -> State:
    """Return feedback weights drawn like W^T, once for all."""
    return {"feedback": list(like_transposed_weights)}


def _init_backprop(like_transposed_weights: Sequence[Tensor]) -> State:
    return {}


def _step_backprop(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
) -> Assignment:
    gradients, losses, _ = teach(network, parameters, batch, None)
    return Assignment(gradients, state, losses)


def _step_feedback_alignment(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
) -> Assignment:
    gradients, losses, _ = teach(network, parameters, batch, state["feedback"])
    return Assignment(gradients, state, losses)


BACKPROP = CreditAssignment("backprop", "backprop", _init_backprop, _step_backprop)
"""d_l = f'(z_l) * W_{l+1}^T d_{l+1}. Source: Rumelhart, Hinton & Williams 1986."""

FEEDBACK_ALIGNMENT = CreditAssignment(
    "feedback_alignment", "fixed feedback", init_fixed_feedback, _step_feedback_alignment
)
"""d_l = f'(z_l) * B_{l+1} d_{l+1}, B fixed and random. Source: Lillicrap et al. 2016."""
