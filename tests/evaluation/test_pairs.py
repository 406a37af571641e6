from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from synthetic import RULES, synthetic_trajectories

from rule_id.errors import InputError
from rule_id.evaluation import arranging, pairs
from rule_id.evaluation.pairs import CLEAR, PAIR_COLUMNS, separability, usable_networks
from rule_id.trajectories import Trajectories

SOME = ["backprop+adam", "backprop+momentum", "information_alignment+momentum"]


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "ROUNDS", 10)


@pytest.fixture(scope="module")
def planted() -> Trajectories:
    return synthetic_trajectories(n_blocks=10, networks_per_rule=2)


@pytest.fixture(scope="module")
def table(planted: Trajectories) -> pd.DataFrame:
    return separability(planted, fewest=20, folds=3)


def of(trajectories: Trajectories, **columns: object) -> Trajectories:
    return replace(trajectories, networks=trajectories.networks.assign(**columns))


def test_each_pair_has_one_row_and_trees_are_tried_where_the_line_is_unsure(
    table: pd.DataFrame,
) -> None:
    assert list(table.columns) == list(PAIR_COLUMNS)
    assert list(zip(table["rule_a"], table["rule_b"], strict=True)) == list(
        combinations(sorted(RULES), 2)
    )
    assert (table[["networks_a", "networks_b"]] == 20).all(axis=None)
    assert (table["xgboost"].isna() == (table["linear"] >= CLEAR)).all()
    assert (table["accuracy"] == table[["linear", "xgboost"]].max(axis=1)).all()


def test_what_is_planted_is_found(table: pd.DataFrame) -> None:
    found = table.set_index(["rule_a", "rule_b"])["accuracy"]
    assert found["backprop+momentum", "information_alignment+momentum"] > 0.95


def test_where_nothing_is_planted_there_is_chance() -> None:
    nothing = synthetic_trajectories(n_blocks=40, networks_per_rule=2, signal=0, seed=3)
    (row,) = separability(nothing, rules=SOME[:2], fewest=80, folds=4).itertuples()
    # 160 networks: a standard error of 0.04, and the best of four.
    assert 0.35 < row.linear < 0.65
    assert 0.35 < row.xgboost < 0.65


def test_the_learning_rate_is_seen() -> None:
    nothing = synthetic_trajectories(n_blocks=20, networks_per_rule=2, signal=0)
    rates = nothing.networks["rule"].map({SOME[0]: 1e-3, SOME[1]: 1e-1}).fillna(1e-2)
    (row,) = separability(
        of(nothing, learning_rate=rates), rules=SOME[:2], fewest=40, folds=4
    ).itertuples()
    assert row.accuracy > CLEAR


def test_no_block_is_on_both_sides() -> None:
    """What is drawn for a block cannot be learned from other blocks.

    The networks of a block are copies of one and have one rule, drawn by lot. Were only networks
    kept apart, all would be named rightly.
    """
    drawn = synthetic_trajectories(n_blocks=16, networks_per_rule=1, signal=0)
    one = drawn.select(drawn.networks.query("rule == @SOME[0]")["network"])
    copies = [
        [table.assign(network=table["network"] + f".{copy}") for table in (one.networks, one.rows)]
        for copy in range(4)
    ]
    networks, rows = (pd.concat(some, ignore_index=True) for some in zip(*copies, strict=True))
    rule = np.array(SOME[:2])[np.random.default_rng(0).permutation(16) % 2]
    labelled = Trajectories(networks.assign(rule=rule[networks["block"]]), rows)
    (row,) = separability(labelled, fewest=32, folds=4).itertuples()
    assert row.accuracy < 0.85


def test_the_order_of_rows_does_not_matter(planted: Trajectories) -> None:
    shuffled = Trajectories(
        planted.networks.sample(frac=1, random_state=1, ignore_index=True),
        planted.rows.sample(frac=1, random_state=2, ignore_index=True),
    )
    first, second = (
        separability(some, rules=SOME[:2], fewest=20, folds=2) for some in (planted, shuffled)
    )
    pd.testing.assert_frame_equal(first, second)


def test_diverged_networks_do_not_count(planted: Trajectories) -> None:
    diverged = planted.networks["network"].eq("b0000.backprop+adam.0")
    kept = usable_networks(planted.networks.assign(diverged=diverged))
    assert len(kept) == len(planted.networks) - 1
    with pytest.raises(InputError, match=r"20 networks or more.*backprop\+adam \(19\)$"):
        separability(of(planted, diverged=diverged), fewest=20)


def test_only_the_exact_measurement_is_seen(planted: Trajectories) -> None:
    noise = planted.rows.assign(measurement=1, observation="gaussian", noise_std=1.0)
    noise[[c for c in noise if c.startswith("weight_")]] = 0.0
    both = replace(planted, rows=pd.concat([noise, planted.rows], ignore_index=True))
    first, second = (
        separability(some, rules=SOME[1:], fewest=20, folds=2) for some in (planted, both)
    )
    pd.testing.assert_frame_equal(first, second)
    with pytest.raises(InputError, match="must have an exact measurement of all units"):
        separability(replace(planted, rows=noise), fewest=20)


def test_layers_stand_side_by_side_from_both_ends() -> None:
    meta = pd.DataFrame({"layer": [0, 1, 2, 3, 4, 0, 1], "n_layers": [5] * 5 + [2] * 2})
    values = np.array([[10.0], [11], [12], [13], [14], [20], [21]], dtype=np.float32)
    whole = arranging._side_by_side(values, meta, np.array([0] * 5 + [1] * 2))
    assert whole.tolist() == [[10, 11, 13, 14], [20, 21, 20, 21]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": ["backprop+adam", "x"]}, "rules must be one of backprop.*; got 'x'"),
        ({"rules": ["backprop+adam"]}, r"rules must be 2 or more.*; got backprop\+adam"),
        ({"folds": 11}, "folds must be 2 to the number of blocks, 10; got 11"),
        ({"folds": 1}, "folds must be 2 to"),
        ({"fewest": 500}, "must have 500 networks or more"),
    ],
)
def test_wrong_options(planted: Trajectories, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        separability(planted, **{"fewest": 1, **options})


def test_a_rule_in_one_fold_alone_cannot_be_trained_on_and_tested(planted: Trajectories) -> None:
    networks = planted.networks
    few = networks[networks["rule"].ne("backprop+adam") | networks["block"].eq(0)]
    with pytest.raises(InputError, match=r"several folds of blocks; backprop\+adam has not"):
        separability(planted.select(few["network"]), fewest=1)


def test_recordings_are_refused(planted: Trajectories) -> None:
    with pytest.raises(InputError, match="column block, diverged is missing"):
        separability(
            replace(planted, networks=planted.networks.drop(columns=["block", "diverged"]))
        )


def test_progress_counts_pairs(planted: Trajectories) -> None:
    calls: list[tuple[str, int, int]] = []
    separability(planted, rules=SOME, fewest=1, folds=2, progress=lambda *call: calls.append(call))
    assert calls[:3] == [("linear", k, 3) for k in (1, 2, 3)]
