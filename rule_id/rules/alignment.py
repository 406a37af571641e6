r"""The alignment primitives of Kunin et al., their gradients and where they lead.

For one layer with input x, forward projection Wx and backward projection xB, with E the mean over
the batch,

    decay  = |W|² + |B|²,
    sparse = E|Wx|² + E|xB|²,
    self   = -<W, B^T>,
    amp    = -E<Wx, xB>,
    null   = E|BWx|².

Only B follows their gradient; W is held constant in them. B is stored as B^T, in the shape of W.
A rule that learns its feedback is a choice of primitives and of a coefficient for each.

Source: Kunin et al., "Two Routes to Scalable Credit Assignment without Weight Symmetry", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from rule_id.errors import InputError
from rule_id.rules.contract import LayerLike
from rule_id.rules.tensors import eigen, per_network

__all__ = ["PRIMITIVES", "Primitive", "alignment_time", "descend", "fixed_point", "time_within"]

Coefficients = Mapping[str, Tensor]
"""For each primitive its coefficient in each network, (E,)."""


class Primitive(NamedTuple):
    """One term of an objective of B.

    Attributes:
        gradient: From layer, B^T, W, x and Wx to its gradient with respect to B^T.
        curvature: From layer, a direction D of B^T, x and Wx to its second derivative along D,
            <D, H D>, (E,).
    """

    gradient: Callable[[LayerLike, Tensor, Tensor, Tensor, Tensor], Tensor]
    curvature: Callable[[LayerLike, Tensor, Tensor, Tensor], Tensor]


def _power(x: Tensor) -> Tensor:
    """Return E|x|² of each network, (E,)."""
    return torch.linalg.vector_norm(x.flatten(1), dim=1).square() / x.shape[1]


def _size(d: Tensor) -> Tensor:
    return torch.linalg.vector_norm(d.flatten(1), dim=1).square()


def _straight(layer: LayerLike, d: Tensor, x: Tensor, p: Tensor) -> Tensor:
    return d.new_zeros(len(d))


PRIMITIVES: dict[str, Primitive] = {
    "decay": Primitive(
        lambda layer, b, w, x, p: 2 * b,
        lambda layer, d, x, p: 2 * _size(d),
    ),
    "sparse": Primitive(
        lambda layer, b, w, x, p: 2 * layer.outer(layer.project(b, x), x),
        lambda layer, d, x, p: 2 * _power(layer.project(d, x)),
    ),
    "self": Primitive(lambda layer, b, w, x, p: -w, _straight),
    "amp": Primitive(lambda layer, b, w, x, p: -layer.outer(p, x), _straight),
    "null": Primitive(
        lambda layer, b, w, x, p: 2 * layer.outer(p, layer.back_project(b, p)),
        lambda layer, d, x, p: 2 * _power(layer.back_project(d, p)),
    ),
}


def descend(
    layer: LayerLike,
    feedback: Tensor,
    weight: Tensor,
    x: Tensor,
    coefficients: Coefficients,
    *,
    shortened: bool = True,
) -> Tensor:
    """Return B^T after one step down the objective.

    Args:
        layer: The layer.
        feedback: B^T, the shape of W.
        weight: W.
        x: Inputs of the layer (E, batch, ...), without a gradient.
        coefficients: Those of the objective times the learning rate.
        shortened: Shorten the step where a full one would overshoot the minimum along its own
            direction, so that it is stable however large activity grows.
    """
    projection = layer.project(weight, x)
    gradient = torch.zeros_like(weight)
    for name, amount in coefficients.items():
        term = PRIMITIVES[name].gradient(layer, feedback, weight, x, projection)
        gradient.addcmul_(per_network(amount, weight), term)
    if not shortened:
        return feedback - gradient
    # Of unit length, so that large activity does not overflow; where it vanishes so does the step.
    size = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    direction = gradient / per_network(size.clamp(min=torch.finfo(weight.dtype).tiny), weight)
    curvature = weight.new_zeros(len(weight))
    for name, amount in coefficients.items():
        bend = PRIMITIVES[name].curvature(layer, direction, x, projection)
        curvature = curvature + amount * bend
    shortening = -1 / curvature.clamp(min=1)
    return torch.addcmul(feedback, per_network(shortening, weight), gradient)


def fixed_point(
    layer: LayerLike,
    weight: Tensor,
    x: Tensor,
    coefficients: Coefficients,
    *,
    white: bool = False,
) -> Tensor:
    """Return the B^T at which the objective's gradient vanishes while W is held.

    With S = E[x x^T], B^T of a dense layer solves

        (null W S W^T + decay) B^T + sparse B^T S = (self W + amp W S) / 2,

    so that symmetric and activation alignment end at a multiple of W, weight mirror at one of W S,
    and information alignment at a regularised pseudo-inverse of W. In a convolution W S is summed
    over positions, and W S W^T is the second moment of what each input position feeds.

    Args:
        layer: The layer.
        weight: W.
        x: Inputs of the layer (E, batch, ...).
        coefficients: `sparse` may be joined by `amp` alone.
        white: Whether the layer is fed white noise instead, so that S is the identity; not for
            `null` and `sparse`.

    Returns:
        B^T, in the shape of W, NaN for a network that has diverged.

    Raises:
        InputError: `sparse` is joined by `null`, `decay` or `self`.
    """
    joined = set(coefficients) & {"null", "decay", "self"}
    if "sparse" in coefficients and joined:
        raise InputError(f"sparse may be joined by amp alone; got {', '.join(sorted(joined))} too")
    amount = {name: per_network(value, weight) for name, value in coefficients.items()}
    if "sparse" in amount:
        # S cancels; where it has no inverse, this is the point that B tends to as S grows one.
        return amount["amp"] / (2 * amount["sparse"]) * weight
    target = amount.get("self", 0) / 2 * weight
    if "amp" in amount:
        seen = weight * layer.map.white_power(x) if white else _through(layer, weight, x)
        target = target + amount["amp"] / 2 * seen
    if "null" not in amount:
        return target / amount["decay"]
    moment = _moment(layer.map.fed(layer.project(weight, x)), x.shape[1])
    identity = torch.eye(moment.shape[1], dtype=weight.dtype, device=weight.device)
    null, decay = (coefficients[name][:, None, None] for name in ("null", "decay"))
    # The checked solve refuses all networks for the sake of one that has diverged.
    solved, failed = torch.linalg.solve_ex(
        null * moment + decay * identity, layer.map.by_inputs(target).mT
    )
    solved = torch.where((failed != 0)[:, None, None], torch.nan, solved)
    return layer.map.from_inputs(solved.mT)


def alignment_time(
    layer: LayerLike,
    feedback: Tensor,
    weight: Tensor,
    x: Tensor,
    coefficients: Coefficients,
    degrees: float = 45.0,
    *,
    white: bool = False,
) -> Tensor:
    r"""Return how long B takes to come within an angle of its fixed point while W is held.

    Descending the objective, B^T moves as d(B^T)/dt = -M D - D N for D = B^T - B*^T, with
    M = 2 (null W S W^T + decay) and N = 2 sparse S; in their eigenvectors every entry of D decays
    by itself, and the time is found by bisection.

    Args:
        layer: The layer.
        feedback: B^T as it begins, the shape of W.
        weight: W.
        x: Inputs of the layer (E, batch, ...).
        coefficients: Those of the objective.
        degrees: The angle.
        white: As in `fixed_point`.

    Returns:
        Time for a learning rate of 1, in steps, (E,).
    """
    end = fixed_point(layer, weight, x, coefficients, white=white)
    rates, turned = _modes(layer, weight, x, coefficients)
    return time_within(turned(feedback - end), turned(end), rates, degrees)


def time_within(start: Tensor, end: Tensor, rates: Tensor, degrees: float = 45.0) -> Tensor:
    """Return when end + start exp(-rates t) comes within an angle of `end`, by bisection.

    Args:
        start: Distance from the end at time 0, (E, n, m).
        end: Where it leads, (E, n, m).
        rates: Decay rate of each entry, 0 or more, (E, n, m) or (E, 1, m).
        degrees: The angle.

    Returns:
        The time (E,), between a tenth of the fastest entry's time constant, since who is there
        already still has to follow, and e^20 times it.
    """
    low = torch.full_like(rates[:, 0, 0], math.log(0.1))
    high = torch.full_like(low, 20.0)
    # Where nothing moves at all no time is long enough, but it must be a number.
    fastest = rates.flatten(1).amax(1).clamp(min=torch.finfo(rates.dtype).eps)
    wanted = math.cos(math.radians(degrees))
    for _ in range(50):
        middle = (low + high) / 2
        decayed = start * torch.exp(-rates * (middle.exp() / fastest)[:, None, None])
        cosine = torch.cosine_similarity((end + decayed).flatten(1), end.flatten(1), dim=1)
        high = torch.where(cosine >= wanted, middle, high)
        low = torch.where(cosine >= wanted, low, middle)
    return high.exp() / fastest


def _modes(
    layer: LayerLike, weight: Tensor, x: Tensor, coefficients: Coefficients
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return decay rates (E, 1, n), and the function that turns D into what decays at them.

    `null` acts on the view of D by inputs, `sparse` on that by outputs; no rule has both.
    """
    map_, always = layer.map, 2 * coefficients.get("decay", x.new_zeros(len(x)))[:, None]
    if "null" in coefficients:
        moment = _moment(map_.fed(layer.project(weight, x)), x.shape[1])
        own, view = coefficients["null"], map_.by_inputs
    elif "sparse" in coefficients:
        moment = _moment(map_.seen(x), x.shape[1])
        own, view = coefficients["sparse"], map_.by_outputs
    else:
        matrix = map_.by_outputs
        return always.expand(-1, matrix(weight).shape[2])[:, None], matrix
    values, vectors = eigen(moment)
    rates = always + 2 * own[:, None] * values.clamp(min=0)
    return rates[:, None], lambda d: view(d) @ vectors


def _through(layer: LayerLike, weight: Tensor, x: Tensor) -> Tensor:
    """Return W S."""
    return layer.outer(layer.project(weight, x), x)


def _moment(x: Tensor, batch: int) -> Tensor:
    """Return the second moment of x (E, batch x positions, n), summed over positions."""
    return x.mT @ x / batch
