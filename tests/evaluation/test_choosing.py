from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import with_variety

from rule_id.errors import InputError
from rule_id.evaluation import HOLD_OUT_KEYS, PROTOCOLS
from rule_id.evaluation.choosing import Choice, choose_protocols
from rule_id.features.material import Material, gather
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="module")
def varied(small: Trajectories) -> Material:
    """Two measurements of networks of all kinds."""
    material = gather([with_variety(small)])
    return replace(material, panels={0: material.panel, 1: material.panel})


@pytest.fixture(scope="module")
def networks(varied: Material) -> pd.DataFrame:
    return varied.networks


def chosen(
    protocols: list[str] | None, hold_out: list[str], material: Material, **changed: object
) -> Choice:
    return choose_protocols(protocols, hold_out, replace(material, **changed), "summary")


def test_every_key_has_a_protocol() -> None:
    columns = {protocol.held_out for protocol in PROTOCOLS.values()}
    assert columns == {None, "held_out", "range", *HOLD_OUT_KEYS}
    for key in HOLD_OUT_KEYS:
        assert PROTOCOLS[f"held-out-{key.replace('_', '-')}"].held_out == key


def test_all_or_what_is_asked_for_in_one_order(varied: Material) -> None:
    assert chosen(None, [], varied).protocols == list(PROTOCOLS)
    asked = chosen(["truncated", "paper"], ["task=digits"], varied)
    assert asked.protocols == ["paper", "held-out-task", "truncated"]
    assert (asked.named, asked.left_out) == ({"held-out-task": ["digits"]}, {})


@pytest.mark.parametrize("column", HOLD_OUT_KEYS)
@pytest.mark.parametrize("change", ["missing", "empty", "alone"])
def test_what_cannot_be_held_out_is_left_out_with_the_reason(
    varied: Material, column: str, change: str
) -> None:
    changed = varied.networks.drop(columns=column)
    if change != "missing":
        changed = changed.assign(**{column: "one" if change == "alone" else np.nan})
    choice = chosen(None, [], varied, networks=changed)
    name = f"held-out-{column.replace('_', '-')}"
    assert choice.protocols == [protocol for protocol in PROTOCOLS if protocol != name]
    reason = "it has one alone" if change == "alone" else f"networks with column {column}"
    assert reason in choice.left_out.pop(name)
    assert not [key for key in choice.left_out if ":" not in key]


@pytest.mark.parametrize(
    ("protocol", "changed", "feature_set", "reason"),
    [
        ("measured", {"panels": 1}, "summary", "the corpus has one measurement"),
        ("truncated", {}, "trajectory", "do not say at which checkpoints"),
        ("measured", {}, "trajectory", "do not say at which checkpoints"),
        ("calibrated", {"blocks": 2}, "summary", "needs 3 blocks or more"),
    ],
)
def test_what_else_a_protocol_needs_is_said(
    varied: Material, protocol: str, changed: dict, feature_set: str, reason: str
) -> None:
    poorer = varied
    if "panels" in changed:
        poorer = replace(varied, panels={0: varied.panel})
    if "blocks" in changed:
        poorer = replace(varied, networks=varied.networks[varied.networks["block"] < 2])
    choice = choose_protocols(None, [], poorer, feature_set)
    assert protocol not in choice.protocols and reason in choice.left_out[protocol]
    with pytest.raises(InputError, match=f"protocol {protocol} needs .*, so choose other"):
        choose_protocols([protocol], [], poorer, feature_set)


def test_a_group_of_one_rule_is_left_out_with_the_reason(
    varied: Material, networks: pd.DataFrame
) -> None:
    some = networks[(networks["task"] != "digits") | (networks["rule"] == "backprop+adam")]
    choice = chosen(["held-out-task"], [], varied, networks=some)
    assert list(choice.left_out) == ["held-out-task: digits"]
    assert "needs 2 rules or more" in choice.left_out["held-out-task: digits"]


def test_one_goes_before_a_group_of_the_same_name(varied: Material, networks: pd.DataFrame) -> None:
    one = networks["architecture"].replace("dense4", "recurrent")
    both = networks.assign(architecture=one)
    for text, protocol in (
        ("architecture=recurrent", "held-out-architecture"),
        ("architecture_group=recurrent", "held-out-architecture-group"),
        ("architecture=dense", "held-out-architecture-group"),
    ):
        choice = chosen(["grouped"], [text], varied, networks=both)
        assert choice.named == {protocol: [text.partition("=")[2]]}


def test_bad_input_is_named(varied: Material, networks: pd.DataFrame) -> None:
    for text in ("digits", "=digits", "loss=mse", "held_out=True"):
        with pytest.raises(InputError, match=f"hold_out must be KEY=NAME .*; got '{text}'"):
            chosen(None, [text], varied)
    known = "breast_cancer, digits, teacher_student, reward, supervised"
    with pytest.raises(InputError, match=f"hold_out task must be one of .*, {known}; got 'mnist'"):
        chosen(None, ["task=mnist"], varied)
    with pytest.raises(InputError, match="curriculum=x needs networks with column curriculum"):
        chosen(None, ["curriculum=x"], varied, networks=networks[["network", "block"]])
    with pytest.raises(InputError, match="must name each once; got task=digits twice"):
        chosen(None, ["task=digits"] * 2, varied)
    for protocols, got in (([], "none"), (["paper"] * 2, "paper, paper")):
        with pytest.raises(InputError, match=f"protocols must name each .* once; got {got}"):
            chosen(protocols, [], varied)
