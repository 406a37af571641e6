"""Learning-rate schedules."""

from __future__ import annotations

import pytest
import torch

from rule_id.errors import InputError
from rule_id.rules import SCHEDULES, Schedule

PROGRESS = [step / 200 for step in range(200)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_factor_is_above_0_and_at_most_1(name: str) -> None:
    factors = [SCHEDULES[name](p) for p in PROGRESS]
    assert all(0 < factor <= 1 for factor in factors) and max(factors) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["linear", "cosine", "exponential", "steps", "warm_up_cosine"])
def test_the_rate_ends_near_a_hundredth(name: str) -> None:
    assert SCHEDULES[name](0.999) == pytest.approx(0.01, abs=0.002)


def test_cosine_is_that_of_torch() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200, eta_min=0.01)
    for p in PROGRESS:
        assert SCHEDULES["cosine"](p) == pytest.approx(theirs.get_last_lr()[0], abs=1e-6)
        optimizer.step()
        theirs.step()


def test_warming_up_rises_and_then_falls() -> None:
    factors = [SCHEDULES["warm_up_cosine"](p) for p in PROGRESS]
    top = factors.index(max(factors))
    assert PROGRESS[top] == pytest.approx(0.1)
    assert factors[:top] == sorted(factors[:top]) and factors[top:] == sorted(factors[top:])[::-1]


def test_each_network_has_its_own() -> None:
    schedule = Schedule(["constant", "linear", "constant"], 10, "cpu", torch.float64)
    torch.testing.assert_close(
        schedule.factor(5), torch.tensor([1.0, 0.505, 1.0], dtype=torch.float64)
    )


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(InputError, match="schedule must be one of constant, .*; got 'cyclic'"):
        Schedule(["cyclic"], 10, "cpu", torch.float64)
