"""Perturbation rules estimate the gradient."""

from __future__ import annotations

import pytest
import torch
from small import Small, hyperparameters, noise, run, small, start

from rule_id.rules import Batch, get_rule, teach


def mean_pseudo_gradient(name: str, draws: int, std: float, repeats: int = 1) -> tuple:
    """The mean over many networks that are copies of one, and the true gradient."""
    one = small("dense1", networks=1)
    copies = Small(
        one.network,
        one.vector.expand(draws, -1),
        Batch(one.batch.x.expand(draws, -1, -1), one.batch.y.expand(draws, -1), one.batch.loss),
        [b.expand(draws, -1, -1) for b in one.feedback],
    )
    rule = get_rule(f"{name}+sgd")
    given = hyperparameters(rule, draws, exploration_std=std)
    state = start(rule, copies, given).assignment
    total = 0.0
    for step in range(repeats):
        found = rule.credit_assignment.step(
            copies.network, copies.parameters, state, copies.batch, given, noise(draws).at(step)
        )
        state, total = found.state, total + copies.network.flatten(found.gradients).mean(0)
    true = one.network.flatten(teach(one.network, one.parameters, one.batch)[0])[0]
    return total / repeats, true


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.cosine_similarity(a, b, dim=0))


@pytest.mark.parametrize(
    ("name", "draws"), [("node_perturbation", 4000), ("weight_perturbation", 20000)]
)
def test_it_averages_to_the_gradient(name: str, draws: int) -> None:
    mean, true = mean_pseudo_gradient(name, draws, 1e-3)
    assert cosine(mean, true) > 0.97
    assert float(mean.norm() / true.norm()) == pytest.approx(1, abs=0.1)


def test_reward_modulated_hebbian_points_along_the_gradient() -> None:
    mean, true = mean_pseudo_gradient("reward_modulated_hebbian", 4000, 0.3, repeats=5)
    assert cosine(mean, true) > 0.7


def test_one_draw_is_far_from_the_gradient() -> None:
    mean, true = mean_pseudo_gradient("weight_perturbation", 1, 1e-3)
    assert abs(cosine(mean, true)) < 0.5


def test_the_pseudo_gradient_of_node_perturbation_by_hand() -> None:
    """d = (L_noisy - L) n / s, one loss an example."""
    made, std = small("dense1"), 0.05
    rule = get_rule("node_perturbation+sgd")
    given = hyperparameters(rule, 3, exploration_std=std)
    draws = noise(3).at(7)
    found = rule.credit_assignment.step(
        made.network, made.parameters, {}, made.batch, given, draws
    ).gradients
    n = [
        draws.normal(f"node {i}", (16, layer.n_out)) for i, layer in enumerate(made.network.layers)
    ]
    clean = made.network.forward(made.parameters, made.batch.x)
    noisy = made.network.forward(made.parameters, made.batch.x, added=[std * one for one in n])
    change = made.batch.loss(noisy.output, made.batch.y) - made.batch.loss(
        clean.output, made.batch.y
    )
    for index in (0, 1):
        d = change[..., None] * n[index] / std
        torch.testing.assert_close(
            found[index]["weight"], d.mT @ clean.inputs[index] / 16, rtol=1e-7, atol=1e-9
        )


def test_expected_reward_follows_the_reward() -> None:
    _, state = run("reward_modulated_hebbian+sgd", small(), 60, learning_rate=0.0)
    _, first = run("reward_modulated_hebbian+sgd", small(), 1, learning_rate=0.0)
    # With weights that rest, the mean over steps of noisy rewards stays near the first one.
    torch.testing.assert_close(
        state.assignment["expected"], first.assignment["expected"], rtol=0.25, atol=0.1
    )


def test_a_reward_that_is_expected_teaches_nothing() -> None:
    made = small(networks=2)
    rule = get_rule("reward_modulated_hebbian+sgd")
    given = hyperparameters(rule, 2)
    state = start(rule, made, given).assignment
    flat = Batch(made.batch.x, made.batch.y, lambda output, y: output.sum(-1) * 0 + 3.0)
    found = rule.credit_assignment.step(
        made.network, made.parameters, state, flat, given, noise(2).at(0)
    )
    assert not made.network.flatten(found.gradients).any()
    assert found.loss.tolist() == [3.0, 3.0]
