"""Weights that fluctuate around centres which reward moves."""

from __future__ import annotations

import math

import pytest
import torch
from small import hyperparameters, noise, run, small, start

from rule_id.rules import Batch, get_rule

RULE = get_rule("weight_fluctuation")


def one_step(made, state, given, step=0):
    return RULE.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(step)
    )


def test_weights_start_where_they_are_and_swing_around_it() -> None:
    made = small()
    vectors = [made.vector]
    vectors += [run(RULE.name, made, n, learning_rate=0.0)[0] for n in range(1, 40)]
    track = torch.stack(vectors) - made.vector
    # Nothing is learned, so the centre stays and each weight swings within the amplitude.
    _, state = run(RULE.name, made, 1, learning_rate=0.0)
    amplitude = state.assignment["initial"]
    assert bool((track.abs().amax((0, 2)) <= 2 * amplitude + 1e-12).all())
    assert bool((track.amax(0) > 0).all()) and bool((track.amin(0) < 0).all())


@pytest.mark.parametrize("better", [True, False])
def test_reward_moves_the_centre_to_the_weights_and_calms_them(better: bool) -> None:
    made = small()
    given = hyperparameters(RULE, 3)
    state = start(RULE, made, given).assignment
    moved = made.vector + 0.1
    state |= {"expected": torch.full((3,), -5.0 if better else 5.0, dtype=torch.float64)}
    made.vector = moved
    _, after, loss = one_step(made, state, given)
    toward = (after["centre"] - state["centre"]) * (moved - state["centre"])
    assert bool((toward > 0).all()) == better and bool((toward < 0).all()) == (not better)
    assert bool((after["amplitude"] < state["amplitude"]).all()) == better
    reward = -loss - state["expected"]
    alpha = given["learning_rate"] / state["initial"] ** 2
    expected = state["centre"] + (alpha * reward)[:, None] * (moved - state["centre"])
    torch.testing.assert_close(after["centre"], expected)


def test_a_cycle_ends_and_the_next_has_a_new_period() -> None:
    made = small()
    given = hyperparameters(RULE, 3, learning_rate=0.0)
    state = start(RULE, made, given).assignment
    late, soon = torch.full_like(state["time"], 5.5), torch.full_like(state["time"], 6.0)
    state |= {"time": late, "period": soon}
    _, after, _ = one_step(made, state, given)
    assert not after["time"].any()
    period = after["period"]
    assert float(period.std()) > 0 and not torch.equal(period[0], period[1])
    low, high = 0.5 * given["fluctuation_period"], 1.5 * given["fluctuation_period"]
    assert bool((period >= low[:, None]).all() and (period <= high[:, None]).all())


def test_the_change_leads_to_the_centre_and_its_swing() -> None:
    made = small()
    given = hyperparameters(RULE, 3)
    state = start(RULE, made, given).assignment
    gradients, after, _ = one_step(made, state, given)
    reached = made.vector - made.network.flatten(gradients)
    phase = 2 * math.pi * after["time"] / after["period"]
    torch.testing.assert_close(reached, after["centre"] + after["amplitude"][:, None] * phase.sin())


def test_amplitude_and_centre_are_clipped() -> None:
    made = small()
    given = hyperparameters(RULE, 3)
    state = start(RULE, made, given).assignment
    for expected in (-1e9, 1e9):
        state |= {"expected": torch.full((3,), expected, dtype=torch.float64)}
        made.batch = Batch(made.batch.x, made.batch.y, made.batch.loss)
        moved = small()
        moved.vector = made.vector + 1
        _, after, _ = one_step(moved, state, given)
        assert bool((after["amplitude"] >= 0).all())
        assert bool((after["amplitude"] <= 2 * after["initial"]).all())
        assert bool((after["centre"].abs() <= state["bound"][:, None]).all())
