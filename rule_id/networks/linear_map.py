"""The one place where a teaching signal passes through weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["linear_map"]


class _LinearMap(torch.autograd.Function):
    """Forward through W, input gradient through B, weight gradient from the input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, feedback: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(x, weight if feedback is None else feedback)
        return torch.baddbmm(bias[:, None], x, weight.mT)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:
        (signal,) = signals
        x, backward_weight = ctx.saved_tensors
        wanted_x, wanted_weight, wanted_bias, _ = ctx.needs_input_grad
        return (
            signal @ backward_weight if wanted_x else None,
            signal.mT @ x if wanted_weight else None,
            signal.sum(1) if wanted_bias else None,
            None,
        )


def linear_map(x: Tensor, weight: Tensor, bias: Tensor, feedback: Tensor | None = None) -> Tensor:
    r"""Map a batch of each network linearly, with the teaching signal sent back through `feedback`.

    Forward z = W x + b. Backward, for the teaching signal d of z: B d is passed to x (B = W^T when
    `feedback` is None, which is the true gradient), and the pseudo-gradient of W is \sum d x^T.

    Args:
        x: Inputs (E, batch, n_in).
        weight: W, (E, n_out, n_in).
        bias: b, (E, n_out).
        feedback: B^T, (E, n_out, n_in), the shape of W, or None for W itself.

    Returns:
        z, (E, batch, n_out).
    """
    result: Tensor = _LinearMap.apply(x, weight, bias, feedback)
    return result
