"""The primitives of Kunin et al.: gradients, fixed points and times."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rule_id.errors import InputError
from rule_id.networks import DenseMap, Layer
from rule_id.rules.alignment import (
    PRIMITIVES,
    alignment_time,
    descend,
    fixed_point,
    time_within,
)
from rule_id.rules.learned_feedback import AUTHORS
from rule_id.rules.tensors import angle_between

E, N, N_IN, N_OUT = 3, 200, 6, 4
LAYER = Layer("layer", DenseMap(N_IN, N_OUT), -1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=source, dtype=torch.float64)


def problem() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W, B^T, x and S."""
    x = normal(E, N, N_IN, seed=2) @ normal(E, N_IN, N_IN, seed=3)
    x = x / x.flatten(1).std(1)[:, None, None]
    return normal(E, N_OUT, N_IN), normal(E, N_OUT, N_IN, seed=1), x, x.mT @ x / N


def objective(b: Tensor, w: Tensor, x: Tensor) -> dict[str, Tensor]:
    """The primitives in the paper's terms, with B the shape of W^T."""
    back, p = b.mT, x @ w.mT
    xb, bwx = x @ back, p @ back.mT
    return {
        "decay": (w**2).sum() + (back**2).sum(),
        "sparse": (p**2).sum(-1).mean(1).sum() + (xb**2).sum(-1).mean(1).sum(),
        "self": -(w * back.mT).sum(),
        "amp": -(p * xb).sum(-1).mean(1).sum(),
        "null": (bwx**2).sum(-1).mean(1).sum(),
    }


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_gradient_is_that_of_the_primitive(name: str) -> None:
    w, b, x, _ = problem()
    b.requires_grad_()
    (expected,) = torch.autograd.grad(objective(b, w, x)[name], b)
    found = PRIMITIVES[name].gradient(LAYER, b.detach(), w, x, LAYER.project(w, x))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_curvature_is_the_second_derivative(name: str) -> None:
    w, b, x, _ = problem()
    d, p = normal(E, N_OUT, N_IN, seed=9), LAYER.project(w, x)
    gradient = PRIMITIVES[name].gradient
    turned = gradient(LAYER, b + d, w, x, p) - gradient(LAYER, b, w, x, p)
    expected = (d * turned).flatten(1).sum(1)
    torch.testing.assert_close(PRIMITIVES[name].curvature(LAYER, d, x, p), expected)


def coefficients(rule: str) -> dict[str, Tensor]:
    return {name: torch.full((E,), v, dtype=torch.float64) for name, v in AUTHORS[rule].items()}


def published(rule: str, w: Tensor, s: Tensor) -> Tensor:
    """The fixed points of the design, B^T."""
    if rule in ("symmetric_alignment", "activation_alignment"):
        return w  # (b / 2a) W with a 1e-3, b 2e-3
    if rule == "weight_mirror":
        return (1e-3 / 2e-3) * w @ s  # (b / 2a) S W^T, transposed
    inner = 1e-3 * w @ s @ w.mT + 1e-3 * torch.eye(N_OUT, dtype=torch.float64)
    return 2e-3 / 2 * torch.linalg.inv(inner) @ w @ s  # (a/2) S W^T (b W S W^T + c I)^{-1}


@pytest.mark.parametrize("rule", AUTHORS)
def test_the_fixed_point_is_the_published_one(rule: str) -> None:
    w, _, x, s = problem()
    found = fixed_point(LAYER, w, x, coefficients(rule))
    torch.testing.assert_close(found, published(rule, w, s))


@pytest.mark.parametrize("rule", AUTHORS)
def test_descending_ends_there(rule: str) -> None:
    w, b, x, s = problem()
    rates = {name: 200 * value for name, value in coefficients(rule).items()}
    for _ in range(6000):
        b = descend(LAYER, b, w, x, rates)
    torch.testing.assert_close(b, published(rule, w, s), rtol=1e-5, atol=1e-6)


def test_information_alignment_is_not_the_transpose() -> None:
    w, _, x, _ = problem()
    end = fixed_point(LAYER, w, x, coefficients("information_alignment"))
    assert float(angle_between(end, w).min()) > 15
    assert not torch.allclose(end, w, atol=0.1)


@pytest.mark.parametrize("rule", AUTHORS)
def test_small_steps_arrive_when_they_are_said_to(rule: str) -> None:
    w, b, x, _ = problem()
    amount = coefficients(rule)
    time = alignment_time(LAYER, b, w, x, amount)
    steps = 400
    rates = {name: time / steps * value for name, value in amount.items()}
    end = fixed_point(LAYER, w, x, amount)
    angles = []
    for _ in range(steps):
        angles.append(angle_between(b, end))
        b = descend(LAYER, b, w, x, rates, shortened=False)
    torch.testing.assert_close(
        angle_between(b, end), torch.full((E,), 45.0, dtype=torch.float64), rtol=0, atol=0.7
    )
    assert bool((torch.stack(angles) > 44.9).all())


def test_a_step_down_one_parabola_is_halfway_when_its_time_says_so() -> None:
    """At right angles and of one length, b and the end are 45 degrees apart when half is done."""
    end = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    start = torch.tensor([[[-1.0, 1.0]]], dtype=torch.float64)  # b = (0, 1)
    time = time_within(start, end, torch.full((1, 1, 2), 0.3, dtype=torch.float64))
    assert float(time) == pytest.approx(torch.log(torch.tensor(2.0)).item() / 0.3, rel=1e-6)


@pytest.mark.parametrize("rule", AUTHORS)
def test_a_step_is_stable_however_large_activity_and_rate_are(rule: str) -> None:
    w, b, x, _ = problem()
    amount = {name: 1e6 * value for name, value in coefficients(rule).items()}
    x = 1e3 * x

    def value(b: Tensor) -> float:
        terms = objective(b, w, x)
        return float(sum(AUTHORS[rule][name] * terms[name] for name in AUTHORS[rule]))

    values = [value(b)]
    for _ in range(20):
        b = descend(LAYER, b, w, x, amount)
        values.append(value(b))
    slack = 1e-9 * max(map(abs, values))
    pairs = zip(values, values[1:], strict=False)
    assert all(after <= before + slack for before, after in pairs)


def test_a_full_step_can_overshoot() -> None:
    w, b, x, _ = problem()
    amount = {name: 1e6 * value for name, value in coefficients("activation_alignment").items()}
    assert float(descend(LAYER, b, w, x, amount, shortened=False).abs().max()) > 1e2


def test_sparse_is_joined_by_amp_alone() -> None:
    w, _, x, _ = problem()
    amount = coefficients("activation_alignment") | coefficients("symmetric_alignment")
    with pytest.raises(InputError, match="sparse may be joined by amp alone; got decay, self too"):
        fixed_point(LAYER, w, x, amount)


def test_who_is_there_already_still_follows() -> None:
    w, _, x, _ = problem()
    amount = coefficients("symmetric_alignment")
    assert bool((alignment_time(LAYER, w, w, x, amount) > 0.05 / (2 * 1e-3)).all())
