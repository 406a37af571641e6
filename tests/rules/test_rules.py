"""Identities that hold to float64 rounding, and fixed points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.errors import InputError
from rule_id.networks import build_network
from rule_id.rules import RULES, Batch, get_rule
from rule_id.rules.alignment import (
    information_alignment_fixed_point,
    information_alignment_gradient,
)
from rule_id.rules.layerwise import teach
from rule_id.tasks import cross_entropy

E, BATCH = 3, 16


def make(seed: int = 0, architecture: str = "dense2", activation: str = "tanh"):
    generator = torch.Generator().manual_seed(seed)
    network = build_network(architecture, n_in=6, n_out=4, width=5, activation=activation)
    vector = torch.randn(E, network.n_parameters, generator=generator, dtype=torch.float64)
    vector = 0.5 * vector
    x = torch.randn(E, BATCH, 6, generator=generator, dtype=torch.float64)
    y = torch.randint(4, (E, BATCH), generator=generator)
    return network, vector, Batch(x, y, cross_entropy)


def hyperparameters(**values: float) -> dict[str, torch.Tensor]:
    defaults = {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.0, "feedback_rate": 0.1}
    return {
        name: torch.full((E,), float(value), dtype=torch.float64)
        for name, value in (defaults | values).items()
    }


def modules(network, vector, index):
    """The same network in plain torch."""
    layers = []
    for layer, own in zip(network.layers, network.unflatten(vector), strict=True):
        linear = torch.nn.Linear(layer.n_in, layer.n_out, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(own["weight"][index])
            linear.bias.copy_(own["bias"][index])
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_backprop_is_autograd_and_torch_optim(name: str, decay: float) -> None:
    network, vector, batch = make()
    reference = modules(network, vector, 1)
    optimizer = (
        torch.optim.SGD(reference.parameters(), lr=0.05, momentum=0.9, weight_decay=decay)
        if name == "momentum"
        else torch.optim.Adam(
            reference.parameters(), lr=0.05, betas=(0.9, 0.999), weight_decay=decay
        )
    )
    vector = run(f"backprop+{name}", network, vector, batch, 50, weight_decay=decay)
    for _ in range(50):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(reference(batch.x[1]), batch.y[1]).backward()
        optimizer.step()
    expected = torch.cat([p.detach().flatten() for p in reference.parameters()])
    torch.testing.assert_close(vector[1], expected, rtol=1e-9, atol=1e-11)


def run(name: str, network, vector, batch, steps: int, **values: float) -> torch.Tensor:
    rule = get_rule(name)
    vector = vector.clone()
    generator = torch.Generator().manual_seed(1)
    feedback = [
        torch.randn(E, la.n_in, la.n_out, generator=generator, dtype=torch.float64)[: len(vector)]
        for la in network.layers
    ]
    given = {k: v[: len(vector)] for k, v in hyperparameters(**values).items()}
    assignment, state = rule.credit_assignment.init(feedback), rule.optimizer.init(vector)
    for _ in range(steps):
        gradients, assignment, _ = rule.credit_assignment.step(
            network, network.unflatten(vector), assignment, batch, given
        )
        change, state = rule.optimizer.step(network.flatten(gradients), state, vector, given)
        vector = vector + change
    return vector


@pytest.mark.parametrize("architecture", ["dense1", "dense2", "dense4"])
def test_feedback_tied_to_the_transposed_weights_is_backprop(architecture: str) -> None:
    network, vector, batch = make(architecture=architecture)
    parameters = network.unflatten(vector)
    tied = [own["weight"].mT for own in parameters]
    by_feedback = network.flatten(teach(network, parameters, batch, tied)[0])
    by_gradient = network.flatten(teach(network, parameters, batch, None)[0])
    torch.testing.assert_close(by_feedback, by_gradient, rtol=1e-12, atol=1e-14)


def test_fixed_feedback_changes_all_layers_but_the_last() -> None:
    network, vector, batch = make()
    parameters = network.unflatten(vector)
    other = [torch.ones_like(own["weight"].mT) for own in parameters]
    fixed, true = (teach(network, parameters, batch, b)[0] for b in (other, None))
    torch.testing.assert_close(fixed[-1]["weight"], true[-1]["weight"])
    for layer in (0, 1):
        assert not torch.allclose(fixed[layer]["weight"], true[layer]["weight"])


def test_teaching_signal_goes_through_the_feedback_weights() -> None:
    """One hidden layer by hand: d_1 = f'(z_1) * (B e)."""
    network, vector, batch = make(architecture="dense1")
    parameters = network.unflatten(vector)
    feedback = [torch.randn_like(own["weight"].mT) for own in parameters]
    gradients = teach(network, parameters, batch, feedback)[0]
    hidden = torch.tanh(batch.x @ parameters[0]["weight"].mT + parameters[0]["bias"][:, None])
    output = hidden @ parameters[1]["weight"].mT + parameters[1]["bias"][:, None]
    e = (torch.softmax(output, -1) - torch.nn.functional.one_hot(batch.y, 4)) / BATCH
    d = (1 - hidden**2) * (e @ feedback[1].mT)
    torch.testing.assert_close(gradients[0]["weight"], d.mT @ batch.x)
    torch.testing.assert_close(gradients[0]["bias"], d.sum(1))


def test_momentum_zero_is_gradient_descent() -> None:
    network, vector, batch = make()
    gradient = network.flatten(teach(network, network.unflatten(vector), batch, None)[0])
    learned = run("backprop+momentum", network, vector, batch, 1, momentum=0.0)
    torch.testing.assert_close(learned, vector - 0.05 * gradient)
    again = run("backprop+momentum", network, learned, batch, 1, momentum=0.0)
    both = run("backprop+momentum", network, vector, batch, 2, momentum=0.0)
    torch.testing.assert_close(both, again)


@pytest.mark.parametrize("name", RULES)
def test_a_network_alone_and_in_an_ensemble(name: str) -> None:
    network, vector, batch = make()
    together = run(name, network, vector, batch, 20)
    alone = run(name, network, vector[:1], Batch(batch.x[:1], batch.y[:1], batch.loss), 20)
    torch.testing.assert_close(alone[0], together[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", RULES)
def test_a_step_changes_no_state_in_place(name: str) -> None:
    network, vector, batch = make()
    before = vector.clone()
    run(name, network, vector, batch, 2)
    torch.testing.assert_close(vector, before, rtol=0, atol=0)


@pytest.mark.parametrize("name", RULES)
def test_operator_calls_do_not_depend_on_the_number_of_networks(name: str) -> None:
    counts = []
    for networks in (2, 64):
        network, _, _ = make()
        generator = torch.Generator().manual_seed(0)
        vector = torch.randn(networks, network.n_parameters, generator=generator)
        batch = Batch(torch.randn(networks, 8, 6, generator=generator),
                      torch.zeros(networks, 8, dtype=torch.int64), cross_entropy)  # fmt: skip
        counts.append(count_calls(name, network, vector, batch))
    assert counts[0] == counts[1] > 0


def count_calls(name, network, vector, batch) -> int:
    rule = get_rule(name)
    state = rule.credit_assignment.init(
        [torch.zeros(len(vector), layer.n_in, layer.n_out) for layer in network.layers]
    )
    given = {k: torch.full((len(vector),), 0.1) for k in hyperparameters()}
    with torch.profiler.profile() as profile:
        gradients, _, _ = rule.credit_assignment.step(
            network, network.unflatten(vector), state, batch, given
        )
        rule.optimizer.step(network.flatten(gradients), rule.optimizer.init(vector), vector, given)
    return sum(event.count for event in profile.key_averages() if event.key.startswith("aten::"))


def test_information_alignment_descends_its_objective() -> None:
    """The closed form is the gradient of a amp + b null + c decay in Kunin et al.'s terms."""
    generator = torch.Generator().manual_seed(0)
    feedback = torch.randn(E, 6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    x = torch.randn(E, BATCH, 6, generator=generator, dtype=torch.float64)
    projection = torch.randn(E, BATCH, 4, generator=generator, dtype=torch.float64)
    amp = -(projection * (x @ feedback)).sum(-1).mean(-1)
    null = ((projection @ feedback.mT) ** 2).sum(-1).mean(-1)
    decay = (feedback**2).sum((-2, -1))
    objective = (2e-3 * amp + 1e-3 * null + 1e-3 * decay).sum()
    (expected,) = torch.autograd.grad(objective, feedback)
    torch.testing.assert_close(
        information_alignment_gradient(feedback.detach(), x, projection), expected
    )


def test_information_alignment_ends_at_a_regularised_pseudo_inverse() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(E, 4, 6, generator=generator, dtype=torch.float64)
    x = torch.randn(E, 200, 6, generator=generator, dtype=torch.float64)
    projection = x @ weight.mT
    feedback = torch.randn(E, 6, 4, generator=generator, dtype=torch.float64)
    rate = 0.4 / (1e-3 * (projection**2).sum(-1).mean(-1) + 1e-3)[:, None, None]
    for _ in range(3000):
        feedback = feedback - rate * information_alignment_gradient(feedback, x, projection)
    fixed_point = information_alignment_fixed_point(weight, x)
    torch.testing.assert_close(feedback, fixed_point, rtol=1e-6, atol=1e-8)
    assert not torch.allclose(fixed_point, weight.mT, atol=0.1)


def test_a_diverged_network_leaves_the_fixed_points_of_the_others_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(E, 4, 6, generator=generator)
    x = torch.randn(E, 20, 6, generator=generator)
    expected = information_alignment_fixed_point(weight, x)
    for broken in (torch.nan, torch.inf, 1e30):
        weight[1] = broken
        found = information_alignment_fixed_point(weight, x)
        torch.testing.assert_close(found[[0, 2]], expected[[0, 2]])
        assert not bool(torch.isfinite(found[1]).all())


def test_feedback_settles_while_weights_rest() -> None:
    """The rule itself brings B to its fixed point when the forward weights do not learn."""
    network, vector, batch = make(activation="tanh")
    assignment = get_rule("information_alignment+momentum").credit_assignment
    given = hyperparameters(feedback_rate=1.0)
    parameters = network.unflatten(vector)
    state = assignment.init([torch.randn_like(own["weight"].mT) for own in parameters])
    before = assignment.angle(network, parameters, state, batch.x, given)
    for _ in range(4000):
        _, state, _ = assignment.step(network, parameters, state, batch, given)
    after = assignment.angle(network, parameters, state, batch.x, given)
    assert bool((after < before).all()) and float(after.max()) < 2.0


def test_names_families_and_an_unknown_rule() -> None:
    assert {name: rule.family for name, rule in RULES.items()} == {
        "backprop+momentum": "backprop",
        "backprop+adam": "backprop",
        "feedback_alignment+momentum": "fixed feedback",
        "information_alignment+momentum": "learned feedback",
    }
    assert all(name == rule.name for name, rule in RULES.items())
    with pytest.raises(InputError, match="rule must be one of backprop.momentum.*got 'hebb'"):
        get_rule("hebb")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_learns_digits(name: str) -> None:
    from rule_id.tasks import accuracy, draw_task, shuffled

    data = draw_task("digits", np.random.default_rng(0))
    network = build_network("dense1", n_in=64, n_out=10, width=32, activation="relu")
    generator = torch.Generator().manual_seed(0)
    vector = 0.1 * torch.randn(1, network.n_parameters, generator=generator)
    rule = get_rule(name)
    feedback = [0.3 * torch.randn(1, la.n_in, la.n_out, generator=generator)
                for la in network.layers]  # fmt: skip
    rate = 2e-3 if name.endswith("adam") else 2e-2
    given = {k: v[:1].float() for k, v in hyperparameters(learning_rate=rate).items()}
    assignment, state = rule.credit_assignment.init(feedback), rule.optimizer.init(vector)
    for rows in shuffled(np.random.default_rng(1), len(data.train_x), 200, 32):
        batch = Batch(torch.as_tensor(data.train_x[rows])[None],
                      torch.as_tensor(data.train_y[rows])[None], cross_entropy)  # fmt: skip
        gradients, assignment, _ = rule.credit_assignment.step(
            network, network.unflatten(vector), assignment, batch, given
        )
        change, state = rule.optimizer.step(network.flatten(gradients), state, vector, given)
        vector = vector + change
    output = network.forward(network.unflatten(vector), torch.as_tensor(data.test_x)[None]).output
    assert float(accuracy(output, torch.as_tensor(data.test_y)[None])[0]) > 0.8
