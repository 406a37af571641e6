from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation.matching import PAIR_COLUMNS, matched_pairs, unmatched_pairs


def networks(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["block", "rule", "final_performance"])


def random_networks(seed: int = 0, n_blocks: int = 6, n: int = 15) -> pd.DataFrame:
    """Of three rules of which the first two learn alike, of blocks that differ much."""
    rng = np.random.default_rng(seed)
    blocks = np.repeat(np.arange(n_blocks), n)
    codes = rng.integers(3, size=len(blocks))
    values = 10 * rng.normal(size=n_blocks)[blocks] + np.array([0, 0.2, 2])[codes]
    rules = np.array(["a", "b", "c"])[codes]
    return networks(list(zip(blocks, rules, values + rng.normal(size=len(blocks)), strict=True)))


def places(pairs: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(pairs["i"], pairs["j"], strict=True))


def within_blocks(table: pd.DataFrame) -> float:
    """The pooled standard deviation, by residuals from a fit of a mean for each block."""
    dummies = pd.get_dummies(table["block"]).to_numpy(dtype=float)
    values = table["final_performance"].to_numpy()
    residuals = values - dummies @ np.linalg.lstsq(dummies, values, rcond=None)[0]
    return float(np.sqrt(residuals @ residuals / (len(values) - dummies.shape[1])))


def test_the_nearest_are_matched_first_and_none_twice() -> None:
    table = networks([
        (0, "b", 0.50), (0, "b", 0.58), (0, "a", 0.52), (0, "a", 0.57), (0, "a", 0.90),
    ])  # fmt: skip
    assert places(matched_pairs(table, caliper=10)) == [(3, 1), (2, 0)]
    # 0.02 apart and 0.01 apart, of a standard deviation of 0.163.
    assert places(matched_pairs(table, caliper=0.1)) == [(3, 1)]


def test_pairs_are_of_one_block_two_classes_and_within_the_caliper() -> None:
    table = random_networks()
    widest = 0.3 * within_blocks(table)
    pairs = matched_pairs(table, caliper=0.3)
    assert tuple(pairs.columns) == PAIR_COLUMNS and (pairs["weight"] == 1).all()
    first, second = (table.iloc[pairs[side]].reset_index(drop=True) for side in ("i", "j"))
    assert (first["block"] == second["block"]).all()
    assert (first["rule"] < second["rule"]).all()
    apart = (first["final_performance"] - second["final_performance"]).abs()
    assert 0.8 * widest < apart.max() <= widest
    for _, two in pairs.groupby([first["block"], first["rule"], second["rule"]]):
        assert two["i"].is_unique and two["j"].is_unique


def test_what_blocks_and_scales_are_changes_no_pair() -> None:
    table = random_networks()
    expected = places(matched_pairs(table))
    moved = table.assign(
        final_performance=7 * table["final_performance"] + 1000.0 * table["block"],
        block=table["block"].map(lambda block: f"block {block}"),
    )
    assert places(matched_pairs(moved)) == expected
    index = table.set_index(pd.Index(range(100, 100 + len(table))))
    assert places(matched_pairs(index)) == expected


def test_a_wider_caliper_matches_more_and_none_but_equals_at_zero() -> None:
    table = random_networks()
    numbers = [len(matched_pairs(table, caliper=caliper)) for caliper in (0, 0.05, 0.2, 1, 100)]
    assert numbers == sorted(numbers) and numbers[0] == 0
    # Then as many as the smaller class has, of each two classes of each block.
    counts = pd.crosstab(table["block"], table["rule"])
    pairs = [counts[[a, b]].min(axis=1).sum() for a, b in ("ab", "ac", "bc")]
    assert numbers[-1] == sum(pairs)
    same = table.assign(final_performance=0.5)
    assert len(matched_pairs(same, caliper=0)) == sum(pairs)


def test_all_pairs_are_those_of_each_block() -> None:
    table = random_networks()
    counts = pd.crosstab(table["block"], table["rule"])
    expected = sum((counts[a] * counts[b]).sum() for a, b in ("ab", "ac", "bc"))
    pairs = unmatched_pairs(table)
    assert len(pairs) == expected == len(set(places(pairs)))
    assert (pairs["weight"] == 1).all()
    assert set(places(matched_pairs(table))) <= set(places(pairs))


def test_like_weighs_classes_of_blocks_as_they_are_among_matched_pairs() -> None:
    table = random_networks()
    matched = matched_pairs(table)
    pairs = unmatched_pairs(table, like=matched)

    def sums(of: pd.DataFrame) -> pd.Series:
        keys = [
            table["block"].to_numpy()[of["i"]],
            table["rule"].to_numpy()[of["i"]],
            table["rule"].to_numpy()[of["j"]],
        ]
        return of["weight"].groupby(keys).sum()

    pd.testing.assert_series_equal(sums(pairs), sums(matched))
    assert len(matched) < len(pairs) < len(unmatched_pairs(table))
    assert unmatched_pairs(table, like=matched.iloc[:0]).empty


def test_what_has_no_value_is_in_no_pair() -> None:
    table = random_networks()
    lost = table["rule"].eq("a") | (np.arange(len(table)) % 5 == 0)
    gaps = table.assign(final_performance=table["final_performance"].where(~lost))
    gaps.loc[1, "final_performance"] = np.inf
    for pairs in (matched_pairs(gaps, caliper=1), unmatched_pairs(gaps)):
        used = {*pairs["i"], *pairs["j"]}
        assert used and used.isdisjoint(np.flatnonzero(lost)) and 1 not in used
    nothing = table.assign(final_performance=np.nan)
    assert matched_pairs(nothing).empty and unmatched_pairs(nothing).empty
    assert list(matched_pairs(nothing).dtypes) == list(matched_pairs(table).dtypes)


def test_bad_input_is_named() -> None:
    table = random_networks()
    with pytest.raises(InputError, match="caliper must be 0 or more; got -1"):
        matched_pairs(table, caliper=-1)
    with pytest.raises(InputError, match="networks must have a column weight_change"):
        matched_pairs(table, value="weight_change")
    with pytest.raises(InputError, match="networks must have a column family"):
        unmatched_pairs(table, label="family")
