from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import with_variety

from rule_id.errors import InputError
from rule_id.evaluation import HOLD_OUT_KEYS, PROTOCOLS
from rule_id.evaluation.choosing import choose_protocols
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="module")
def networks(trajectories: Trajectories) -> pd.DataFrame:
    return with_variety(trajectories).networks


def test_every_key_has_a_protocol() -> None:
    columns = {protocol.held_out for protocol in PROTOCOLS.values()}
    assert columns == {None, "held_out", *HOLD_OUT_KEYS}
    for key in HOLD_OUT_KEYS:
        assert PROTOCOLS[f"held-out-{key.replace('_', '-')}"].held_out == key


def test_all_or_what_is_asked_for_in_one_order(networks: pd.DataFrame) -> None:
    assert choose_protocols(None, (), networks, "rule", 10).protocols == list(PROTOCOLS)
    asked = choose_protocols(["truncated", "paper"], ["task=digits"], networks, "rule", 10)
    assert asked.protocols == ["paper", "held-out-task", "truncated"]
    assert (asked.named, asked.left_out) == ({"held-out-task": ["digits"]}, {})


@pytest.mark.parametrize("column", HOLD_OUT_KEYS)
@pytest.mark.parametrize("change", ["missing", "empty", "alone"])
def test_what_cannot_be_held_out_is_left_out_with_the_reason(
    networks: pd.DataFrame, column: str, change: str
) -> None:
    changed = networks.drop(columns=column)
    if change != "missing":
        changed = changed.assign(**{column: "one" if change == "alone" else np.nan})
    choice = choose_protocols(None, (), changed, "rule", 10)
    name = f"held-out-{column.replace('_', '-')}"
    assert choice.protocols == [protocol for protocol in PROTOCOLS if protocol != name]
    reason = "it has one alone" if change == "alone" else f"networks with column {column}"
    assert list(choice.left_out) == [name] and reason in choice.left_out[name]


def test_a_group_of_one_rule_is_left_out_with_the_reason(networks: pd.DataFrame) -> None:
    some = networks[(networks["task"] != "digits") | (networks["rule"] == "backprop+adam")]
    choice = choose_protocols(["held-out-task"], (), some, "rule", 10)
    assert list(choice.left_out) == ["held-out-task: digits"]
    assert "needs 2 rules or more" in choice.left_out["held-out-task: digits"]


def test_groups_whose_turn_does_not_come_are_named(networks: pd.DataFrame) -> None:
    choice = choose_protocols(["held-out-task"], (), networks, "rule", 2)
    assert choice.left_out == {
        "held-out-task: teacher_student": "takes a turn with 3 splits or more"
    }
    # What is named is tested in any case.
    named = choose_protocols(["held-out-task"], ["task=teacher_student"], networks, "rule", 2)
    assert named.left_out == {}


def test_one_goes_before_a_group_of_the_same_name(networks: pd.DataFrame) -> None:
    one = networks["architecture"].replace("dense4", "recurrent")
    both = networks.assign(architecture=one)
    for text, protocol in (
        ("architecture=recurrent", "held-out-architecture"),
        ("architecture_group=recurrent", "held-out-architecture-group"),
        ("architecture=dense", "held-out-architecture-group"),
    ):
        choice = choose_protocols(["grouped"], [text], both, "rule", 10)
        assert choice.named == {protocol: [text.partition("=")[2]]}


def test_bad_input_is_named(networks: pd.DataFrame) -> None:
    for text in ("digits", "=digits", "loss=mse", "held_out=True"):
        with pytest.raises(InputError, match=f"hold_out must be KEY=NAME .*; got '{text}'"):
            choose_protocols(None, [text], networks, "rule", 10)
    known = "breast_cancer, digits, teacher_student, reward, supervised"
    with pytest.raises(InputError, match=f"hold_out task must be one of .*, {known}; got 'mnist'"):
        choose_protocols(None, ["task=mnist"], networks, "rule", 10)
    with pytest.raises(InputError, match="curriculum=x needs networks with column curriculum"):
        choose_protocols(None, ["curriculum=x"], networks[["network", "block"]], "rule", 10)
    with pytest.raises(InputError, match="must name each once; got task=digits twice"):
        choose_protocols(None, ["task=digits"] * 2, networks, "rule", 10)
    for protocols, got in (([], "none"), (["paper"] * 2, "paper, paper")):
        with pytest.raises(InputError, match=f"protocols must name each .* once; got {got}"):
            choose_protocols(protocols, (), networks, "rule", 10)
