"""Optimizers against torch's, and what they do at the ends of their ranges."""

from __future__ import annotations

import pytest
import torch
from small import Small, hyperparameters, run, small

from rule_id.rules import OPTIMIZERS, RULES, get_rule, teach
from rule_id.rules.contract import Hyperparameters, Optimizer

THEIRS = {
    "sgd": lambda p, d: torch.optim.SGD(p, lr=0.05, weight_decay=d),
    "momentum": lambda p, d: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=d),
    "rmsprop": lambda p, d: torch.optim.RMSprop(p, lr=0.05, alpha=0.95, weight_decay=d),
    "adam": lambda p, d: torch.optim.Adam(p, lr=0.05, betas=(0.9, 0.999), weight_decay=d),
    "adamw": lambda p, d: torch.optim.AdamW(p, lr=0.05, betas=(0.9, 0.999), weight_decay=d),
}
GIVEN = {"learning_rate": 0.05, "momentum": 0.9, "rms_decay": 0.95}


def modules(made: Small, index: int) -> torch.nn.Sequential:
    """The same network in plain torch."""
    layers = []
    for layer, own in zip(made.network.layers, made.parameters, strict=True):
        linear = torch.nn.Linear(layer.n_in, layer.n_out, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(own["weight"][index])
            linear.bias.copy_(own["bias"][index])
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def columns(optimizer: Optimizer, given: dict[str, torch.Tensor]) -> Hyperparameters:
    """As the first step gives them to an optimizer."""
    return optimizer.prepare(
        {k: v[:, None] for k, v in given.items()} | {"updates": torch.ones(())}
    )


def test_every_optimizer_is_compared() -> None:
    assert set(THEIRS) == set(OPTIMIZERS)


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_backprop_is_autograd_and_torch_optim(name: str, decay: float) -> None:
    made = small()
    reference = modules(made, 1)
    optimizer = THEIRS[name](reference.parameters(), decay)
    ours, _ = run(f"backprop+{name}", made, 50, weight_decay=decay, **GIVEN)
    for _ in range(50):
        optimizer.zero_grad()
        output = reference(made.batch.x[1])
        torch.nn.functional.cross_entropy(output, made.batch.y[1]).backward()
        optimizer.step()
    expected = torch.cat([p.detach().flatten() for p in reference.parameters()])
    torch.testing.assert_close(ours[1], expected, rtol=1e-8, atol=1e-10)


def test_momentum_zero_is_gradient_descent() -> None:
    made = small()
    plain = {"learning_rate": 0.05, "weight_decay": 0.0}
    by_sgd, _ = run("backprop+sgd", made, 5, **plain)
    by_momentum, _ = run("backprop+momentum", made, 5, momentum=0.0, **plain)
    torch.testing.assert_close(by_momentum, by_sgd, rtol=1e-12, atol=1e-14)
    gradient = made.network.flatten(teach(made.network, made.parameters, made.batch)[0])
    once, _ = run("backprop+sgd", made, 1, **plain)
    torch.testing.assert_close(once, made.vector - 0.05 * gradient)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_decay_only_where_asked(name: str) -> None:
    optimizer, vector = OPTIMIZERS[name], torch.randn(2, 7, dtype=torch.float64)
    rule = get_rule(f"backprop+{name}")
    for decay in (0.0, 0.1):
        given = columns(optimizer, hyperparameters(rule, 2, weight_decay=decay))
        change, _ = optimizer.step(torch.zeros_like(vector), optimizer.init(vector), vector, given)
        shrinks = bool((change * vector < 0).all())
        assert shrinks == (decay > 0) and bool((change == 0).all()) == (decay == 0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_normalised_optimizers_do_not_see_the_size_of_a_pseudo_gradient(name: str) -> None:
    optimizer, vector = OPTIMIZERS[name], torch.zeros(2, 7, dtype=torch.float64)
    drawn = hyperparameters(get_rule(f"backprop+{name}"), 2, weight_decay=0.0)
    given = columns(optimizer, drawn)
    g = 1 + torch.rand(2, 7, dtype=torch.float64)
    small_step, large_step = (
        optimizer.step(scale * g, optimizer.init(vector), vector, given)[0] for scale in (1, 1000)
    )
    ratio = float((large_step / small_step).mean())
    assert ratio == pytest.approx(1 if optimizer.normalised else 1000, rel=1e-3)


def test_a_learning_rate_range_of_the_credit_assignment_is_for_its_kind_of_optimizer() -> None:
    for rule in RULES.values():
        if rule.optimizer is None:
            continue
        kind = "normalised" if rule.optimizer.normalised else "scaled"
        expected = rule.credit_assignment.learning_rates.get(
            kind, rule.optimizer.ranges["learning_rate"]
        )
        assert rule.ranges["learning_rate"] == expected
