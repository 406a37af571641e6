"""How fast a step of training could be at most: by its arithmetic, and by the bytes it moves.

Arithmetic. A product of a weight tensor with a batch takes 2 x batch x weights x positions
operations. Backprop and feedback alignment need three of each layer (forward, to the input, to the
weights), of the first layer two, since nothing is sent back to the input. Information alignment
needs three more of every layer but the first: B p, p (2b B p - a x)^T and, for the length of the
step, D p, with p = Wx at hand. Node perturbation needs two forward and one to the weights. What is
not a product is left out. The rate that this is divided into is that of a product of two
1024 x 1024 float32 matrices, in the same number of threads.

Bytes. With P parameters and B feedback weights, in float32, a step reads and writes the weights (2
P), writes and reads the gradient (2 P), and reads and writes the optimizer's state (2 P for
momentum, 4 P for adam); feedback weights are read once (B), and written too where they learn (2 B);
the batch is read once. Activity is taken to stay in cache, and every tensor to be read once a step
however many passes need it. The rate is that of copying 256 MB, bytes read plus bytes written. A
few networks fit in cache, where this is no bound at all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from _workloads import BATCH, synchronised
from torch import Tensor

from rule_id.networks import Layer, Network

__all__ = ["Bounds", "Rates", "bounds", "measured_rates"]

FLOAT = 4
"""Bytes."""

SIDE, COPIED = 1024, 256_000_000


class Rates(NamedTuple):
    """What the machine does in a second.

    Attributes:
        operations: Of a matrix product.
        moved: Bytes of a copy, read and written.
    """

    operations: float
    moved: float


class Bounds(NamedTuple):
    """Network-steps a second at most."""

    products: float
    bandwidth: float


def measured_rates(device: str) -> Rates:
    """Measure the machine, in as many threads as torch has now."""
    a, b, out = _matrices(device)
    source, target = _copied(device)
    product = _best(lambda: torch.mm(a, b, out=out), device)
    copy = _best(lambda: target.copy_(source), device)
    return Rates(2 * SIDE**3 / product, 2 * COPIED / copy)


# Kept: taking so much memory anew costs more than the timing.
@cache
def _matrices(device: str) -> Tensor:
    return torch.randn(3, SIDE, SIDE, device=device)


@cache
def _copied(device: str) -> Tensor:
    return torch.ones(2, COPIED // FLOAT, device=device)


def bounds(network: Network, rule: str, rates: Rates) -> Bounds:
    """Return how many network-steps a second no implementation could exceed."""
    return Bounds(
        rates.operations / operations_of(network, rule), rates.moved / bytes_of(network, rule)
    )


def operations_of(network: Network, rule: str) -> int:
    """Return the arithmetic of one step of one network."""
    first, *later = (2 * BATCH * _products(layer) for layer in network.layers)
    if rule.startswith("node_perturbation"):
        return 3 * (first + sum(later))
    return 2 * first + (6 if rule.startswith("information_alignment") else 3) * sum(later)


def bytes_of(network: Network, rule: str) -> int:
    """Return the least bytes that one step of one network moves."""
    feedback = sum(math.prod(layer.map.weight_shape) for layer in network.layers[1:])
    times = 8 if rule.endswith("+adam") else 6
    reads = {"feedback_alignment": 1, "information_alignment": 2}.get(rule.partition("+")[0], 0)
    batch = BATCH * network.layers[0].n_in
    return FLOAT * (times * network.n_parameters + reads * feedback + batch)


def _products(layer: Layer) -> int:
    """Return the multiplications of one example in one layer."""
    positions = layer.n_out // layer.channels_out
    return math.prod(layer.map.weight_shape) * positions


def _best(call: Callable[[], object], device: str, times: int = 4) -> float:
    """Return the shortest of a few times: a bound must not be of a slow moment."""
    seconds, timed = [], synchronised(call, device)
    timed()
    for _ in range(times):
        begin = time.perf_counter()
        timed()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
