"""The one place where a teaching signal passes through weights: maps of each kind of layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["convolve", "linear_map", "merged", "split"]


class _LinearMap(torch.autograd.Function):
    """Forward through W, input gradient through B, weight gradient from the input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(x, weight if feedback is None else feedback)
        # bmm by name: `@` takes four calls to find out that it is one.
        if bias is None:
            return torch.bmm(x, weight.mT)
        return torch.baddbmm(bias[:, None], x, weight.mT)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:
        (signal,) = signals
        x, backward_weight = ctx.saved_tensors
        wanted_x, wanted_weight, wanted_bias, _ = ctx.needs_input_grad
        return (
            torch.bmm(signal, backward_weight) if wanted_x else None,
            torch.bmm(signal.mT, x) if wanted_weight else None,
            signal.sum(1) if wanted_bias else None,
            None,
        )


def linear_map(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, feedback: Tensor | None = None
) -> Tensor:
    r"""Map a batch of each network linearly, with the teaching signal sent back through `feedback`.

    Forward z = W x + b. Backward, for the teaching signal d of z: B d is passed to x (B = W^T when
    `feedback` is None, which is the true gradient), and the pseudo-gradient of W is \sum d x^T.

    Args:
        x: Inputs (E, batch, ..., n_in), each time step by itself where there is one.
        weight: W, (E, n_out, n_in).
        bias: b, (E, n_out), or None.
        feedback: B^T, (E, n_out, n_in), the shape of W, or None for W itself.

    Returns:
        z, (E, batch, ..., n_out).
    """
    if x.dim() == 3:
        z: Tensor = _LinearMap.apply(x, weight, bias, feedback)
        return z
    result: Tensor = _LinearMap.apply(x.flatten(1, -2), weight, bias, feedback)
    return result.view(*x.shape[:-1], weight.shape[1])


def merged(x: Tensor) -> Tensor:
    """Return x (E, batch, C, H, W) as the images (batch, E C, H, W) of a convolution in groups."""
    return x.transpose(0, 1).flatten(1, 2)


def split(x: Tensor, networks: int) -> Tensor:
    """Return what `merged` made of it: (E, batch, C, H, W)."""
    return x.unflatten(1, (networks, -1)).transpose(0, 1)


class _Convolution(torch.autograd.Function):
    """As `_LinearMap`; one call of a grouped convolution, whatever the number of networks."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        feedback: Tensor | None,
        stride: int,
        padding: int,
    ) -> Tensor:
        images, groups = merged(x), len(x)
        ctx.save_for_backward(images, (weight if feedback is None else feedback).flatten(0, 1))
        ctx.groups, ctx.stride, ctx.padding = groups, stride, padding
        ctx.bias_sizes = None if bias is None else [bias.numel()]
        own_bias = None if bias is None else bias.flatten()
        z = torch.conv2d(images, weight.flatten(0, 1), own_bias, stride, padding, 1, groups)
        return split(z, groups)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:
        images, backward_weight = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad[:3])
        to_x, to_weight, to_bias = torch.ops.aten.convolution_backward(
            merged(signals[0]),
            images,
            backward_weight,
            ctx.bias_sizes,
            [ctx.stride] * 2,
            [ctx.padding] * 2,
            [1, 1],
            False,
            [0, 0],
            ctx.groups,
            wanted,
        )
        return (
            split(to_x, ctx.groups) if wanted[0] else None,
            to_weight.unflatten(0, (ctx.groups, -1)) if wanted[1] else None,
            to_bias.unflatten(0, (ctx.groups, -1)) if wanted[2] else None,
            None,
            None,
            None,
        )


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    feedback: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> Tensor:
    """Convolve a batch of each network, with the teaching signal sent back through `feedback`.

    As `linear_map`, with W h the convolution and B d the transposed convolution with B^T.

    Args:
        x: Inputs (E, batch, C_in, H, W).
        weight: W, (E, C_out, C_in, k, k).
        bias: b, (E, C_out), or None.
        feedback: B^T, in the shape of W, or None for W itself.
        stride: Pixels between neighbouring positions.
        padding: Zeros around the input, pixels.

    Returns:
        z, (E, batch, C_out, H', W').
    """
    result: Tensor = _Convolution.apply(x, weight, bias, feedback, stride, padding)
    return result
