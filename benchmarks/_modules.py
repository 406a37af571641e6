"""One network as a module of torch, with layers that a user would write for each rule."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rule_id.networks import Network
from rule_id.networks.maps import ConvolutionMap

__all__ = [
    "FeedbackConv2d",
    "FeedbackLinear",
    "linear_parts",
    "module_of",
    "weight_gradient",
]

RECEIVERS = {"largest_of_2x2": lambda: nn.MaxPool2d(2), "flat_mean_4x4": nn.Flatten}
"""The maps that reach the last layer are smaller than 4 x 4, so that nothing is averaged."""


def module_of(
    network: Network, linear: type[nn.Linear] = nn.Linear, conv: type[nn.Conv2d] = nn.Conv2d
) -> nn.Sequential:
    """Return one network with the same layers.

    Args:
        network: A chain of relu layers without normalisation.
        linear: What stands for a dense layer.
        conv: What stands for a convolution.
    """
    parts: list[nn.Module] = []
    for layer in network.layers:
        if layer.receive_as != "as_it_is":
            parts.append(RECEIVERS[layer.receive_as]())
        own = layer.map
        if isinstance(own, ConvolutionMap):
            sizes = (own.channels_in, own.channels_out, own.kernel)
            parts.append(conv(*sizes, stride=own.stride, padding=own.padding))
        else:
            parts.append(linear(own.channels_in, own.channels_out))
        if layer.nonlinearity == "relu":
            parts.append(nn.ReLU())
    return nn.Sequential(*parts)


def linear_parts(module: nn.Sequential) -> list[Any]:
    """Return what has weights, in order."""
    return [part for part in module if isinstance(part, nn.Linear | nn.Conv2d)]


class _FeedbackLinear(torch.autograd.Function):
    """The input gradient through B."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, feedback: Tensor) -> Tensor:
        ctx.save_for_backward(x, feedback)
        return functional.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:
        (d,) = signals
        x, feedback = ctx.saved_tensors
        return d @ feedback if ctx.needs_input_grad[0] else None, d.T @ x, d.sum(0), None


class _FeedbackConv2d(torch.autograd.Function):
    """The same of a convolution."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, feedback: Tensor, padding: Any
    ) -> Tensor:
        ctx.save_for_backward(x, feedback)
        ctx.padding = padding
        return functional.conv2d(x, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor | None, ...]:
        (d,) = signals
        x, feedback = ctx.saved_tensors
        how = {"padding": ctx.padding}
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = nn.grad.conv2d_input(x.shape, feedback, d, **how)
        to_weight = nn.grad.conv2d_weight(x, feedback.shape, d, **how)
        return to_x, to_weight, d.sum((0, 2, 3)), None, None


class FeedbackLinear(nn.Linear):
    """A dense layer with feedback weights of its own."""

    def __init__(self, n_in: int, n_out: int) -> None:
        """Draw B^T as the weights are drawn."""
        super().__init__(n_in, n_out)
        self.register_buffer("feedback", nn.Linear(n_in, n_out).weight.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + b; the teaching signal goes back through B."""
        self.seen = x.detach()
        return _FeedbackLinear.apply(x, self.weight, self.bias, self.feedback)

    @torch.no_grad()
    def align(self, amp: float, null: float, decay: float) -> None:
        """Descend E|BWx|² null - E<Wx, xB> amp + |B|² decay (Kunin et al. 2020)."""
        x, n = self.seen, len(self.seen)
        p = functional.linear(x, self.weight)
        step = p.T @ (2 * null / n * (p @ self.feedback) - amp / n * x)
        self.feedback.mul_(1 - 2 * decay).sub_(step)


class FeedbackConv2d(nn.Conv2d):
    """A convolution with feedback weights of its own."""

    def __init__(self, n_in: int, n_out: int, kernel: int, **how: Any) -> None:
        """Draw B^T as the weights are drawn."""
        super().__init__(n_in, n_out, kernel, **how)
        drawn = nn.Conv2d(n_in, n_out, kernel).weight
        self.register_buffer("feedback", drawn.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Return W * x + b; the teaching signal goes back through B."""
        self.seen = x.detach()
        return _FeedbackConv2d.apply(x, self.weight, self.bias, self.feedback, self.padding)

    @torch.no_grad()
    def align(self, amp: float, null: float, decay: float) -> None:
        """As a dense layer, summed over positions."""
        x, n = self.seen, len(self.seen)
        p = functional.conv2d(x, self.weight, padding=self.padding)
        back = nn.grad.conv2d_input(x.shape, self.feedback, p, padding=self.padding)
        step = weight_gradient(self, 2 * null / n * back - amp / n * x, p)
        self.feedback.mul_(1 - 2 * decay).sub_(step)


def weight_gradient(part: nn.Linear | nn.Conv2d, h: Tensor, d: Tensor) -> Tensor:
    """Return the sum of d h^T over the batch, and over positions."""
    if isinstance(part, nn.Linear):
        return d.T @ h
    return nn.grad.conv2d_weight(h, part.weight.shape, d, padding=part.padding)
