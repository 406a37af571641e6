"""Why rules do not work under some conditions, and which do."""

from __future__ import annotations

import pytest

from rule_id.networks import ARCHITECTURE_GROUPS, ARCHITECTURES, NORMALISATIONS
from rule_id.rules import CREDIT_ASSIGNMENTS, Conditions
from rule_id.rules.refusals import (
    needs_chain,
    needs_dense,
    needs_desired_output,
    needs_every_unit,
    needs_loss_of_each_example,
    needs_plain_sums,
    needs_separate_examples,
)
from rule_id.tasks import TASKS, get_task

PLAIN = Conditions()


@pytest.mark.parametrize(
    ("refuse", "refused", "words"),
    [
        (needs_dense, {"architecture_group": "convolutional"}, "needs dense layers"),
        (needs_dense, {"architecture_group": "recurrent"}, "needs dense layers"),
        (needs_chain, {"architecture_group": "residual"}, "needs a chain of layers"),
        (needs_chain, {"architecture_group": "recurrent"}, "needs a chain of layers"),
        (needs_plain_sums, {"normalisation": "layer"}, "needs normalisation none"),
        (needs_plain_sums, {"normalisation": "batch"}, "needs normalisation none"),
        (needs_every_unit, {"dropout": 0.1}, "needs dropout 0"),
        (needs_separate_examples, {"normalisation": "batch"}, "another normalisation than batch"),
        (
            needs_loss_of_each_example,
            {"loss": "contrastive", "separable": False},
            "needs the loss of each example by itself, which contrastive does not have",
        ),
        (
            needs_desired_output,
            {"loss": "expected_reward"},
            "needs an output to clamp to, which expected_reward does not have",
        ),
    ],
)
def test_each_names_what_is_needed(refuse, refused: dict[str, object], words: str) -> None:
    assert refuse(PLAIN) is None
    reason = refuse(PLAIN._replace(**refused))
    assert reason is not None and reason.startswith("needs ") and words in reason


@pytest.mark.parametrize(
    ("refuse", "taken"),
    [
        (needs_chain, {"architecture_group": "convolutional"}),
        (needs_separate_examples, {"normalisation": "layer"}),
        (needs_desired_output, {"loss": "squared_error"}),
        (needs_loss_of_each_example, {"loss": "expected_reward"}),
    ],
)
def test_none_refuses_more_than_it_must(refuse, taken: dict[str, object]) -> None:
    assert refuse(PLAIN._replace(**taken)) is None


def test_the_first_reason_is_the_one_that_is_given() -> None:
    rule = CREDIT_ASSIGNMENTS["equilibrium_propagation"]
    assert rule.refusal(Conditions("residual", "batch", 0.1)) == needs_dense(Conditions("residual"))
    assert rule.refusal(Conditions("dense", "batch", 0.1)) == needs_plain_sums(
        Conditions(normalisation="batch")
    )
    assert rule.refusal(PLAIN) is None


@pytest.mark.parametrize("name", CREDIT_ASSIGNMENTS)
def test_every_rule_works_on_plain_dense_networks(name: str) -> None:
    assert CREDIT_ASSIGNMENTS[name].refusal(PLAIN) is None


def test_every_group_has_three_families_for_every_loss() -> None:
    """Fewer would give away the rule; each normalisation that the group may have counts."""
    losses = {get_task(name).loss for name in TASKS}
    for group in ARCHITECTURE_GROUPS:
        allowed = {n for a in ARCHITECTURES.values() if a.group == group for n in a.normalisations}
        for normalisation in set(NORMALISATIONS) & allowed:
            for loss in losses:
                conditions = Conditions(group, normalisation, 0.2, loss.name, loss.separable)
                families = {
                    one.family
                    for one in CREDIT_ASSIGNMENTS.values()
                    if one.refusal(conditions) is None
                }
                assert len(families - {"no learning"}) >= 3, conditions
