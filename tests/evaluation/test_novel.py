from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.evaluation.novel import NovelTrial, novel_trials, score_novel
from rule_id.evaluation.novelty import NOVELTY_SCORES
from rule_id.evaluation.protocols import Split
from rule_id.evaluation.results import FURTHER
from rule_id.evaluation.store import Fingerprints
from rule_id.features import FeatureTable, extract


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    return extract(synthetic_trajectories(n_blocks=10, networks_per_rule=1, n_checkpoints=6))


def trials(table: FeatureTable, models=("linear", "xgboost")) -> list[NovelTrial]:
    return list(novel_trials(table, models, 0, 3))


def test_every_family_and_every_rule_of_several_is_left_out_once(table: FeatureTable) -> None:
    found = trials(table)
    assert [(one.kind, one.held_out, one.model) for one in found] == [
        ("family", "backprop", "xgboost"),
        ("family", "fixed feedback", "xgboost"),
        ("family", "learned feedback", "xgboost"),
        ("rule", "backprop+adam", "linear"),
        ("rule", "backprop+momentum", "linear"),
    ]
    assert {one.model for one in trials(table, ("linear",))} == {"linear"}
    assert {one.model for one in trials(table, ("xgboost",))} == {"xgboost"}


def test_both_kinds_are_in_blocks_that_are_not_trained_on(table: FeatureTable) -> None:
    for one in trials(table):
        novel = (table.meta[one.kind] == one.held_out).to_numpy()
        assert (one.split.test & novel).any() and (one.split.test & ~novel).any()
        sides = (set(table.meta["block"][side]) for side in (one.split.train, one.split.test))
        assert not set.intersection(*sides)


def test_what_leaves_one_rule_to_train_on_is_not_left_out(table: FeatureTable) -> None:
    two = table.rows(table.meta["rule"].isin(["backprop+adam", "feedback_alignment+momentum"]))
    assert trials(two) == []
    three = table.rows(table.meta["rule"] != "information_alignment+momentum")
    found = {(one.kind, one.held_out) for one in trials(three)}
    assert found == {("family", "fixed feedback"), ("rule", "backprop+adam"),
                     ("rule", "backprop+momentum")}  # fmt: skip


def planted(table: FeatureTable, kind: str, held_out: str) -> FeatureTable:
    """What is held out lies far from everything else, in every feature."""
    novel = (table.meta[kind] == held_out).to_numpy()
    values = table.values.filter(like="weight_abs_mean.") + 100 * novel[:, None].astype(np.float32)
    return FeatureTable(table.meta, values, table.feature_set, table.info)


@pytest.fixture(scope="module")
def far(table: FeatureTable):
    """One trial on a kind that is far off, and what it gave."""
    shown = planted(table, "family", "learned feedback")
    one = next(t for t in trials(shown, ("linear",)) if t.held_out == "learned feedback")
    return one, one.run()


def test_networks_far_from_all_others_are_found(far) -> None:
    one, found = far
    scores = score_novel([one], [found])
    assert tuple(scores.columns) == FURTHER["novelty"]
    assert list(scores["score"]) == list(NOVELTY_SCORES)
    by_features = scores.set_index("score").loc[["neighbours", "outside", "mahalanobis"]]
    assert (by_features["auroc"] == 1).all()
    n_tested = one.table.meta["network"][one.split.test].nunique()
    row = scores.iloc[0]
    assert row["n_novel"] + row["n_known"] == n_tested and row["n_novel"] == n_tested / 4
    assert row["n_blocks"] == one.table.meta["block"][one.split.test].nunique()
    assert (row["kind"], row["held_out"], row["model"]) == ("family", "learned feedback", "linear")


def test_who_is_left_out_is_not_trained_on(far) -> None:
    """Were they, they would not lie outside the ranges of training."""
    one, found = far
    other = replace(one, held_out="a family that nobody is of")
    known = score_novel([replace(other, held_out="learned feedback")], [other.run()])
    outside = known.set_index("score").loc["outside", "auroc"]
    assert outside < score_novel([one], [found]).set_index("score").loc["outside", "auroc"]


def test_what_is_found_is_arrays_that_can_be_kept(far) -> None:
    _, (scores, networks, names) = far
    assert scores.shape == (len(networks), len(names)) and scores.dtype == float
    assert all(array.dtype.kind in "fU" for array in (scores, networks, names))


def test_scores_are_those_of_their_networks_in_any_order(far) -> None:
    one, (scores, networks, names) = far
    order = np.random.default_rng(0).permutation(len(networks))
    pd.testing.assert_frame_equal(
        score_novel([one], [[scores, networks, names]]),
        score_novel([one], [[scores[order], networks[order], names]]),
    )


def test_a_known_score_has_its_known_area() -> None:
    """Novel networks 0 1 and known ones -1 0 0 2: 4.5 of 8 pairs are in order, ties half."""
    meta = pd.DataFrame(
        {"network": list("abcdef"), "measurement": 0, "layer": 0, "block": [0, 1, 0, 1, 0, 1],
         "rule": "r", "family": ["new", "new", "old", "old", "old", "old"]}
    )  # fmt: skip
    table = FeatureTable(meta, pd.DataFrame({"x.a": np.zeros(6)}), "summary")
    both = np.ones(6, dtype=bool)
    one = NovelTrial("family", "new", "linear", table, Split("grouped", "all", 0, both, both), 0,
                     Fingerprints())  # fmt: skip
    given = np.array([[0.0], [1.0], [-1.0], [0.0], [0.0], [2.0]])
    ids = np.array([f"{name}/0" for name in "abcdef"])
    row = score_novel([one], [[given, ids, np.array(["s"])]]).iloc[0]
    assert row["auroc"] == pytest.approx((1 + 0.5 + 0.5 + 0 + 1 + 1 + 1 + 0) / 8)
    assert (row["n_novel"], row["n_known"], row["n_blocks"]) == (2, 4, 2)


def test_without_trials_there_is_no_row() -> None:
    assert score_novel([], []).empty and tuple(score_novel([], []).columns) == FURTHER["novelty"]
