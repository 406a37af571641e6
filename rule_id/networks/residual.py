"""Residual networks of 18 and 34 layers, in the first and the second form.

In the first form (He et al. 2015) what skips a block is added behind its second normalisation, and
the sum goes through the nonlinearity. In the second (He et al. 2016) it is added to the plain sum
W h, which goes on as it is; normalisation and nonlinearity come before the next convolution. Either
way a layer is W, then what follows it, so that both are the same kind of layer with `skip` or
`stream`.
"""

from __future__ import annotations

from dataclasses import replace

from rule_id.networks.dense import readout
from rule_id.networks.layer import Hidden, Layer
from rule_id.networks.maps import ConvolutionMap
from rule_id.networks.network import Network

__all__ = ["resnet"]

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Blocks of each stage; a stage has twice the channels of the one before, at half the positions."""

LARGE = 64
"""Pixels from which the first kernel is 7 x 7 with a stride of 2, as published; the pooling that
follows there is left out, since what skips the first block would need it too."""


class _Builder:
    def __init__(self, form: int, hidden: Hidden) -> None:
        self.form, self.hidden = form, hidden
        self.layers: list[Layer] = []

    def convolution(
        self,
        name: str,
        source: int,
        shape: tuple[int, ...],
        channels: int,
        kernel: int,
        stride: int,
    ) -> int:
        """Add a convolution, its normalisation and nonlinearity; return its place."""
        channels_in, height, width = shape
        own = ConvolutionMap((channels_in, height, width), channels, kernel, stride, kernel // 2)
        hidden = self.hidden
        self.layers.append(
            Layer(
                name,
                own,
                source,
                "as_it_is",
                hidden.activation,
                hidden.normalisation,
                hidden.bias,
                hidden.dropout,
            )
        )
        return len(self.layers) - 1

    def block(self, name: str, source: int, channels: int, stride: int) -> int:
        """Add two convolutions and what skips them; return the place of the second."""
        shape = self.layers[source].map.shape_out
        first = self.convolution(f"{name}.conv1", source, shape, channels, 3, stride)
        skipped = source
        if stride > 1 or shape[0] != channels:
            skipped = self._shortcut(f"{name}.shortcut", source, shape, channels, stride)
        inner = self.layers[first].map.shape_out
        second = self.convolution(f"{name}.conv2", first, inner, channels, 3, 1)
        own = self.layers[second]
        self.layers[second] = (
            replace(own, skip=skipped) if self.form == 1 else replace(own, stream=skipped)
        )
        return second

    def _shortcut(
        self, name: str, source: int, shape: tuple[int, ...], channels: int, stride: int
    ) -> int:
        place = self.convolution(name, source, shape, channels, 1, stride)
        linear = replace(self.layers[place], nonlinearity="identity", dropout=0.0)
        if self.form == 2:
            linear = replace(linear, normalisation="none", bias=False)
        self.layers[place] = linear
        return place


def resnet(
    depth: int, form: int, input_shape: tuple[int, ...], n_out: int, width: int, hidden: Hidden
) -> Network:
    """Return a residual network.

    Args:
        depth: 18 or 34.
        form: 1 or 2.
        input_shape: Channels, height and width.
        n_out: Output units.
        width: Channels of the first stage; 64 as published.
        hidden: What hidden layers have in common.
    """
    builder, large = _Builder(form, hidden), min(input_shape[1:]) >= LARGE
    place = builder.convolution("stem", -1, input_shape, width, *((7, 2) if large else (3, 1)))
    for stage, n_blocks in enumerate(BLOCKS[depth]):
        for index in range(n_blocks):
            # Below 4 x 4 the outer weights of a kernel would see nothing but the margin.
            halved = stage and not index and min(builder.layers[place].map.shape_out[1:]) >= 4
            stride = 2 if halved else 1
            name = f"stage{stage + 1}.{index + 1}"
            place = builder.block(name, place, width * 2**stage, stride)
    last = readout(width * 8, n_out, place, hidden, "mean_of_map")
    return Network((*builder.layers, last), "image")
