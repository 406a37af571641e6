from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.evaluation import nuisance_floor
from rule_id.features import TARGETS


def table(blocks: dict[int, str], copies: int = 2) -> pd.DataFrame:
    """Networks of rules a, b, ... in blocks; the family of a and b is `first`, else `second`."""
    rows = [(block, rule) for block, rules in blocks.items() for rule in rules * copies]
    networks = pd.DataFrame(rows, columns=["block", "rule"])
    return networks.assign(family=np.where(networks["rule"] < "c", "first", "second"))


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("k", [2, 5])
def test_where_every_block_has_every_rule_it_is_one_in_k(k: int, copies: int) -> None:
    floor = nuisance_floor(table(dict.fromkeys(range(7), "abcde"[:k]), copies))
    assert floor == pytest.approx({"accuracy": 1 / k, "balanced_accuracy": 1 / k})


def test_rules_that_skip_blocks_by_hand() -> None:
    # 4 networks know 1/2, 8 know 1/4.
    networks = table({0: "ab", 1: "abcd"})
    floor = nuisance_floor(networks)
    assert floor["accuracy"] == pytest.approx((4 / 2 + 8 / 4) / 12)
    # Naming a or b in block 0 finds half of that rule, naming c or d in block 1 all of it.
    assert floor["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 4)


def test_the_largest_family_of_a_block_is_named_by_hand() -> None:
    floor = nuisance_floor(table({0: "abc", 1: "acde"}), "family")
    assert floor["accuracy"] == pytest.approx((6 * 2 / 3 + 8 * 3 / 4) / 14)
    # First: 4 networks in block 0, 2 in block 1; second: 2 and 6.
    assert floor["balanced_accuracy"] == pytest.approx((4 / 6 + 6 / 8) / 2)


def test_a_network_more_of_a_rule_is_no_hint_of_it() -> None:
    networks = table({0: "ab", 1: "ab"})
    assert nuisance_floor(networks.drop(index=0))["accuracy"] == 1 / 2


def test_only_tested_blocks_count_each_as_often_as_it_is_tested() -> None:
    networks = table({0: "ab", 1: "abcd", 2: "abc"})
    assert nuisance_floor(networks, tested=np.array([1, 1, 1]))["accuracy"] == 1 / 4
    mixed = nuisance_floor(networks, tested=np.array([0, 1, 1]))["accuracy"]
    assert mixed == pytest.approx((1 / 2 + 1 / 4 + 1 / 4) / 3)


@pytest.mark.parametrize("target", TARGETS)
def test_no_guess_from_the_block_does_better(target: str) -> None:
    rng = np.random.default_rng(0)
    networks = synthetic_trajectories(n_checkpoints=2).networks
    kept = rng.random(len(networks)) < 0.6
    networks = networks[kept].drop_duplicates(["block", "rule"])
    floor = nuisance_floor(networks, target)
    classes = networks[target].unique()
    for _ in range(50):
        guess = networks["block"].map(dict(enumerate(rng.choice(classes, 12))))
        correct = guess == networks[target]
        assert correct.mean() <= floor["accuracy"] + 1e-9 or target == "rule"
        assert correct.groupby(networks[target]).mean().mean() <= floor["balanced_accuracy"] + 1e-9


def test_bad_input_is_named() -> None:
    networks = table({0: "ab"})
    with pytest.raises(InputError, match="target must be one of rule, .*; got 'task'"):
        nuisance_floor(networks, "task")
    with pytest.raises(InputError, match="to have a floor; column block is missing"):
        nuisance_floor(networks.drop(columns="block"))
    for tested in ([], [3]):
        with pytest.raises(InputError, match="tested must name blocks of the networks, one or"):
            nuisance_floor(networks, tested=np.array(tested, dtype=int))
