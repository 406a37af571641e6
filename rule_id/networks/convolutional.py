"""Convolutional networks: KNet, LeNet and AlexNet, in sizes from 8 x 8 pixels up.

`width` is the number of channels of the first convolution; the others keep the published ratios.
Pooling belongs to the layer that it feeds, so that a layer's output has the shape of its z.
"""

from __future__ import annotations

import math

from rule_id.networks.dense import dense_layer, readout
from rule_id.networks.layer import Hidden, Layer
from rule_id.networks.maps import ConvolutionMap
from rule_id.networks.network import Network

__all__ = ["alexnet", "knet", "lenet"]

Shape = tuple[int, ...]

LARGE = 64
"""Pixels from which a network begins with its published large kernel and stride."""


class _Chain:
    """Layers so far, each fed by the one before, and the shape of what the last one sends on."""

    def __init__(self, input_shape: Shape, hidden: Hidden, local_response: bool = False) -> None:
        self.layers: list[Layer] = []
        self.shape = input_shape
        self.hidden = hidden
        self.local_response = local_response
        self.dropout = 0.0

    def convolution(
        self, channels: int, kernel: int, *, stride: int = 1, receive_as: str = "as_it_is"
    ) -> None:
        shape = received_shape(receive_as, self.shape)
        channels_in, height, width = shape
        own = ConvolutionMap((channels_in, height, width), channels, kernel, stride, kernel // 2)
        hidden, index = self.hidden, len(self.layers)
        self.layers.append(
            Layer(
                f"conv{index + 1}",
                own,
                index - 1,
                receive_as,
                hidden.activation,
                hidden.normalisation,
                hidden.bias,
                self.dropout,
                local_response=self.local_response,
            )
        )
        self.shape = own.shape_out

    def dense(self, units: int, receive_as: str = "as_it_is") -> None:
        (n_in,) = received_shape(receive_as, self.shape)
        index = len(self.layers)
        name = f"dense{index + 1}"
        self.layers.append(dense_layer(name, n_in, units, index - 1, self.hidden, receive_as))
        self.shape = (units,)

    def network(self, n_out: int, receive_as: str = "as_it_is") -> Network:
        (n_in,) = received_shape(receive_as, self.shape)
        last = readout(n_in, n_out, len(self.layers) - 1, self.hidden, receive_as)
        return Network((*self.layers, last), "image")


def received_shape(receive_as: str, shape: Shape) -> Shape:
    """Return the shape of an input that a layer makes of another's output of this shape."""
    if receive_as == "as_it_is":
        return shape
    channels, height, width = shape
    pooled = {
        "largest_of_2x2": (channels, height // 2, width // 2),
        "largest_of_3x3": (channels, -(-height // 2), -(-width // 2)),
        "flat": (math.prod(shape),),
        "flat_mean_4x4": (channels * min(height, 4) * min(width, 4),),
        "mean_of_map": (channels,),
    }
    return pooled[receive_as]


def knet(
    n_convolutions: int,
    local_response: bool,
    input_shape: Shape,
    n_out: int,
    width: int,
    hidden: Hidden,
) -> Network:
    """Return a KNet: convolutions of w, 2w, 2w (and 2w) channels, and one dense layer.

    Each convolution but the first is fed by the largest of 2 x 2 positions, as long as there are 4
    or more. The names are those of Nayebi et al. 2020, whose KNet-4 and KNet-5 have 3 and 4
    convolutions; their sizes are not published, ours are small.
    """
    chain = _Chain(input_shape, hidden, local_response)
    chain.dropout = hidden.dropout  # it has no dense layer but the last
    for index in range(n_convolutions):
        pooled = index > 0 and min(chain.shape[1:]) >= 4
        kernel = 5 if index == 0 and min(input_shape[1:]) >= 32 else 3
        channels = width * (2 if index else 1)
        chain.convolution(channels, kernel, receive_as="largest_of_2x2" if pooled else "as_it_is")
    return chain.network(n_out, "flat_mean_4x4")


def lenet(input_shape: Shape, n_out: int, width: int, hidden: Hidden) -> Network:
    """Return a LeNet: 6 and 16 channels by 5 x 5, then 120 and 84 units, at a width of 6.

    Source: LeCun et al. 1998, with the largest of 2 x 2 for their averages.
    """
    chain = _Chain(input_shape, hidden)
    chain.convolution(width, 5)
    chain.convolution(round(width * 16 / 6), 5, receive_as="largest_of_2x2")
    height = chain.shape[1]
    chain.dense(20 * width, "flat_mean_4x4" if height > 4 else "flat")
    chain.dense(14 * width)
    return chain.network(n_out)


def alexnet(
    local_response: bool, input_shape: Shape, n_out: int, width: int, hidden: Hidden
) -> Network:
    """Return an AlexNet: 64, 192, 384, 256, 256 channels, then 4,096 and 4,096 units, at 64.

    Below 64 pixels the first kernel is 3 x 3 with a stride of 1, and maps are pooled as long as
    they have 4 positions or more. Local response normalisation follows the first two convolutions.

    Source: Krizhevsky 2014, "One weird trick"; Krizhevsky, Sutskever & Hinton 2012.
    """
    large = min(input_shape[1:]) >= LARGE
    chain = _Chain(input_shape, hidden, local_response)
    chain.convolution(width, 11 if large else 3, stride=4 if large else 1)
    chain.convolution(3 * width, 5 if large else 3, receive_as=_pool(chain.shape, large))
    chain.local_response = False
    chain.convolution(6 * width, 3, receive_as=_pool(chain.shape, large))
    for _ in range(2):
        chain.convolution(4 * width, 3)
    chain.dense(64 * width, "flat_mean_4x4")
    chain.dense(64 * width)
    return chain.network(n_out)


def _pool(shape: Shape, large: bool) -> str:
    if min(shape[1:]) < 4:
        return "as_it_is"
    return "largest_of_3x3" if large else "largest_of_2x2"
