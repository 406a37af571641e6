"""What is linear in a layer: W as a matrix or as a convolution, and all that rules ask of it.

Two views make a matrix of W for those who need one. In the view by outputs, W (C_out, K) meets what
each output position sees of the input (`seen`); in the view by inputs, W (C_in, M) meets what each
input position feeds of the output (`fed`), so that

    W h = by_outputs(W) seen(h),   W^T p = by_inputs(W) fed(p),

at every position. A dense layer has one position, and the views are W and W^T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from rule_id.networks.linear_map import convolve, linear_map, merged, split

__all__ = ["ConvolutionMap", "DenseMap"]


@dataclass(frozen=True)
class DenseMap:
    """h -> W h, W of shape (n_out, n_in).

    Attributes:
        channels_in: Input units, n_in.
        channels_out: Output units, n_out.
    """

    channels_in: int
    channels_out: int
    kind: str = "dense"

    unit_dims = 1
    """Trailing axes of activity that count units."""

    taps = 1
    """Input positions that one output position sees."""

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of W of one network."""
        return (self.channels_out, self.channels_in)

    @property
    def shape_in(self) -> tuple[int, ...]:
        """Shape of the input of one example."""
        return (self.channels_in,)

    @property
    def shape_out(self) -> tuple[int, ...]:
        """Shape of the output of one example."""
        return (self.channels_out,)

    def apply(
        self, h: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor | None
    ) -> Tensor:
        """Return W h + b; the teaching signal goes back through `feedback`."""
        return linear_map(h, weight, bias, feedback)

    def project(self, weight: Tensor, h: Tensor) -> Tensor:
        """Return W h for h (E, batch, ..., n_in)."""
        return torch.bmm(h.flatten(1, -2), weight.mT).view(*h.shape[:-1], -1)

    def back_project(self, weight: Tensor, d: Tensor) -> Tensor:
        """Return W^T d for d (E, batch, ..., n_out)."""
        return torch.bmm(d.flatten(1, -2), weight).view(*d.shape[:-1], -1)

    def outer(self, d: Tensor, h: Tensor) -> Tensor:
        """Return the mean over the batch of d h^T, summed over time where there is one."""
        return torch.bmm(d.flatten(1, -2).mT, h.flatten(1, -2)).div_(h.shape[1])

    def seen(self, h: Tensor) -> Tensor:
        """Return what each output position sees, (E, batch x positions, K)."""
        return h.flatten(1, -2)

    def fed(self, p: Tensor) -> Tensor:
        """Return what each input position feeds, (E, batch x positions, M)."""
        return p.flatten(1, -2)

    def inputs_by_position(self, h: Tensor) -> Tensor:
        """Return the input at each of its positions, (E, batch x positions, C_in)."""
        return h.flatten(1, -2)

    def by_outputs(self, weight: Tensor) -> Tensor:
        """Return W as (E, C_out, K)."""
        return weight

    def by_inputs(self, weight: Tensor) -> Tensor:
        """Return W as (E, C_in, M)."""
        return weight.mT

    def from_inputs(self, matrix: Tensor) -> Tensor:
        """Return what `by_inputs` was made of."""
        return matrix.mT

    def white_power(self, h: Tensor) -> Tensor:
        """Return E over white noise of seen(h)², in the shape of W for one network and output.

        Summed over time where there is one.
        """
        steps = math.prod(h.shape[2:-1])
        return torch.full((self.channels_in,), float(steps), dtype=h.dtype, device=h.device)


@dataclass(frozen=True)
class ConvolutionMap:
    """h -> W * h, W of shape (C_out, C_in, k, k).

    Attributes:
        shape_in: Channels, height and width of the input.
        channels_out: Channels of the output.
        kernel: k, pixels.
        stride: Pixels between neighbouring positions.
        padding: Zeros around the input, pixels.
    """

    shape_in: tuple[int, int, int]
    channels_out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    kind: str = "convolution"

    unit_dims = 3

    @property
    def channels_in(self) -> int:
        """Channels of the input."""
        return self.shape_in[0]

    @property
    def taps(self) -> int:
        """Input positions that one output position sees, k²."""
        return self.kernel**2

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of W of one network."""
        return (self.channels_out, self.channels_in, self.kernel, self.kernel)

    @property
    def shape_out(self) -> tuple[int, ...]:
        """Shape of the output of one example."""
        sizes = [(n + 2 * self.padding - self.kernel) // self.stride + 1 for n in self.shape_in[1:]]
        return (self.channels_out, *sizes)

    def apply(
        self, h: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor | None
    ) -> Tensor:
        """Return W * h + b; the teaching signal goes back through `feedback`."""
        return convolve(h, weight, bias, feedback, stride=self.stride, padding=self.padding)

    def project(self, weight: Tensor, h: Tensor) -> Tensor:
        """Return W * h for h (E, batch, C_in, H, W)."""
        return self.apply(h, weight, None, None)

    def back_project(self, weight: Tensor, d: Tensor) -> Tensor:
        """Return the transposed convolution of d (E, batch, C_out, H', W') with W."""
        height, width = self.shape_in[1:]
        image = d.new_zeros(1).expand(d.shape[1], len(d) * self.channels_in, height, width)
        to_input, _, _ = self._backward(d, image, weight.flatten(0, 1), [True, False, False])
        return split(to_input, len(d))

    def outer(self, d: Tensor, h: Tensor) -> Tensor:
        """Return the mean over the batch, and the sum over positions, of d h^T."""
        kernel = d.new_zeros(1).expand(len(d) * self.channels_out, *self.weight_shape[1:])
        _, product, _ = self._backward(d, merged(h), kernel, [False, True, False])
        return product.unflatten(0, (len(d), -1)) / h.shape[1]

    def _backward(
        self, d: Tensor, images: Tensor, kernel: Tensor, wanted: list[bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        strides, paddings = [self.stride] * 2, [self.padding] * 2
        result: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
            merged(d),
            images,
            kernel,
            None,
            strides,
            paddings,
            [1, 1],
            False,
            [0, 0],
            len(d),
            wanted,
        )
        return result

    def seen(self, h: Tensor) -> Tensor:
        """Return what each output position sees, (E, batch x positions, C_in k²)."""
        patches = functional.unfold(
            h.flatten(0, 1), self.kernel, padding=self.padding, stride=self.stride
        )
        return patches.mT.unflatten(0, h.shape[:2]).flatten(1, 2)

    def fed(self, p: Tensor) -> Tensor:
        """Return what each input position feeds, (E, batch x positions, C_out k²)."""
        spread = self._spread(p.flatten(0, 1))
        patches = functional.unfold(spread, self.kernel).mT
        # A window shows the taps in reverse: what is fed through the first tap lies behind.
        patches = patches.unflatten(-1, (self.channels_out, self.kernel, self.kernel))
        return patches.flip(-1, -2).flatten(2).unflatten(0, p.shape[:2]).flatten(1, 2)

    def _spread(self, p: Tensor) -> Tensor:
        """Return p (n, C_out, H', W') with zeros for the positions that the stride leaves out."""
        before = self.kernel - 1 - self.padding
        sizes = [n + self.kernel - 1 for n in self.shape_in[1:]]
        spread = p.new_zeros(len(p), self.channels_out, *sizes)
        rows, columns = (slice(before, None, self.stride) for _ in sizes)
        spread[:, :, rows, columns][:, :, : p.shape[2], : p.shape[3]] = p
        return spread

    def inputs_by_position(self, h: Tensor) -> Tensor:
        """Return the input at each of its positions, (E, batch x positions, C_in)."""
        return h.flatten(3).mT.flatten(1, 2)

    def by_outputs(self, weight: Tensor) -> Tensor:
        """Return W as (E, C_out, C_in k²)."""
        return weight.flatten(2)

    def by_inputs(self, weight: Tensor) -> Tensor:
        """Return W as (E, C_in, C_out k²)."""
        return weight.transpose(1, 2).flatten(2)

    def from_inputs(self, matrix: Tensor) -> Tensor:
        """Return what `by_inputs` was made of."""
        sizes = (self.channels_out, self.kernel, self.kernel)
        return matrix.unflatten(2, sizes).transpose(1, 2)

    def white_power(self, h: Tensor) -> Tensor:
        """Return E over white noise of seen(h)², in the shape of W for one network and output.

        At the margin some taps lie outside, so that they see the input at fewer positions.
        """
        ones = torch.ones(1, 1, *self.shape_in, dtype=h.dtype, device=h.device)
        return self.seen(ones).sum((0, 1)).view(self.weight_shape[1:])
