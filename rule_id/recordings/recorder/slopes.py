r"""How fast a layer's mean response grows with its input.

For each stimulus the sum over input units i of d(mean output unit)/d h_i. With z = W h + b and the
response f(norm(z + what other layers add)) of n units this is

    1/n \sum_k p_k (W 1)_k,   p_k = \sum_j d response_j / d z_k,

what other layers add being held. W 1 is what the layer makes of an input of ones, less what it
makes of zeros, so that it is W itself that counts: some layers of models that learn without
backprop send gradients through other weights than those that they run with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from rule_id.recordings.recorder.operations import TorchCall, tensors_in

__all__ = ["growth", "leading_axes", "summed_slopes"]

TOLERANCE = 0.05
"""How far a layer may be from affine, of the largest entry of W 1: as far as bfloat16 makes it."""


def leading_axes(module: nn.Module, output: Tensor) -> int:
    """Return how many first axes of a layer's output count stimuli, positions or time steps.

    Of a linear layer all but the last, of a convolution none but that of the batch.
    """
    if isinstance(module, nn.Linear):
        return output.dim() - 1
    if isinstance(module, _ConvNd):
        return output.dim() - 1 - len(module.kernel_size)
    return min(1, output.dim() - 1)


def growth(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor, leading: int
) -> Tensor | None:
    """Return W 1, the shape of z with 1s for the first axes, or None where z is not W h + b.

    Args:
        module: A linear or convolutional layer, or one that derives from it.
        args: What it was called with, h first.
        kwargs: What it was called with by name.
        output: z.
        leading: First axes of h that do not count units.
    """
    h = next(tensors_in((args, kwargs)), None)
    if h is None or not h.is_floating_point() or not isinstance(module, nn.Linear | _ConvNd):
        return None
    call = TorchCall(module.forward, args, kwargs)

    def forward(x: Tensor) -> Tensor:
        # Not through the module's call, so that nobody's hook sees it.
        result: Tensor = call.on({id(h): x}).run()
        return result

    with torch.no_grad():
        ones = h.new_ones((1,) * leading + h.shape[leading:])
        rate = forward(ones) - forward(torch.zeros_like(ones))
        usual = type(module).__module__.startswith("torch.nn.modules")
        if usual and len(module._forward_hooks) == 1:
            return rate
        # Of a class or with a hook of somebody else, it may be anything.
        z = forward(h)
        wrong = [forward(h + 1) - z - rate, output - z] if z.shape == output.shape else [output]
    affine = all(bool(one.abs().max() <= TOLERANCE * rate.abs().max()) for one in wrong)
    return rate if affine else None


def summed_slopes(response: Tensor, z: Tensor, rate: Tensor, leading: int) -> Tensor | None:
    """Return the slopes summed over input units, one for each stimulus.

    Args:
        response: (*stimuli, *units).
        z: What the layer gave, from which the response was computed.
        rate: W 1.
        leading: First axes of z that count stimuli.

    Returns:
        (stimuli,), or None where torch cannot say how the response follows from z.
    """
    if not response.requires_grad:
        return None
    try:
        # Of the sum, not the mean: 1 / n may be too small for half precision.
        (pull,) = torch.autograd.grad(
            response, z, torch.ones_like(response), retain_graph=True, allow_unused=True
        )
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        return None
    if pull is None:
        return None
    precise = torch.promote_types(pull.dtype, torch.float32)
    n = max(1, response[(0,) * leading].numel())
    products = pull.to(precise) * rate.to(precise)
    return products.reshape(*z.shape[:leading], -1).sum(-1).flatten() / n
