"""Learning rates of two decades around the best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rule_id.errors import InputError
from rule_id.networks import ARCHITECTURE_GROUPS
from rule_id.reference import plan_path
from rule_id.rules import RULES
from rule_id.simulation import read_plan
from rule_id.simulation.best_rates import best_rates, written_rates
from rule_id.simulation.rate_search import RATES, _best, rates_tried, search_rate
from rule_id.simulation.rates import RateKey, known_rates, learning_rates
from rule_id.simulation.resolve import rates_wanted
from rule_id.tasks import TASKS


def test_every_range_has_the_same_width_and_contains_the_best() -> None:
    for best in (1e-4, 0.3):
        low, high = learning_rates(best).values
        assert low < best < high and np.log10(high / low) == pytest.approx(2)


def test_the_table_holds_known_names_and_rates_that_were_tried() -> None:
    for key, rate in known_rates().items():
        assert key.rule in RULES and key.task in TASKS
        assert key.architecture_group in ARCHITECTURE_GROUPS
        assert np.isclose(rate, rates_tried(key.rule), rtol=1e-4).any()


@pytest.mark.parametrize("name", ["demo", "reference"])
def test_the_table_holds_all_that_the_plans_that_ship_want(name: str) -> None:
    wanted = rates_wanted(read_plan(plan_path(name)))
    assert wanted and not set(wanted) - set(known_rates())


def test_a_search_finds_a_rate_inside_the_ones_tried() -> None:
    key = RateKey("backprop+momentum", "dense", "digits")
    found = search_rate(key)
    tried = rates_tried(key.rule)
    assert len(tried) == RATES and tried[0] < found < tried[-1]
    assert found == search_rate(key)


def test_random_drift_has_the_step_sizes_of_backprop() -> None:
    drift, learner = (
        search_rate(RateKey(f"{name}+momentum", "dense", "wine"))
        for name in ("random_drift", "backprop")
    )
    assert drift == learner


def test_rates_come_from_the_table_or_a_search_and_stay_with_the_corpus(tmp_path: Path) -> None:
    plan = read_plan(
        {"schema": 1, "seed": 1, "ensembles": [{
            "rules": ["backprop+momentum", "kolen_pollack+sgd"], "blocks": 1,
            "networks_per_rule": 1, "architecture": "dense1", "task": "wine",
            "learning_rate": "tuned",
        }]}
    )  # fmt: skip
    seen: list[tuple[str, int, int]] = []
    best = best_rates(plan, Path(), tmp_path, [], 1, lambda *told: seen.append(told))
    tabled, searched = (RateKey(rule, "dense", "wine") for rule in plan.ensembles[0].named_rules)
    assert best[tabled] == known_rates()[tabled] and searched not in known_rates()
    assert seen == [("learning rates", 1, 1)]
    (tmp_path / "manifest.json").write_text(
        '{"schema_version": 4, "learning_rates": [["backprop+momentum", "dense", "wine", 0.5],'
        ' ["kolen_pollack+sgd", "dense", "wine", 0.25]]}'
    )
    again = best_rates(plan, Path(), tmp_path, [], 1)
    assert again == {tabled: 0.5, searched: 0.25}
    assert written_rates(again)[0] == [*tabled, 0.5]


def test_the_best_rate_performs_about_best_and_has_the_lowest_loss() -> None:
    losses = torch.tensor([2.3, 2.2, 2.5, 2.6, 3.0, 9.0, torch.nan, torch.inf])
    performances = torch.tensor([0.1, 0.12, 0.5, 0.54, 0.48, 0.1, torch.nan, torch.nan])
    assert _best("rule", losses, performances) == 2
    assert _best("rule", losses, torch.full((8,), 0.1)) == 1
    with pytest.raises(InputError, match="rule backprop\\+adam diverged at every learning rate"):
        _best("backprop+adam", torch.full((8,), torch.nan), torch.full((8,), torch.nan))
