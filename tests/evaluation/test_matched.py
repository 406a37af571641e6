from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from answering import answers, trial

from rule_id.evaluation.matched import MATCHED, VALUE_ALONE, matched_table
from rule_id.evaluation.results import FURTHER

CLASSES = ["a", "b"]
N_BLOCKS = 40


def networks(gap: float, seed: int = 0) -> pd.DataFrame:
    """Two rules with three networks each in a block; b performs better by `gap` deviations."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(
        [
            {"network": f"b{block:02}.{rule}.{copy}", "block": block, "rule": rule}
            for block in range(N_BLOCKS) for rule in CLASSES for copy in range(3)
        ]
    )  # fmt: skip
    better = gap * (made["rule"] == "b").to_numpy()
    performance = 5 + 10 * (made["block"] % 3) + rng.normal(size=len(made)) + better
    return made.assign(final_performance=performance, weight_change=np.exp(performance))


def found(table: pd.DataFrame, says, model: str = "linear", number: int = 0, features="summary"):
    """A trial on the first half of the blocks, and what it says of networks of the other half."""
    tested = table[table["block"] >= N_BLOCKS // 2]
    p = np.array([says(row) for row in tested.itertuples()], dtype=float)
    shown = answers(
        tested["rule"].to_numpy(), np.stack([1 - p, p], axis=1), CLASSES, tested["block"].array,
        tested["network"].to_numpy(),
    )  # fmt: skip
    train = (table["block"] < N_BLOCKS // 2).to_numpy()
    return trial(table, train, number, model, features), shown


def knows(row) -> float:
    return 0.8 if row.rule == "b" else 0.2


def by(table: pd.DataFrame, matched: str = "final performance") -> pd.DataFrame:
    assert tuple(table.columns) == FURTHER["matched"]
    some = table[table["matched"] == matched]
    return some.set_index(["model", "features", "pairs"]).sort_index()


def test_who_knows_the_rule_tells_matched_pairs_apart_and_the_value_does_not() -> None:
    table = networks(gap=2.0)
    rows = by(matched_table(table, [found(table, knows)], []))
    for pairs in ("matched", "all"):
        assert rows.loc[("linear", "summary", pairs), "accuracy"] == 1
        assert rows.loc[("linear", "summary", pairs), "sem"] == 0
    alone = rows.loc[(VALUE_ALONE, "")]
    assert alone.loc["all", "accuracy"] > 0.85
    assert abs(alone.loc["matched", "accuracy"] - 0.5) < 0.15
    assert 0 < alone.loc["matched", "n_pairs"] < alone.loc["all", "n_pairs"]


def test_who_sees_how_well_networks_learn_and_nothing_else_is_found_out() -> None:
    table = networks(gap=2.0)
    # Performance within a block, as a sigmoid; whose block is irrelevant to pairs.
    level = table.groupby("block")["final_performance"].transform("mean")
    value = dict(zip(table["network"], table["final_performance"] - level, strict=True))

    def performs(row) -> float:
        return 1 / (1 + np.exp(-value[row.network]))

    rows = by(matched_table(table, [], [found(table, performs, features="curves")]))
    curves = rows.loc[("linear", "curves")]
    assert curves.loc["all", "accuracy"] > 0.85
    assert abs(curves.loc["matched", "accuracy"] - 0.5) < 0.2


def test_who_says_nothing_is_at_chance_on_all_pairs() -> None:
    table = networks(gap=1.0)
    rows = by(matched_table(table, [found(table, lambda row: 0.3)], []))
    assert (rows.loc[("linear", "summary"), "accuracy"] == 0.5).all()


def test_matched_in_the_logarithm_of_the_change() -> None:
    """Changes are the exponentials of performances here, so that both match the same pairs."""
    table = networks(gap=1.0)
    both = matched_table(table, [found(table, knows)], [])
    assert set(both["matched"]) == set(MATCHED) == {"final performance", "weight change"}
    pd.testing.assert_frame_equal(
        by(both), by(both, "weight change").assign(matched=by(both)["matched"])
    )


def test_what_did_not_change_is_in_no_pair_matched_in_change() -> None:
    table = networks(gap=0.0)
    table["weight_change"] = np.where(table["rule"] == "a", 0.0, table["weight_change"])
    rows = matched_table(table, [found(table, knows)], [])
    assert set(rows["matched"]) == {"final performance"}


@pytest.mark.parametrize("value", [None, np.nan])
def test_what_was_not_recorded_is_not_matched(value) -> None:
    table = networks(gap=0.0)
    table = (
        table.drop(columns="weight_change") if value is None else table.assign(weight_change=value)
    )
    rows = matched_table(table, [found(table, knows)], [])
    assert set(rows["matched"]) == {"final performance"}


def test_splits_are_averaged_and_the_value_counts_once_a_split() -> None:
    table = networks(gap=2.0)
    grouped = [
        found(table, knows), found(table, lambda row: 1 - knows(row), number=1),
        found(table, knows, model="xgboost"), found(table, knows, model="xgboost", number=1),
    ]  # fmt: skip
    rows = by(matched_table(table, grouped, [found(table, knows, features="curves")]))
    assert set(rows.index.droplevel("pairs")) == {
        ("linear", "summary"), ("xgboost", "summary"), ("linear", "curves"), (VALUE_ALONE, ""),
    }  # fmt: skip
    assert rows.loc[("linear", "summary", "matched"), "accuracy"] == 0.5
    assert rows.loc[("xgboost", "summary", "matched"), "accuracy"] == 1
    one = by(matched_table(table, [found(table, knows)], []))
    pd.testing.assert_series_equal(
        rows.loc[(VALUE_ALONE, "", "all")], one.loc[(VALUE_ALONE, "", "all")]
    )


def test_without_a_pair_there_is_no_row() -> None:
    table = networks(gap=0.0)
    table["rule"] = np.where(table["block"] % 2, "a", "b")
    rows = matched_table(table, [found(table, knows)], [])
    assert rows.empty and tuple(rows.columns) == FURTHER["matched"]
    assert matched_table(table, [], []).empty


def test_a_rule_that_was_not_trained_on_is_in_no_pair() -> None:
    table = networks(0.5)
    lost = (table["rule"] == "b") & (table["block"] < N_BLOCKS // 2)
    assert matched_table(table, [found(table[~lost].reset_index(drop=True), knows)], []).empty
