from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import with_variety

from rule_id.errors import InputError
from rule_id.evaluation import PROTOCOLS, Split, split_rows
from rule_id.evaluation.protocols import held_out_groups
from rule_id.evaluation.ranges import range_groups
from rule_id.features import TARGETS, extract
from rule_id.trajectories import Trajectories, set_apart

HELD_OUT = [name for name, protocol in PROTOCOLS.items() if protocol.held_out]
BY_BLOCK = [name for name, protocol in PROTOCOLS.items() if protocol.apart == "block"]
COLUMNS = ["architecture", "architecture_group", "task", "task_group", "curriculum"]


@pytest.fixture(scope="module")
def meta(trajectories: Trajectories) -> pd.DataFrame:
    return extract(trajectories).meta


@pytest.fixture(scope="module")
def varied(trajectories: Trajectories) -> pd.DataFrame:
    """Groups to hold out, and two blocks of twelve that the plan set apart."""
    return extract(with_variety(trajectories)).meta


def both(split: Split, meta: pd.DataFrame, column: str) -> set:
    return set(meta[column][split.train]) & set(meta[column][split.test])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_eight_splits_are_distinct_disjoint_and_hold_every_rule(
    protocol: str, varied: pd.DataFrame
) -> None:
    meta = varied
    splits = list(split_rows(protocol, meta, n_splits=8))
    assert len({split.train.tobytes() + split.test.tobytes() for split in splits}) == len(splits)
    # Where groups are held out, each has a split at least.
    assert len(splits) == max(8, len({split.variant for split in splits}))
    for number, split in enumerate(splits):
        assert split.number == number
        assert not (split.train & split.test).any()
        for side in (split.train, split.test):
            assert set(meta["rule"][side]) == set(meta["rule"])


@pytest.mark.parametrize("protocol", BY_BLOCK)
def test_no_block_is_on_both_sides(protocol: str, varied: pd.DataFrame) -> None:
    for split in split_rows(protocol, varied, n_splits=12):
        assert not both(split, varied, "block")
        assert not both(split, varied, "network")


@pytest.mark.parametrize("column", COLUMNS)
def test_held_out_groups_take_turns_and_are_never_trained_on(
    column: str, varied: pd.DataFrame
) -> None:
    meta = varied
    groups = sorted(meta[column].unique())
    for split in split_rows(f"held-out-{column.replace('_', '-')}", meta, n_splits=10):
        assert split.variant == groups[split.number % len(groups)]
        assert set(meta[column][split.test]) == {split.variant}
        assert not both(split, meta, column)
        # All of the group is tested, and no rule is left out where all run everywhere.
        assert split.test.sum() == (meta[column] == split.variant).sum()
        assert split.dropped == ()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_the_plan_set_apart_is_never_trained_on(protocol: str, varied: pd.DataFrame) -> None:
    apart = set_apart(varied)
    assert varied["network"][apart].nunique() == 16
    for split in split_rows(protocol, varied, n_splits=6):
        assert not (split.train & apart).any()
        if protocol == "held-out-plan":
            np.testing.assert_array_equal(split.test, apart)
        elif protocol not in HELD_OUT:
            assert not (split.test & apart).any()


@pytest.mark.parametrize("protocol", ["paper", "network", "grouped", "truncated"])
def test_without_what_was_set_apart_the_splits_are_the_same(
    protocol: str, varied: pd.DataFrame
) -> None:
    apart = set_apart(varied)
    left = varied[~apart].reset_index(drop=True)
    for one, other in zip(
        split_rows(protocol, varied, n_splits=3), split_rows(protocol, left, n_splits=3),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one.train[~apart], other.train)
        np.testing.assert_array_equal(one.test[~apart], other.test)


@pytest.mark.parametrize("protocol", HELD_OUT)
def test_every_group_is_held_out_however_few_splits(protocol: str, varied: pd.DataFrame) -> None:
    groups = held_out_groups(protocol, varied, "rule")
    few, many = (
        [split.variant for split in split_rows(protocol, varied, n_splits=n)]
        for n in (1, len(groups) + 1)
    )
    assert few == list(groups) and many == [*groups, few[0]]


def test_ends_of_ranges_are_held_out(varied: pd.DataFrame) -> None:
    splits = list(split_rows("held-out-range", varied, n_splits=1))
    variants = {split.variant for split in splits}
    assert variants and variants <= set(range_groups(varied))
    for split in splits:
        inside = range_groups(varied)[split.variant]
        assert inside[split.test].all() and not inside[split.train].any()


def test_named_groups_are_held_out_alone_with_as_many_splits_each(varied: pd.DataFrame) -> None:
    splits = list(split_rows("held-out-task", varied, n_splits=3, groups=["digits"]))
    assert [(split.number, split.variant) for split in splits] == [(n, "digits") for n in range(3)]
    assert len({split.train.tobytes() for split in splits}) == 3
    two = split_rows("held-out-task", varied, n_splits=2, groups=["digits", "breast_cancer"])
    assert [split.variant for split in two] == ["digits", "breast_cancer"] * 2


def test_a_rule_of_one_side_is_left_out_of_both_and_named(varied: pd.DataFrame) -> None:
    on_dense = (varied["rule"] != "backprop+adam") | (varied["architecture_group"] == "dense")
    meta = varied[on_dense].reset_index(drop=True)
    for split in split_rows("held-out-architecture-group", meta, n_splits=2):
        assert split.dropped == ("backprop+adam",)
        assert set(meta["rule"][split.train]) == set(meta["rule"][split.test])
        assert meta["rule"][split.train].nunique() == 3
    # No family is on one side alone.
    for split in split_rows("held-out-architecture-group", meta, target="family", n_splits=2):
        assert split.dropped == ()


def test_a_group_without_two_rules_to_share_is_passed_over(varied: pd.DataFrame) -> None:
    reward = varied["task"] == "teacher_student"
    meta = varied[~reward | (varied["rule"] == "backprop+adam")].reset_index(drop=True)
    variants = {split.variant for split in split_rows("held-out-task", meta, n_splits=6)}
    assert variants == {"digits", "breast_cancer"}
    lacks = r"2 rules or more both to train on and to test, holding out .*; got backprop\+adam"
    with pytest.raises(InputError, match=rf"held-out-task needs {lacks}, so hold out another"):
        list(split_rows("held-out-task", meta, groups=["teacher_student"]))
    with pytest.raises(InputError, match=rf"held-out-task-group needs {lacks}, so choose other"):
        list(split_rows("held-out-task-group", meta))


def test_a_quarter_of_blocks_that_holds_a_rule_may_leave_too_few(varied: pd.DataFrame) -> None:
    # In all blocks but one of digits there is a single rule.
    one = (varied["rule"] == "backprop+adam") | varied["block"].isin([0, 2])
    meta = varied[one & (varied["task"] != "breast_cancer")].reset_index(drop=True)
    with pytest.raises(InputError, match="in split [0-9]+, so give the corpus more blocks"):
        list(split_rows("held-out-task", meta, n_splits=20))


def test_paper_may_share_networks_and_is_stratified(meta: pd.DataFrame) -> None:
    for split in split_rows("paper", meta, n_splits=3):
        assert both(split, meta, "network")
        share = meta["rule"][split.test].value_counts() / meta["rule"].value_counts()
        np.testing.assert_allclose(share, 0.25, atol=0.01)


def test_network_shares_blocks_but_no_network(meta: pd.DataFrame) -> None:
    for split in split_rows("network", meta, n_splits=3):
        assert not both(split, meta, "network")
        assert both(split, meta, "block")


def test_a_quarter_is_tested(meta: pd.DataFrame) -> None:
    for protocol, column in (("network", "network"), ("grouped", "block")):
        for split in split_rows(protocol, meta, n_splits=3):
            assert meta[column][split.test].nunique() == meta[column].nunique() / 4
            assert (split.train | split.test).all()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_splits_are_a_function_of_the_seed(protocol: str, varied: pd.DataFrame) -> None:
    first, again, other = (
        [split.train.tobytes() for split in split_rows(protocol, varied, n_splits=3, seed=seed)]
        for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS) - {"paper"}))
def test_the_order_of_the_rows_does_not_matter(protocol: str, varied: pd.DataFrame) -> None:
    meta = varied
    order = np.random.default_rng(0).permutation(len(meta))
    shuffled = meta.iloc[order].reset_index(drop=True)
    for one, other in zip(
        split_rows(protocol, meta, n_splits=3),
        split_rows(protocol, shuffled, n_splits=3),
        strict=True,
    ):
        np.testing.assert_array_equal(one.test[order], other.test)
        np.testing.assert_array_equal(one.train[order], other.train)


@pytest.mark.parametrize(
    "protocol", ["truncated", "measured", "alone", "curves", "shuffled", "novel"]
)
def test_what_stands_beside_grouped_has_its_splits(protocol: str, meta: pd.DataFrame) -> None:
    for one, other in zip(split_rows("grouped", meta), split_rows(protocol, meta), strict=True):
        np.testing.assert_array_equal(one.test, other.test)
        np.testing.assert_array_equal(one.train, other.train)


def test_calibrated_trains_on_half_of_the_blocks(meta: pd.DataFrame) -> None:
    for split in split_rows("calibrated", meta, n_splits=3):
        assert meta["block"][split.train].nunique() == meta["block"].nunique() / 2
        assert (split.train | split.test).all()


def test_splits_repeat_only_where_there_are_no_more(meta: pd.DataFrame) -> None:
    four = meta[meta["block"] < 4].reset_index(drop=True)
    tested = [split.test.tobytes() for split in split_rows("grouped", four, n_splits=6)]
    assert len(set(tested[:4])) == 4
    assert len(set(tested)) == 4


def test_what_is_not_independent_says_so() -> None:
    assert "may be trained on" in PROTOCOLS["paper"].description
    assert "same blocks are trained on" in PROTOCOLS["network"].description


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_split(protocol: str, target: str, varied: pd.DataFrame) -> None:
    meta = varied
    only = meta.drop(columns=[name for name in TARGETS if name != target])
    for split in split_rows(protocol, only, target=target, n_splits=3):
        assert not (split.train & split.test).any()
        for side in (split.train, split.test):
            assert set(meta[target][side]) == set(meta[target])


def test_layers_and_networks_are_drawn_from_each_class_of_the_target(meta: pd.DataFrame) -> None:
    rare = meta.assign(family=np.where(meta["block"] == 0, "rare", meta["family"]))
    for split in split_rows("network", rare, target="family", n_splits=5):
        tested = rare[split.test].groupby("family")["network"].nunique()
        every = rare.groupby("family")["network"].nunique()
        assert tested["rare"] == every["rare"] / 4
    for split in split_rows("paper", meta, target="optimizer", n_splits=3):
        share = meta["optimizer"][split.test].value_counts() / meta["optimizer"].value_counts()
        np.testing.assert_allclose(share, 0.25, atol=0.01)


def test_bad_input_is_named(meta: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="protocol must be one of paper, .*; got 'random'"):
        list(split_rows("random", meta))
    with pytest.raises(InputError, match="protocol held-out-task needs .* column task"):
        list(split_rows("held-out-task", meta.drop(columns="task")))
    with pytest.raises(InputError, match="target must be one of rule, family, .*; got 'task'"):
        list(split_rows("grouped", meta, target="task"))
    with pytest.raises(InputError, match="protocol grouped needs .* column optimizer"):
        list(split_rows("grouped", meta.drop(columns="optimizer"), target="optimizer"))
    one = meta[meta["block"] == 0].reset_index(drop=True)
    with pytest.raises(InputError, match="2 blocks or more to be evaluated; it has 1"):
        list(split_rows("grouped", one))
    with pytest.raises(InputError, match="held-out-task needs .* it has digits alone, so choose"):
        list(split_rows("held-out-task", one))
    with pytest.raises(InputError, match="held-out-plan needs .* set apart; there are none"):
        list(split_rows("held-out-plan", meta))
    empty = meta.assign(curriculum=np.nan)
    with pytest.raises(InputError, match="needs networks with column curriculum, .* there is none"):
        list(split_rows("held-out-curriculum", empty))
    with pytest.raises(
        InputError, match="group of protocol held-out-task must be one of .*'mnist'"
    ):
        list(split_rows("held-out-task", meta, groups=["mnist"]))


def test_a_rule_that_cannot_be_trained_on_is_not_tested_and_named(meta: pd.DataFrame) -> None:
    rare = (meta["rule"] != "backprop+adam") | (meta["network"] == meta["network"].iloc[0])
    few = meta[rare].reset_index(drop=True)
    for split in split_rows("network", few, n_splits=3):
        assert split.dropped == ("backprop+adam",)
        assert set(few["rule"][split.test]) == set(few["rule"]) - {"backprop+adam"}
    for split in split_rows("grouped", few, n_splits=8):
        # Where it is not tested, it is trained on, as what others may be mistaken for.
        assert "backprop+adam" not in set(few["rule"][split.test])
        assert split.dropped in ((), ("backprop+adam",))
        assert ("backprop+adam" in set(few["rule"][split.train])) == (split.dropped == ())


def test_the_page_about_evaluation_has_every_protocol() -> None:
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == list(PROTOCOLS)
