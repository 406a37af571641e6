"""Networks: layers, what feeds which, and a pass through all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rule_id.networks.layer import Layer, NoiseLike

__all__ = ["Activity", "Network", "Parameters"]

Parameters = list[dict[str, Tensor]]
"""For each layer its tensors by name, the network axis first."""

TIME_STEPS = 8
"""How long an input that is no sequence is shown to a recurrent network."""


class Activity(NamedTuple):
    """What a pass went through, for each layer, each (E, batch, ..., units).

    Attributes:
        inputs: What each layer was fed; a recurrent layer its own output one time step before.
        preactivations: z of each layer, with what was added to it.
        outputs: f(z) of each layer.
    """

    inputs: list[Tensor]
    preactivations: list[Tensor]
    outputs: list[Tensor]

    @property
    def output(self) -> Tensor:
        """Output of the last layer."""
        return self.outputs[-1]


@dataclass(frozen=True)
class Network:
    """A list of layers, each fed by an earlier one.

    Attributes:
        layers: First to last; the last gives the output.
        form: How inputs are arranged: `vector`, `image` or `sequence`.
    """

    layers: tuple[Layer, ...]
    form: str = "vector"

    @property
    def n_parameters(self) -> int:
        """Parameters of one network."""
        return sum(self._sizes)

    def n_products(self, time_steps: int = TIME_STEPS) -> int:
        """Return the multiplications of one pass of one example through one network.

        Args:
            time_steps: Those of a sequence.
        """

        def repeats(layer: Layer) -> int:
            return time_steps if self.form == "sequence" and layer.receive_as != "last_step" else 1

        return sum(
            repeats(layer) * math.prod(layer.map.weight_shape) * layer.n_out // layer.channels_out
            for layer in self.layers
        )

    @property
    def is_chain(self) -> bool:
        """Whether each layer is fed by the one before it alone."""
        return all(
            layer.source == index - 1
            and (layer.skip, layer.stream, layer.recurrent) == (None, None, False)
            for index, layer in enumerate(self.layers)
        )

    def arrange(self, x: Tensor) -> Tensor:
        """Return inputs of a task in the form that the first layer takes.

        Args:
            x: (E, batch, features) or (E, batch, channels, height, width).

        Returns:
            A vector (E, batch, n); the image as it is; or a sequence (E, batch, time, n), of an
            image its columns from left to right, of a vector the same one in each time step.
        """
        if self.form == "image":
            return x
        if self.form == "vector":
            return x.flatten(2)
        if x.dim() == 3:
            return x[:, :, None].expand(-1, -1, TIME_STEPS, -1)
        return x.flatten(2, 3).mT

    def training(self, draws: NoiseLike) -> Network:
        """Return the network as it trains in one step, with dropout drawn from `draws`."""
        if not any(layer.dropout for layer in self.layers):
            return self
        return replace(self, layers=tuple(replace(one, draws=draws) for one in self.layers))

    def evaluating(self, parameters: Parameters, x: Tensor) -> Network:
        """Return the network as it is measured.

        Without dropout, and with the statistics of a large batch of training in place of each
        batch's own ("precise" batch normalisation, Wu & Johnson 2021), so that there are no running
        averages to keep or to lag behind.

        Args:
            parameters: Its parameters as they are now.
            x: Inputs of training (E, n, ...), arranged.
        """
        plain = tuple(replace(one, draws=None, population=None) for one in self.layers)
        network = replace(self, layers=plain)
        if not any(layer.normalisation == "batch" for layer in plain):
            return network
        _, totals = network._pass(parameters, x, None, None, local=False)
        layers = [
            replace(one, population=one.statistics(total)) if one.normalisation == "batch" else one
            for one, total in zip(plain, totals, strict=True)
        ]
        return replace(self, layers=tuple(layers))

    def forward(
        self,
        parameters: Parameters,
        x: Tensor,
        *,
        feedback: Sequence[Tensor | None] | None = None,
        added: Sequence[Tensor | None] | None = None,
        local: bool = False,
    ) -> Activity:
        """Run all layers on a batch of each network.

        Args:
            parameters: Parameters of each layer.
            x: Inputs (E, batch, ...), arranged.
            feedback: For each layer the B^T that carries its teaching signal back to its input,
                in the shape of W, or None for W; None alone means W everywhere.
            added: For each layer what is added to z, or None for nothing.
            local: Cut each layer's input off from the layer before (and from the time step
                before), so that a gradient reaches the parameters of one layer alone.
        """
        return self._pass(parameters, x, feedback, added, local=local)[0]

    def _pass(
        self,
        parameters: Parameters,
        x: Tensor,
        feedback: Sequence[Tensor | None] | None,
        added: Sequence[Tensor | None] | None,
        *,
        local: bool,
    ) -> tuple[Activity, list[Tensor]]:
        """Return the activity, and W h of each layer with its stream."""
        nothing = [None] * len(self.layers)
        activity = Activity([], [], [])
        totals: list[Tensor] = []
        for layer, own, b, extra in zip(
            self.layers, parameters, feedback or nothing, added or nothing, strict=True
        ):
            if layer.recurrent:
                drive = activity.outputs[layer.source]
                drive = drive.detach() if local else drive
                seen = _unrolled(layer, own, drive, b, extra, local)
                total = seen[1]
            else:
                from_others = _from_others(layer, x, activity.outputs, totals, local)
                total, seen = _at_once(layer, own, from_others, b, extra)
            for sequence, tensor in zip(activity, seen, strict=True):
                sequence.append(tensor)
            totals.append(total)
        return activity, totals

    def flatten(self, parameters: Parameters) -> Tensor:
        """Return the parameters (or their gradients) side by side, (E, n_parameters)."""
        return torch.cat(
            [tensor.flatten(1) for layer in parameters for tensor in layer.values()], 1
        )

    def unflatten(self, vector: Tensor) -> Parameters:
        """Return views of a vector (E, n_parameters) as the parameters of each layer."""
        parts = iter(vector.split_with_sizes(self._sizes, 1))
        return [
            {name: next(parts).view(-1, *shape) for name, shape in shapes.items()}
            for shapes in self._shapes
        ]

    @cached_property
    def _shapes(self) -> list[dict[str, tuple[int, ...]]]:
        return [layer.shapes for layer in self.layers]

    @cached_property
    def _sizes(self) -> list[int]:
        return [math.prod(shape) for shapes in self._shapes for shape in shapes.values()]


class _FromOthers(NamedTuple):
    """What other layers send to one: its input, and what is added before and after normalising."""

    h: Tensor
    stream: Tensor | None
    skip: Tensor | None


def _from_others(
    layer: Layer, x: Tensor, outputs: list[Tensor], totals: list[Tensor], local: bool
) -> _FromOthers:
    def cut(tensor: Tensor) -> Tensor:
        return tensor.detach() if local else tensor

    return _FromOthers(
        layer.receive(cut(outputs[layer.source] if layer.source >= 0 else x)),
        None if layer.stream is None else cut(totals[layer.stream]),
        None if layer.skip is None else cut(outputs[layer.skip]),
    )


def _at_once(
    layer: Layer,
    own: dict[str, Tensor],
    from_others: _FromOthers,
    feedback: Tensor | None,
    extra: Tensor | None,
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    h, stream, skip = from_others
    total, z = layer.sums(own, h, feedback, stream=stream, skip=skip)
    if extra is not None:
        # What pushes the units pushes what streams on too, which is their sum.
        total, z = total + layer.before_normalising(extra, total), z + extra
    return total, (h, z, layer.activate(z))


def _unrolled(
    layer: Layer,
    own: dict[str, Tensor],
    drive: Tensor,
    feedback: Tensor | None,
    extra: Tensor | None,
    local: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run a recurrent layer through time: z_t = (1 - a) z_{t-1} + a (W h_{t-1} + b + drive_t).

    Args:
        layer: The layer; a is its `leak`.
        own: Its parameters.
        drive: What the layer below sends, (E, batch, time, n).
        feedback: B^T of the recurrent weights.
        extra: What is added to z, (E, batch, time, n).
        local: Cut each time step off from the one before.

    Returns:
        h_{t-1}, z_t and f(z_t), each (E, batch, time, n).
    """
    h = z = torch.zeros_like(drive[:, :, 0])
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    for t in range(drive.shape[2]):
        if local:
            h, z = h.detach(), z.detach()
        before = h
        arriving = layer.preactivation(own, h, feedback) + layer.leak * drive[:, :, t]
        z = arriving if layer.leak == 1 else (1 - layer.leak) * z + arriving
        z = z if extra is None else z + extra[:, :, t]
        h = layer.activate(z)
        seen.append((before, z, h))
    inputs, zs, outputs = (torch.stack(one, 2) for one in zip(*seen, strict=True))
    return inputs, zs, outputs
