from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import RULES

from rule_id.evaluation.protocols import split_rows
from rule_id.evaluation.ranges import RANGE, RANGES, range_groups


def networks(n: int = 60, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"network": [f"n{k:03}" for k in range(n)], **columns})


def test_the_ends_are_thirds_of_the_networks() -> None:
    width = np.random.default_rng(0).permutation(60)
    groups = range_groups(networks(width=width))
    assert list(groups) == ["low width", "high width"]
    np.testing.assert_array_equal(groups["low width"], width < 20)
    np.testing.assert_array_equal(groups["high width"], width >= 40)


def test_every_column_that_differs_has_ends() -> None:
    values = {name: np.arange(60.0) for name in RANGES}
    assert set(range_groups(networks(**values))) == {
        f"{end} {name}" for end in ("low", "high") for name in RANGES
    }
    assert range_groups(networks(momentum=np.arange(60))) == {}
    assert RANGE not in RANGES


def test_networks_count_once_however_many_layers_they_have() -> None:
    wide = networks(9, width=np.arange(9))
    layers = wide.loc[np.repeat(np.arange(9), [50, *[1] * 8])].reset_index(drop=True)
    groups = range_groups(layers)
    assert set(layers["network"][groups["low width"]]) == {"n000", "n001", "n002"}
    assert groups["low width"].sum() == 52 and len(groups["low width"]) == 58
    assert set(layers["network"][groups["high width"]]) == {"n006", "n007", "n008"}


@pytest.mark.parametrize("column", RANGES)
@pytest.mark.parametrize("sizes", [(20, 20, 20), (3, 17, 40)])
def test_one_value_has_no_ends(column: str, sizes: tuple[int, ...]) -> None:
    """Not even where rules, within which learning rates are ranked, have different sizes."""
    rule = np.repeat(["a", "b", "c"], sizes)
    assert range_groups(networks(rule=rule, **{column: 0.5})) == {}
    assert range_groups(networks(rule=rule, **{column: np.nan})) == {}


def test_learning_rates_are_ranked_among_those_of_a_rule() -> None:
    """Another scale for every rule: the low third of each, and not all of one."""
    rng = np.random.default_rng(1)
    scale = np.repeat([1e-4, 1.0, 1e3, np.nan], [30, 60, 9, 12])
    rule = np.repeat(["a", "b", "c", "no_learning"], [30, 60, 9, 12])
    table = networks(111, learning_rate=scale * rng.uniform(1, 100, 111), rule=rule)
    groups = range_groups(table)
    for end, worst in (("low", np.less_equal), ("high", np.greater_equal)):
        kept = groups[f"{end} learning_rate"]
        for name, n in (("a", 10), ("b", 20), ("c", 3), ("no_learning", 0)):
            own = (table["rule"] == name).to_numpy()
            assert abs((kept & own).sum() - n) <= 1, (end, name)
            inside, outside = (table["learning_rate"][own & some] for some in (kept, ~kept))
            if n:
                edge = inside.max() if end == "low" else inside.min()
                assert worst(inside, edge).all() and not worst(outside, edge).any()


def test_without_rules_learning_rates_are_ranked_together() -> None:
    groups = range_groups(networks(learning_rate=np.arange(60.0)))
    assert groups["low learning_rate"].sum() == 20


def test_what_is_missing_is_in_neither_end() -> None:
    decay = np.where(np.arange(60) < 30, np.nan, np.arange(60))
    groups = range_groups(networks(weight_decay=decay))
    assert not (groups["low weight_decay"] | groups["high weight_decay"])[:30].any()
    assert groups["low weight_decay"].sum() == groups["high weight_decay"].sum() == 10


@pytest.mark.parametrize(
    ("values", "counts", "expected"),
    [
        ([200, 400], [30, 30], {"low": [200], "high": [400]}),
        ([16, 32, 64], [20, 20, 20], {"low": [16], "high": [64]}),
        ([16, 32, 64], [10, 40, 10], {}),  # both thirds end at 32
        ([16, 32, 64], [10, 25, 25], {"low": [16, 32], "high": [64]}),
        ([200, 400], [42, 18], {}),  # both at 200
        ([200, 400], [21, 39], {"low": [200]}),  # of 400 there are 65%
        ([16, 32, 64, 128], [2, 22, 26, 10], {"low": [16, 32], "high": [64, 128]}),
    ],
)
def test_different_values_are_not_divided(values, counts, expected: dict) -> None:
    column = np.repeat(values, counts)
    groups = range_groups(networks(steps=column))
    found = {name.split()[0]: sorted(set(column[kept])) for name, kept in groups.items()}
    assert found == expected


def meta(shared: bool) -> pd.DataFrame:
    """Layers of networks whose width is of the block, or drawn for each; the rate is drawn."""
    rng = np.random.default_rng(2)
    rows = [
        {
            "network": f"b{block}.{rule}.{copy}", "layer": layer, "block": block, "rule": rule,
            "family": RULES[rule], "credit_assignment": rule, "optimizer": "momentum",
            "width": 16 * 2 ** (block % 3) if shared else 0,
        }
        for block in range(18) for rule in RULES for copy in range(2) for layer in range(2)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    codes = pd.factorize(table["network"])[0]
    drawn = rng.permutation(codes.max() + 1)[codes]
    return table.assign(learning_rate=10.0**drawn, **({} if shared else {"width": drawn}))


@pytest.mark.parametrize("shared", [True, False])
def test_no_value_that_is_tested_was_trained_on_and_no_block_is_on_both_sides(shared) -> None:
    table = meta(shared)
    groups = range_groups(table)
    splits = list(split_rows("held-out-range", table, n_splits=8, seed=1))
    assert {split.variant for split in splits} == set(groups) == {
        "low learning_rate", "high learning_rate", "low width", "high width",
    }  # fmt: skip
    for split in splits:
        assert split.train.any() and split.test.any()
        assert not set(table["block"][split.train]) & set(table["block"][split.test])
        assert groups[split.variant][split.test].all()
        assert not groups[split.variant][split.train].any()
        end, column = split.variant.split()
        sides = [table[column][side] for side in (split.train, split.test)]
        if column == "learning_rate":  # of which each rule has a range of its own
            sides = [side.groupby(table["rule"]) for side in sides]
        trained, tested = sides if end == "low" else sides[::-1]
        assert np.all(tested.max() < trained.min())
