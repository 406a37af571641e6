"""Where learned feedback of a convolution leads, and when it is there: as in test_alignment.py."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rule_id.networks import ConvolutionMap, DenseMap, Layer
from rule_id.rules.alignment import PRIMITIVES, alignment_time, descend, fixed_point
from rule_id.rules.learned_feedback import AUTHORS, _information, _mirror
from rule_id.rules.target_propagation import RIDGE, learn_inverse, linear_inverse
from rule_id.rules.tensors import angle_between

E, N = 3, 40
MAPS = {
    "plain": ConvolutionMap((2, 5, 4), 3, 3, 1, 1),
    "strided": ConvolutionMap((2, 6, 5), 3, 3, 2, 1),
    "unpadded": ConvolutionMap((3, 4, 4), 2, 3, 1, 0),
}

every_map = pytest.mark.parametrize("map_", MAPS.values(), ids=MAPS)


def normal(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=source, dtype=torch.float64)


def problem(map_: ConvolutionMap) -> tuple[Layer, Tensor, Tensor, Tensor]:
    """The layer, W, B^T and inputs whose channels and neighbours vary together."""
    mixed = normal(map_.channels_in, map_.channels_in, seed=3)
    x = torch.einsum("ij,enjhw->enihw", mixed, normal(E, N, *map_.shape_in, seed=2))
    x = x + x.roll(1, -1)
    x = x / x.flatten(1).std(1).view(E, 1, 1, 1, 1)
    weight, feedback = (normal(E, *map_.weight_shape, seed=seed) for seed in (0, 1))
    return Layer("layer", map_, -1), weight, feedback, x


def objective(layer: Layer, b: Tensor, w: Tensor, x: Tensor) -> dict[str, Tensor]:
    """The primitives in torch's own convolutions: Wx, xB and BWx of each example."""
    conv, stride = layer.map, (layer.map.stride, layer.map.padding)
    p, xb = (
        torch.stack([torch.conv2d(x[e], kernel[e], None, *stride) for e in range(E)])
        for kernel in (w, b)
    )
    left = [(n - conv.kernel + 2 * conv.padding) % conv.stride for n in conv.shape_in[1:]]
    bwx = torch.stack(
        [torch.conv_transpose2d(p[e], b[e], None, *stride, output_padding=left) for e in range(E)]
    )
    return {
        "decay": (w**2).sum() + (b**2).sum(),
        "sparse": ((p**2).sum() + (xb**2).sum()) / N,
        "self": -(w * b).sum(),
        "amp": -(p * xb).sum() / N,
        "null": (bwx**2).sum() / N,
    }


@every_map
@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_gradient_and_a_curvature_are_those_of_the_primitive(
    name: str, map_: ConvolutionMap
) -> None:
    layer, w, b, x = problem(map_)
    b.requires_grad_()
    (expected,) = torch.autograd.grad(objective(layer, b, w, x)[name], b)
    p, primitive, b = layer.project(w, x), PRIMITIVES[name], b.detach()
    torch.testing.assert_close(primitive.gradient(layer, b, w, x, p), expected)
    d = normal(*b.shape, seed=9)
    turned = primitive.gradient(layer, b + d, w, x, p) - primitive.gradient(layer, b, w, x, p)
    torch.testing.assert_close(primitive.curvature(layer, d, x, p), (d * turned).flatten(1).sum(1))


def coefficients(rule: str) -> dict[str, Tensor]:
    return {name: torch.full((E,), v, dtype=torch.float64) for name, v in AUTHORS[rule].items()}


@every_map
@pytest.mark.parametrize("rule", AUTHORS)
def test_the_objective_is_flat_at_the_fixed_point(rule: str, map_: ConvolutionMap) -> None:
    layer, w, _, x = problem(map_)
    end = fixed_point(layer, w, x, coefficients(rule)).requires_grad_()
    terms = objective(layer, end, w, x)
    total = sum(AUTHORS[rule][name] * terms[name] for name in AUTHORS[rule])
    (slope,) = torch.autograd.grad(total, end)
    assert float(slope.abs().max()) < 1e-12 * float(end.detach().norm())


@every_map
@pytest.mark.parametrize("rule", AUTHORS)
def test_descending_ends_there(rule: str, map_: ConvolutionMap) -> None:
    layer, w, b, x = problem(map_)
    rates = {name: 1000 * value for name, value in coefficients(rule).items()}
    for _ in range(2000):
        b = descend(layer, b, w, x, rates)
    end = fixed_point(layer, w, x, coefficients(rule))
    torch.testing.assert_close(b, end, rtol=1e-3, atol=1e-3 * float(end.abs().max()))


@every_map
@pytest.mark.parametrize("rule", AUTHORS)
def test_small_steps_arrive_when_they_are_said_to(rule: str, map_: ConvolutionMap) -> None:
    layer, w, b, x = problem(map_)
    amount, steps = coefficients(rule), 400
    end = fixed_point(layer, w, x, amount)
    # Of one size, else the way there is shorter than the least time that any B takes.
    b = b * (end.norm() / b.norm())
    time = alignment_time(layer, b, w, x, amount)
    rates = {name: time / steps * value for name, value in amount.items()}
    angles = []
    for _ in range(steps):
        angles.append(angle_between(b, end))
        b = descend(layer, b, w, x, rates, shortened=False)
    wanted = torch.full((E,), 45.0, dtype=torch.float64)
    torch.testing.assert_close(angle_between(b, end), wanted, rtol=0, atol=0.7)
    assert bool((torch.stack(angles) > 44.8).all())


WHITE = [
    (Layer("convolution", MAPS["plain"], -1), ()),
    (Layer("dense", DenseMap(6, 4), -1), ()),
    (Layer("through time", DenseMap(6, 4), -1), (5,)),
]


@pytest.mark.parametrize(("layer", "between"), WHITE, ids=lambda one: getattr(one, "name", None))
def test_a_weight_mirror_ends_at_the_gain_times_the_weight_however_many_positions(
    layer: Layer, between: tuple[int, ...]
) -> None:
    """Where every position sees a tap; at the margin as much less as it sees less."""
    weight, x = normal(E, *layer.map.weight_shape), normal(E, N, *between, *layer.map.shape_in)
    gain = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)
    amount = _mirror(layer, weight, x, {"feedback_gain": gain})
    end = fixed_point(layer, weight, x, amount, white=True)
    power = layer.map.white_power(x)
    expected = gain.view(E, *[1] * (weight.dim() - 1)) * weight * power / power.max()
    torch.testing.assert_close(end, expected)
    assert float(angle_between(end, weight).max()) < 15
    # Descending on fresh noise goes there.
    b, rates = torch.zeros_like(weight), {name: 0.05 * value for name, value in amount.items()}
    for step in range(1500):
        noise = normal(E, N, *between, *layer.map.shape_in, seed=100 + step)
        b = descend(layer, b, weight, noise, rates)
    assert float((b - end).norm() / end.norm()) < 0.1


@every_map
def test_information_alignment_ends_at_the_norm_that_was_drawn(map_: ConvolutionMap) -> None:
    layer, w, _, x = problem(map_)
    gain = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)
    given = {"feedback_gain": gain, "feedback_damping": torch.ones_like(gain)}
    end = fixed_point(layer, w, x, _information(layer, w, x, given))
    torch.testing.assert_close(end.flatten(1).norm(dim=1), gain * w.flatten(1).norm(dim=1))
    assert float(angle_between(end, w).max()) < 90


def inverse_objective(layer: Layer, v: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """E|g(y) - x|² / 2 + k |V|² / 2 for x and y less their means, in torch's own convolutions."""
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    error = layer.back_project(v, y) - x
    positions = y[0, 0, 0].numel()
    ridge = RIDGE * positions * y.square().flatten(1).mean(1)
    return error.flatten(2).square().sum(-1).mean(1) / 2 + ridge * v.flatten(1).square().sum(1) / 2


@every_map
def test_the_linear_inverse_has_the_least_error_of_all(map_: ConvolutionMap) -> None:
    layer, w, _, x = problem(map_)
    y = torch.tanh(layer.project(w, x))
    end = linear_inverse(layer, x, y).requires_grad_()
    best = inverse_objective(layer, end, x, y)
    (slope,) = torch.autograd.grad(best.sum(), end)
    assert float(slope.abs().max()) < 1e-10
    for seed in range(10):
        other = end + 0.01 * normal(*end.shape, seed=seed)
        assert bool((inverse_objective(layer, other, x, y) > best).all())


@every_map
def test_learning_an_inverse_ends_there(map_: ConvolutionMap) -> None:
    layer, w, v, x = problem(map_)
    y = torch.tanh(layer.project(w, x))
    end = linear_inverse(layer, x, y)
    xc, yc = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    for _ in range(2000):
        v = learn_inverse(layer, v, xc, yc, torch.full((E,), 10.0, dtype=torch.float64))
    assert float((v - end).norm() / end.norm()) < 0.02
