"""From teaching signals to pseudo-gradients, by autograd, for any kind of layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rule_id.rules.contract import ActivityLike, Batch, LayerLike, NetworkLike, Parameters

__all__ = ["gradients_of", "hand_down", "leaves_of", "output_error", "teach", "zeros_like"]


def teach(
    network: NetworkLike,
    parameters: Parameters,
    batch: Batch,
    feedback: Sequence[Tensor | None] | None = None,
) -> tuple[Parameters, Tensor, ActivityLike]:
    r"""Return pseudo-gradients, losses and the activity that they come from.

    d_L = dloss/dz_L, d_l = f'(z_l) * B_{l+1} d_{l+1}, and for each layer the pseudo-gradient of W
    is \sum d h^T over the batch (the loss is a mean, so this is one too).

    Args:
        network: Any network.
        parameters: Its parameters.
        batch: Inputs, targets and loss.
        feedback: B^T of each layer, in the shape of W, or None for W, which gives the gradient.
    """
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        activity = network.forward(leaves, batch.x, feedback=feedback)
        losses = batch.losses(activity.output)
    return gradients_of(leaves, [losses]), losses.detach(), activity


def output_error(batch: Batch, output: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of each example (E, batch) and its derivative by the output, e.

    Args:
        batch: Targets and loss.
        output: Outputs (E, batch, n_out).
    """
    with torch.enable_grad():
        leaf = output.detach().requires_grad_()
        losses = batch.loss(leaf, batch.y)
    # Of the sum over examples, which is each one's own where losses are separable.
    (error,) = torch.autograd.grad(losses, leaf, torch.ones_like(losses))
    return losses.detach(), error


def hand_down(layer: LayerLike, output: Tensor, signal: Tensor) -> Tensor:
    """Return what a signal at a layer's input is at the output that it is made of.

    The same where the layer takes that output as it is; pooled maps hand it to what they took.

    Args:
        layer: The layer.
        output: What feeds it, (E, batch, ...).
        signal: Of the shape of its input.
    """
    with torch.enable_grad():
        leaf = output.detach().requires_grad_()
        received = layer.receive(leaf)
    return signal if received is leaf else torch.autograd.grad(received, leaf, signal)[0]


def leaves_of(parameters: Parameters) -> Parameters:
    """Return the parameters as tensors that autograd differentiates by."""
    return [
        {name: tensor.detach().requires_grad_() for name, tensor in own.items()}
        for own in parameters
    ]


def gradients_of(
    leaves: Parameters, outcomes: Sequence[Tensor], signals: Sequence[Tensor] | None = None
) -> Parameters:
    r"""Return \sum_k signal_k doutcome_k / dparameters.

    Args:
        leaves: What `leaves_of` returned.
        outcomes: Tensors (E, ...) computed from them.
        signals: One tensor an outcome, of its shape; ones when left out. Networks do not share
            parameters, so the gradient of a sum over networks holds each one's own.
    """
    flat = [tensor for own in leaves for tensor in own.values()]
    given = signals if signals is not None else [torch.ones_like(one) for one in outcomes]
    gradients = iter(torch.autograd.grad(list(outcomes), flat, list(given)))
    return [{name: next(gradients) for name in own} for own in leaves]


def zeros_like(parameters: Parameters) -> Parameters:
    """Return no change for every parameter."""
    return [{name: torch.zeros_like(one) for name, one in own.items()} for own in parameters]
