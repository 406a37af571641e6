"""The table of architectures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rule_id.errors import InputError, one_of
from rule_id.networks.convolutional import alexnet, knet, lenet
from rule_id.networks.dense import dense
from rule_id.networks.layer import ACTIVATIONS, NORMALISATIONS, Hidden
from rule_id.networks.network import Network
from rule_id.networks.recurrent import LEAK, recurrent
from rule_id.networks.residual import resnet

__all__ = [
    "ARCHITECTURES",
    "ARCHITECTURE_GROUPS",
    "Architecture",
    "build_network",
    "get_architecture",
]

ARCHITECTURE_GROUPS = ("dense", "convolutional", "residual", "recurrent")


@dataclass(frozen=True)
class Architecture:
    """One line of the table.

    Attributes:
        group: One of `ARCHITECTURE_GROUPS`.
        build: From input shape, output units, width and `Hidden` to a network.
        normalisations: Those it may have; the first is its own.
        images: Whether its inputs must be images.
    """

    group: str
    build: Callable[[tuple[int, ...], int, int, Hidden], Network]
    normalisations: tuple[str, ...] = NORMALISATIONS
    images: bool = False

    def refusal(self, input_shape: tuple[int, ...], normalisation: str | None = None) -> str | None:
        """Return why it does not go with inputs or a normalisation, or None where it does."""
        if self.images and len(input_shape) != 3:
            return "takes images alone"
        if normalisation is not None and normalisation not in self.normalisations:
            return f"takes normalisation {' or '.join(self.normalisations)} alone"
        return None


def _convolutional(build: Callable[..., Network]) -> Architecture:
    return Architecture("convolutional", build, images=True)


def _residual(build: Callable[..., Network]) -> Architecture:
    # Sixteen sums without it grow beyond any learning rate.
    return Architecture("residual", build, ("batch",), images=True)


def _recurrent(build: Callable[..., Network]) -> Architecture:
    return Architecture("recurrent", build, ("none",))


ARCHITECTURES: dict[str, Architecture] = {
    **{f"dense{n}": Architecture("dense", partial(dense, n)) for n in range(1, 7)},
    "knet4": _convolutional(partial(knet, 3, False)),
    "knet4_lrn": _convolutional(partial(knet, 3, True)),
    "knet5": _convolutional(partial(knet, 4, False)),
    "knet5_lrn": _convolutional(partial(knet, 4, True)),
    "lenet": _convolutional(lenet),
    "alexnet": _convolutional(partial(alexnet, False)),
    "alexnet_lrn": _convolutional(partial(alexnet, True)),
    "resnet18": _residual(partial(resnet, 18, 1)),
    "resnet18v2": _residual(partial(resnet, 18, 2)),
    "resnet34": _residual(partial(resnet, 34, 1)),
    "resnet34v2": _residual(partial(resnet, 34, 2)),
    "rnn": _recurrent(partial(recurrent, 1, 1.0)),
    "rnn2": _recurrent(partial(recurrent, 2, 1.0)),
    "rate_rnn": _recurrent(partial(recurrent, 1, LEAK)),
    "rate_rnn2": _recurrent(partial(recurrent, 2, LEAK)),
}
"""Name to architecture; `dense2` has two hidden layers, `rnn2` two recurrent stages."""


def get_architecture(name: str) -> Architecture:
    """Return an architecture by its name.

    Raises:
        InputError: There is none of that name.
    """
    return ARCHITECTURES[one_of("architecture", name, ARCHITECTURES)]


def build_network(
    architecture: str,
    *,
    input_shape: tuple[int, ...],
    n_out: int,
    width: int,
    activation: str,
    normalisation: str | None = None,
    dropout: float = 0.0,
    bias: bool = True,
) -> Network:
    """Build the network of an architecture.

    Args:
        architecture: One of `ARCHITECTURES`.
        input_shape: (features,), or (channels, height, width).
        n_out: Output units.
        width: Units of a hidden layer; channels of the first convolution.
        activation: Nonlinearity of the hidden layers, one of `ACTIVATIONS`.
        normalisation: One of `NORMALISATIONS`; left out, the architecture's own.
        dropout: Share of hidden units that each example of training goes without, in [0, 1);
            in LeNet and AlexNet of their dense layers alone.
        bias: Whether layers have biases.

    Raises:
        InputError: A name is unknown, or the architecture does not go with the others.

    >>> [layer.n_out for layer in build_network(
    ...     "dense2", input_shape=(64,), n_out=10, width=32, activation="relu").layers]
    [32, 32, 10]
    """
    chosen = get_architecture(architecture)
    one_of("activation", activation, ACTIVATIONS)
    if normalisation is not None:
        one_of("normalisation", normalisation, NORMALISATIONS)
    refusal = chosen.refusal(input_shape, normalisation)
    if refusal is not None:
        got = f"input shape {input_shape} and normalisation {normalisation}"
        raise InputError(f"architecture {architecture} {refusal}; got {got}")
    own = normalisation or chosen.normalisations[0]
    return chosen.build(input_shape, n_out, width, Hidden(activation, own, dropout, bias))
