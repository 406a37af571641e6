from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from rule_id.models import PATTERNS, Bundle
from rule_id.models.advice import advise, share_outside
from rule_id.models.patterns import feature_matrix

EVERYTHING = "activation+weight+activity_change"


@pytest.fixture
def usual(linear: Bundle) -> np.ndarray:
    low, high = linear.quantiles
    return ((low + high) / 2)[None, :]


def with_accuracies(bundle: Bundle, **accuracies: float) -> Bundle:
    scores = copy.deepcopy(bundle.scores)
    for pattern in PATTERNS:
        scores[pattern]["network"]["accuracy"] = accuracies.get(pattern, 0.5)
    return dataclasses.replace(bundle, scores=scores)


def test_nothing_is_said_of_a_clear_and_complete_recording(linear, usual):
    assert advise(linear, usual, EVERYTHING, linear.classes[:2]) == []


def test_what_is_missing_is_said_with_what_it_costs(linear, usual):
    bundle = with_accuracies(linear, activation=0.4, **{EVERYTHING: 0.7})
    (warning,) = advise(bundle, usual, "activation", linear.classes[:2])
    assert warning.startswith("weight and activity_change not recorded")
    assert "40%" in warning and "70%" in warning and "chance 25%" in warning


@pytest.mark.parametrize(("size", "reason"), [(0, "no rule fits"), (4, "no rule is excluded")])
def test_the_data_cannot_say(linear, usual, size, reason):
    rules = linear.classes[:size]
    bundle = with_accuracies(linear, **{"activation+weight": 0.8})
    text = " ".join(advise(bundle, usual, "activation", rules))
    assert f"The data cannot say: {reason} at 90%" in text
    assert "Record weight as well: held-out accuracy 80%" in text
    text = " ".join(advise(bundle, usual, "activation+weight", rules))
    assert "Further observables would not help" in text
    assert "Further observables would not help" in advise(bundle, usual, EVERYTHING, rules)[0]


def test_what_was_asked_for_is_named_and_chance_is_that_of_the_bundle(of_target):
    for target, one in (("family", "family"), ("credit_assignment", "credit assignment")):
        bundle = of_target[target]
        usual = bundle.quantiles.mean(axis=0)[None, :]
        text = " ".join(advise(bundle, usual, "activation", []))
        assert f"not recorded: the {one} of " in text and "(chance 50%)" in text
        assert f"The data cannot say: no {one} fits at 90%" in text
        assert "rule" not in text


def test_too_few_networks_to_exclude_a_rule_are_said_to_be_so(linear, usual):
    few = {name: scores[:8] for name, scores in linear.conformal[EVERYTHING].items()}
    bundle = dataclasses.replace(linear, conformal=linear.conformal | {EVERYTHING: few})
    (warning,) = advise(bundle, usual, EVERYTHING, linear.classes[:2])
    assert "takes 9 held-out networks of each rule, and the bundle has 8 of one" in warning


def test_a_network_unlike_those_of_training_is_said_to_be_so(linear, usual):
    (warning,) = advise(linear, usual + 1e4, EVERYTHING, linear.classes[:2])
    assert "100% of the recorded features lie outside the range of training" in warning


def test_only_what_was_recorded_counts_as_outside(linear, usual):
    assert share_outside(linear, usual) == 0
    values = np.full_like(usual, np.nan)
    assert share_outside(linear, values) == 0
    values[0, :4] = usual[0, :4]
    values[0, 0] = 1e6
    assert share_outside(linear, values) == pytest.approx(1 / 4)


def test_unseen_networks_of_the_same_kind_are_not_outside(linear, table):
    unseen = table.rows(table.meta["block"].isin(linear.test_blocks))
    assert share_outside(linear, feature_matrix(unseen, linear.feature_names)) < 0.05
