"""Networks as a user of torch writes them; nothing here comes from the package."""

from __future__ import annotations

from collections.abc import Sequence

from external.tasks import SIDE
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "build", "initialise"]

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def build(
    architecture: str, n_in: int, widths: Sequence[int], n_out: int, activation: str
) -> nn.Module:
    """Return a network with torch's own initial weights.

    Args:
        architecture: `dense1` to `dense4`, `conv`, `conv_norm` (with batch normalisation and one
            more dense layer) or `residual`; all but the first four see rows of pixels as images.
        n_in: Inputs.
        widths: Units of the hidden layers; channels of the convolutions, then units.
        n_out: Outputs.
        activation: A key of `ACTIVATIONS`.
    """
    if architecture == "residual":
        return Residual(widths, n_out, activation)
    if architecture == "conv":
        return _convolutional(widths, n_out, activation)
    if architecture == "conv_norm":
        return _convolutional_with_normalisation(widths, n_out, activation)
    return _dense([n_in, *widths], n_out, activation)


def initialise(model: nn.Module, init: str) -> None:
    """Draw weights anew, unless `init` is `default`: by a function of `torch.nn.init`."""
    if init == "default":
        return
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            getattr(nn.init, f"{init}_")(parameter)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def _dense(sizes: Sequence[int], n_out: int, activation: str) -> nn.Sequential:
    hidden = [
        module
        for n_in, n in zip(sizes, sizes[1:], strict=False)
        for module in (nn.Linear(n_in, n), ACTIVATIONS[activation]())
    ]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], n_out))


def _convolutional(widths: Sequence[int], n_out: int, activation: str) -> nn.Sequential:
    first, second = widths
    return nn.Sequential(
        nn.Unflatten(1, (1, SIDE, SIDE)),
        nn.Conv2d(1, first, 3, padding=1),
        ACTIVATIONS[activation](),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        ACTIVATIONS[activation](),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(second * (SIDE // 4) ** 2, n_out),
    )


def _convolutional_with_normalisation(
    widths: Sequence[int], n_out: int, activation: str
) -> nn.Sequential:
    first, second, units = widths
    return nn.Sequential(
        nn.Unflatten(1, (1, SIDE, SIDE)),
        nn.Conv2d(1, first, 3, padding=1),
        nn.BatchNorm2d(first),
        ACTIVATIONS[activation](),
        nn.Conv2d(first, second, 3, stride=2, padding=1),
        nn.BatchNorm2d(second),
        ACTIVATIONS[activation](),
        nn.Flatten(),
        nn.Linear(second * (SIDE // 2) ** 2, units),
        ACTIVATIONS[activation](),
        nn.Linear(units, n_out),
    )


class Block(nn.Module):
    """Two convolutions beside a connection that skips them, as in He et al. (2016)."""

    def __init__(self, n_in: int, n: int, stride: int, activation: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n)
        self.act1 = ACTIVATIONS[activation]()
        self.conv2 = nn.Conv2d(n, n, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n)
        self.act2 = ACTIVATIONS[activation]()
        self.downsample = nn.Identity()
        if stride != 1 or n_in != n:
            self.downsample = nn.Sequential(
                nn.Conv2d(n_in, n, 1, stride=stride, bias=False), nn.BatchNorm2d(n)
            )

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        return self.act2(h + self.downsample(x))


class Residual(nn.Module):
    """A stem, a block of each of two widths, the mean over places, a readout."""

    def __init__(self, widths: Sequence[int], n_out: int, activation: str) -> None:
        super().__init__()
        first, second = widths
        self.image = nn.Unflatten(1, (1, SIDE, SIDE))
        self.conv = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(first)
        self.act = ACTIVATIONS[activation]()
        self.layer1 = Block(first, first, 1, activation)
        self.layer2 = Block(first, second, 2, activation)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(second, n_out)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.bn(self.conv(self.image(x))))
        return self.fc(self.flatten(self.pool(self.layer2(self.layer1(h)))))
