"""Pooling of maps, whatever the order in memory that a convolution left them in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rule_id.networks.linear_map import merged, split

__all__ = ["largest", "mean_of_at_most"]


class _Largest(torch.autograd.Function):
    """As `torch.nn.functional.max_pool2d`, in a third of its time on a CPU.

    Its forward pass looks at one number at a time unless channels come last; here they do so.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, size: int, stride: int, padding: int) -> Tensor:
        turned = images.contiguous(memory_format=torch.channels_last)
        result, places = functional.max_pool2d(turned, size, stride, padding, return_indices=True)
        ctx.save_for_backward(images, places)
        ctx.window = ([size] * 2, [stride] * 2, [padding] * 2, [1, 1], False)
        pooled: Tensor = result.contiguous()
        return pooled

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:
        images, places = ctx.saved_tensors
        to_images = torch.ops.aten.max_pool2d_with_indices_backward(
            signals[0].contiguous(), images, *ctx.window, places.contiguous()
        )
        return to_images, None, None, None


def largest(h: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Return the largest entry of each window.

    Args:
        h: Maps (E, batch, C, H, W).
        size: Height and width of a window, pixels.
        stride: Pixels between neighbouring windows.
        padding: Pixels around the map that no window's largest lies in.
    """
    images = merged(h)
    if h.device.type == "cpu":
        pooled: Tensor = _Largest.apply(images, size, stride, padding)
    else:
        pooled = functional.max_pool2d(images, size, stride, padding)
    return split(pooled, len(h))


def mean_of_at_most(h: Tensor, most: int) -> Tensor:
    """Average maps (E, batch, C, H, W) down to `most` x `most` positions where they have more."""
    height, width = (min(n, most) for n in h.shape[-2:])
    if (height, width) == h.shape[-2:]:
        return h
    return split(functional.adaptive_avg_pool2d(merged(h), (height, width)), len(h))
