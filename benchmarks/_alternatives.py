"""The same training without rule-id: one network after another, or `torch.func.vmap` over many.

Each is what a practised user of torch would write: examples on the device, no number fetched within
a step, fused optimizers (the fastest that torch has here). None of them measures anything, draws
its noise or batches so that they can be drawn again, or keeps to one network's numbers in any
company; that is to their advantage. Information alignment is the authors' plain step, which never
shortens one that would overshoot; ours does, at the price of one product more a layer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from _modules import FeedbackConv2d, FeedbackLinear, linear_parts, module_of, weight_gradient
from _workloads import Examples
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from rule_id.networks import Network

__all__ = ["biotorch_module", "has_biotorch", "optimizer_of", "plain_module", "sequential", "train"]

Batches = Iterable[tuple[Tensor, Tensor]]

RATES = {"learning_rate": 1e-2, "momentum": 0.9, "weight_decay": 1e-4}

ALIGNMENT = {"amp": 2e-5, "null": 1e-5, "decay": 1e-5}
"""The authors' coefficients times a learning rate of 1e-2."""

EXPLORATION = 0.03
"""Standard deviation of node perturbation."""


def plain_module(rule: str, network: Network) -> nn.Sequential:
    """Return one network with the layers that a rule needs."""
    if rule.startswith(("feedback_alignment", "information_alignment")):
        return module_of(network, FeedbackLinear, FeedbackConv2d)
    return module_of(network)


def has_biotorch() -> bool:
    """Say whether BioTorch is installed."""
    try:
        import biotorch.layers.fa_constructor.linear  # noqa: F401
    except ImportError:
        return False
    return True


def biotorch_module(network: Network) -> nn.Sequential:
    """Return one network with BioTorch's layers of feedback alignment."""
    from biotorch.layers.fa_constructor.conv import Conv2d
    from biotorch.layers.fa_constructor.linear import Linear

    return module_of(network, Linear, Conv2d)


def sequential(
    make: Callable[[], nn.Sequential], rule: str, examples: Examples, networks: int, steps: int
) -> None:
    """Train one network after another, each made anew."""
    for _ in range(networks):
        module = make().to(examples.x.device)
        with warnings.catch_warnings():
            # BioTorch registers hooks in an old way.
            warnings.simplefilter("ignore", FutureWarning)
            train(module, rule, examples.batches(steps))


def train(module: nn.Sequential, rule: str, batches: Batches, **rates: float) -> None:
    """Train one network.

    Args:
        module: The network.
        rule: One of the names of rule-id.
        batches: Inputs and labels of each step.
        rates: What differs from `RATES`.
    """
    assignment = rule.partition("+")[0]
    optimizer = optimizer_of(rule, module.parameters(), **{**RATES, **rates})
    learn = LEARN[assignment]
    for x, y in batches:
        learn(module, x, y)
        optimizer.step()


def optimizer_of(
    rule: str,
    parameters: Iterator[nn.Parameter],
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Return torch's own optimizer of a rule."""
    how: dict[str, Any] = {"weight_decay": weight_decay, "fused": True}
    if rule.endswith("+adam"):
        return torch.optim.Adam(parameters, learning_rate, betas=(momentum, 0.999), **how)
    return torch.optim.SGD(parameters, learning_rate, momentum=momentum, **how)


def _gradient(module: nn.Sequential, x: Tensor, y: Tensor) -> None:
    module.zero_grad()
    cross_entropy(module(x), y).backward()


def _information_alignment(module: nn.Sequential, x: Tensor, y: Tensor) -> None:
    _gradient(module, x, y)
    # The first layer sends nothing back.
    for part in linear_parts(module)[1:]:
        part.align(**ALIGNMENT)


@torch.no_grad()
def _node_perturbation(module: nn.Sequential, x: Tensor, y: Tensor) -> None:
    """Two passes, one with noise on every z: d = (L_noisy - L) n / s, a mean over the batch."""
    clean, noisy = x, x
    seen: list[tuple[Any, Tensor, Tensor]] = []
    for part in module:
        h, clean, noisy = clean, part(clean), part(noisy)
        if isinstance(part, nn.Linear | nn.Conv2d):
            n = torch.randn_like(clean)
            noisy = noisy + EXPLORATION * n
            seen.append((part, h, n))
    change = cross_entropy(noisy, y, reduction="none") - cross_entropy(clean, y, reduction="none")
    weight = change / (EXPLORATION * len(x))
    for part, h, n in seen:
        d = n * weight.view(-1, *[1] * (n.dim() - 1))
        part.weight.grad = weight_gradient(part, h, d)
        part.bias.grad = d.sum((0, *range(2, d.dim())))


LEARN: dict[str, Callable[[nn.Sequential, Tensor, Tensor], None]] = {
    "backprop": _gradient,
    "feedback_alignment": _gradient,
    "information_alignment": _information_alignment,
    "node_perturbation": _node_perturbation,
}
