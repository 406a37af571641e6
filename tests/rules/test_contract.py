"""What every rule of the table must do, whatever it does."""

from __future__ import annotations

import pytest
import torch
from small import BATCH, CallCount, hyperparameters, noise, run, small, start

from rule_id.rules import CREDIT_ASSIGNMENTS, FAMILIES, RULES, Batch, get_rule
from rule_id.simulation.distributions import parse_distribution
from rule_id.tasks import cross_entropy

ONE_EACH = [
    name
    for name, rule in RULES.items()
    if rule.optimizer is None
    or rule.optimizer.name == "momentum"
    or rule.credit_assignment.name == "backprop"
]
"""Every credit assignment, and every optimizer."""


@pytest.mark.parametrize("name", RULES)
def test_every_pair_takes_a_step_that_is_finite_and_of_the_right_shape(name: str) -> None:
    made = small()
    vector, _ = run(name, made, 2)
    assert vector.shape == made.vector.shape and bool(torch.isfinite(vector).all())
    assert torch.equal(vector, made.vector) == (name == "no_learning")


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_network_alone_and_in_an_ensemble(name: str) -> None:
    made = small()
    together, _ = run(name, made, 20)
    alone, _ = run(name, made.only(1), 20, first=1)
    torch.testing.assert_close(alone[0], together[1], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ONE_EACH)
def test_networks_do_not_touch_each_other(name: str) -> None:
    made = small()
    before, _ = run(name, made, 5)
    made.vector = made.vector.clone()
    made.vector[0] += 1
    after, _ = run(name, made, 5)
    assert not torch.equal(after[0], before[0])
    torch.testing.assert_close(after[1:], before[1:], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_step_overwrites_nothing_but_the_optimizer_s_state(name: str) -> None:
    made = small()
    rule = get_rule(name)
    given = hyperparameters(rule, 3)
    # After a first step, so that nothing that starts unknown is left.
    vector, state = run(name, made, 1)
    tensors = _tensors(state.assignment)
    tensors += [vector, *made.feedback, made.batch.x, *given.values()]
    before = [t.clone() for t in tensors]
    parameters = made.network.unflatten(vector)
    rule.step(made.network, parameters, state, made.batch, given, noise(3).at(1))
    assert all(torch.equal(was, now) for was, now in zip(before, tensors, strict=True))


def _tensors(value) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    inside = value.values() if isinstance(value, dict) else value
    inside = inside if isinstance(value, dict | list | tuple) else []
    return [tensor for one in inside for tensor in _tensors(one)]


@pytest.mark.parametrize("name", ONE_EACH)
def test_the_same_step_twice_is_the_same_step(name: str) -> None:
    assert torch.equal(run(name, small(), 3)[0], run(name, small(), 3)[0])


@pytest.mark.parametrize("name", ONE_EACH)
def test_operator_calls_do_not_depend_on_the_number_of_networks(name: str) -> None:
    counts = [_count_calls(name, networks) for networks in (2, 64)]
    assert counts[0] == counts[1] > 0


def _count_calls(name: str, networks: int) -> int:
    rule, made = get_rule(name), small(networks=networks)
    given = hyperparameters(rule, networks, update_noise=1e-3)
    state = start(rule, made, given)
    draws = noise(networks)
    # The keys of a purpose are made once, from the seeds, before the first step is counted.
    rule.step(made.network, made.parameters, state, made.batch, given, draws.at(0))
    with CallCount() as calls:
        rule.step(made.network, made.parameters, state, made.batch, given, draws.at(1))
    return calls.n


@pytest.mark.parametrize("name", ONE_EACH)
def test_single_precision_works(name: str) -> None:
    made = small()
    made.vector = made.vector.float()
    made.feedback = [b.float() for b in made.feedback]
    made.batch = Batch(made.batch.x.float(), made.batch.y, cross_entropy)
    rule = get_rule(name)
    given = {k: v.float() for k, v in hyperparameters(rule, 3).items()}
    state = start(rule, made, given)
    change, _, loss = rule.step(
        made.network, made.parameters, state, made.batch, given, noise(3, dtype=torch.float32).at(0)
    )
    change = made.network.flatten(change)
    assert change.dtype == loss.dtype == torch.float32 and loss.shape == (3,)
    assert bool(torch.isfinite(change).all() and torch.isfinite(loss).all())


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_diverged_network_leaves_the_others_alone(name: str) -> None:
    made = small()
    expected, _ = run(name, made, 4)
    made.vector = made.vector.clone()
    made.vector[1] = torch.nan
    found, _ = run(name, made, 4)
    torch.testing.assert_close(found[[0, 2]], expected[[0, 2]], rtol=1e-9, atol=1e-11)
    if name != "no_learning":
        assert not bool(torch.isfinite(found[1]).any())


@pytest.mark.parametrize("name", ONE_EACH)
def test_one_hidden_layer_is_enough_and_four_are_not_too_many(name: str) -> None:
    for architecture in ("dense1", "dense4"):
        for activation in ("relu", "tanh"):
            vector, _ = run(name, small(architecture, activation, scale=0.3), 2)
            assert bool(torch.isfinite(vector).all())


@pytest.mark.parametrize("name", ONE_EACH)
def test_noise_is_added_to_every_update(name: str) -> None:
    made = small(networks=200)
    plain, _ = run(name, made, 1)
    noisy, _ = run(name, made, 1, update_noise=0.01)
    added = noisy - plain
    assert float(added.std()) == pytest.approx(0.01, rel=0.02)
    assert float(added.std(0).min()) > 0.006  # every entry gets some


@pytest.mark.parametrize(
    "name", [n for n, one in CREDIT_ASSIGNMENTS.items() if one.family == "learned feedback"]
)
def test_noise_is_added_to_feedback_that_learns(name: str) -> None:
    made = small(networks=200)
    states = [run(f"{name}+sgd", made, 1, update_noise=size)[1] for size in (1e-9, 0.01)]
    plain, noisy = (torch.cat([b.flatten(1) for b in s.assignment["feedback"]], 1) for s in states)
    assert float((noisy - plain).std()) == pytest.approx(0.01, rel=0.03)


def test_noise_differs_from_layer_to_layer_and_from_weight_to_bias() -> None:
    for name in ("reward_modulated_hebbian", "node_perturbation", "random_drift"):
        made, rule = small(networks=2000), get_rule(f"{name}+sgd")
        given = hyperparameters(rule, 2000)
        state = start(rule, made, given)
        found = rule.credit_assignment.step(
            made.network, made.parameters, state.assignment, made.batch, given, noise(2000).at(0)
        ).gradients
        first, second = (found[index]["bias"][:, 0] for index in (0, 1))
        signs = (first.sign() * second.sign()).mean()
        assert abs(float(signs)) < 0.3, name


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_layer_that_is_silent_does_not_end_the_network(name: str) -> None:
    made = small("dense2", "relu", scale=0.3)
    made.vector = made.vector.clone()
    made.parameters[0]["weight"].zero_()
    made.parameters[0]["bias"].fill_(-1)
    vector, _ = run(name, made, 3)
    assert bool(torch.isfinite(vector).all())


@pytest.mark.parametrize("name", ONE_EACH)
def test_one_example_and_one_step_are_enough(name: str) -> None:
    made = small("dense2", scale=0.3)
    made.batch = Batch(made.batch.x[:, :1], made.batch.y[:, :1], cross_entropy)
    vector, _ = run(name, made, 1)
    assert bool(torch.isfinite(vector).all())


@pytest.mark.parametrize("name", ONE_EACH)
def test_what_it_responds_is_a_pass_through_the_network(name: str) -> None:
    made, rule = small(), get_rule(name)
    state = start(rule, made, hyperparameters(rule, 3))
    activity = rule.respond(made.network, made.parameters, state, made.batch.x)
    for layer, h, z, y in zip(
        made.network.layers, activity.inputs, activity.preactivations, activity.outputs, strict=True
    ):
        assert h.shape == (3, BATCH, layer.n_in) and z.shape == y.shape == (3, BATCH, layer.n_out)
        torch.testing.assert_close(layer.activate(z), y, rtol=0, atol=1e-3)
    assert torch.equal(activity.inputs[0], made.batch.x)


@pytest.mark.parametrize("name", RULES)
def test_default_ranges_are_ones_that_a_plan_may_write(name: str) -> None:
    rule = RULES[name]
    for hyperparameter, written in rule.ranges.items():
        support = parse_distribution(written).support()
        assert all(value >= 0 for value in support), hyperparameter
    assert ("learning_rate" in rule.ranges) == (name not in ("no_learning",))


@pytest.mark.parametrize("name", CREDIT_ASSIGNMENTS)
def test_families_angles_and_readouts(name: str) -> None:
    one = CREDIT_ASSIGNMENTS[name]
    assert one.name == name and one.family in FAMILIES
    assert (one.angle is not None) == (one.family == "learned feedback")
    assert one.delta_readout == (one.family == "Hebbian")
