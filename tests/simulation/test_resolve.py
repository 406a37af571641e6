"""From a plan to ensembles: who is simulated with whom, and what tells rules apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from rule_id.errors import InputError
from rule_id.reference import plan_path
from rule_id.rules import CREDIT_ASSIGNMENTS, FAMILIES, get_rule
from rule_id.simulation import read_plan
from rule_id.simulation.ensembles import Ensemble, NetworkDraw
from rule_id.simulation.rates import RateKey
from rule_id.simulation.resolve import (
    _fingerprint,
    blocks_of,
    rates_wanted,
    resolve,
)

RULES = ["backprop+momentum", "feedback_alignment+adam", "weight_fluctuation"]

ALIKE = {"activation": "relu", "width": 8}
"""What all blocks then have in common."""

OF_COPY = (
    "init", "init_scale", "bias_init", "schedule", "update_noise", "pretrained_by", "pretraining",
)  # fmt: skip
OF_BLOCK = ("block_seed", "curriculum", "input_scale", "label_noise", "held_out")


def plan_of(**given: Any) -> dict[str, Any]:
    top = {key: given.pop(key) for key in list(given) if key.startswith("held_out")}
    ensemble = {
        "rules": RULES, "blocks": 6, "networks_per_rule": 2, "steps": 20, "task": "digits",
        "init_scale": {"uniform": [0.5, 2.0]}, "input_scale": {"uniform": [0.5, 2.0]},
        "label_noise": {"uniform": [0.0, 0.3]}, "weight_decay": {"log_uniform": [1e-5, 1e-3]},
        "curriculum": {"choice": ["shuffled", "growing_noise", "task_change"]},
        "schedule": {"choice": ["constant", "cosine"]},
        "pretrained_by": {"choice": ["none", "backprop+sgd"]},
    }  # fmt: skip
    return {"schema": 1, "seed": 5, **top, "ensembles": [ensemble | given]}


def ensembles_of(**given: Any) -> list[Ensemble]:
    return resolve(read_plan(plan_of(**given)))


def networks_of(ensembles: list[Ensemble]) -> list[tuple[str, NetworkDraw]]:
    return [(one.rule, draw) for one in ensembles for draw in one.networks]


def test_nothing_but_the_rule_tells_the_networks_of_a_block_apart() -> None:
    """Copy k of every rule draws the same nuisances, so that a classifier on them is at chance."""
    drawn: dict[str, list[tuple]] = {}
    for rule, draw in networks_of(ensembles_of()):
        copy = draw.network.rsplit(".", 1)[1]
        nuisances = [getattr(draw, name) for name in (*OF_COPY, *OF_BLOCK)]
        drawn.setdefault(rule, []).append((draw.block, copy, *nuisances))
    first, *others = ([repr(one) for one in sorted(some, key=repr)] for some in drawn.values())
    assert len(first) == 12 and len(set(first)) == 12
    assert all(other == first for other in others)


def test_seeds_and_rates_are_of_each_network() -> None:
    networks = [draw for _, draw in networks_of(ensembles_of())]
    assert len({draw.seed for draw in networks}) == len(networks)
    rates = [draw.hyperparameters["learning_rate"] for draw in networks]
    assert len(set(rates)) == len(rates)


def test_momentum_and_weight_decay_are_those_of_the_copy() -> None:
    given = {"rules": ["backprop+momentum", "feedback_alignment+momentum"]}
    networks = networks_of(ensembles_of(momentum={"uniform": [0.1, 0.9]}, **given))
    pairs = {
        (draw.network.replace(rule, ""), draw.hyperparameters["momentum"],
         draw.hyperparameters["weight_decay"])
        for rule, draw in networks
    }  # fmt: skip
    assert len(pairs) == len(networks) / 2


def test_adamw_draws_its_own_weight_decay_whatever_a_plan_says() -> None:
    """Decoupled, that of the plan would do next to nothing."""
    networks = networks_of(ensembles_of(rules=["backprop+adam", "backprop+adamw"], **ALIKE))
    decays = {
        rule: [draw.hyperparameters["weight_decay"] for one, draw in networks if one == rule]
        for rule in ("backprop+adam", "backprop+adamw")
    }
    assert all(0 < decay <= 1e-3 for decay in decays["backprop+adam"])
    assert all(1e-2 <= decay <= 1 for decay in decays["backprop+adamw"])  # 0 would be Adam


def test_numbers_of_another_version_have_other_keys(monkeypatch) -> None:
    before = [one.key for one in ensembles_of()]
    assert before == [one.key for one in ensembles_of()]
    monkeypatch.setattr("rule_id.simulation.ensembles.NUMBERS_VERSION", 10**6)
    assert not {one.key for one in ensembles_of()} & set(before)


def test_blocks_that_share_a_shape_share_an_ensemble() -> None:
    width = {"choice": [8, 16, 24, 32, 40, 48, 56, 64]}
    alone = ensembles_of(width=width)
    together = ensembles_of(width=width, blocks_per_shape=3)
    assert len(together) < len(alone)
    assert {len(one.networks) for one in together} <= {6, 12}
    by_block = {draw.block: one.shape for one in together for draw in one.networks}
    assert all(by_block[b] == by_block[b - b % 3] for b in by_block)


def test_ensembles_have_the_size_that_is_asked_for() -> None:
    plan = read_plan(plan_of(blocks=10, blocks_per_shape=10, rules=["backprop+sgd"], **ALIKE))
    asked = []

    def seven(ensemble: Ensemble) -> int:
        asked.append(len(ensemble.networks))
        return 7

    parts = resolve(plan, size_of=seven)
    assert asked == [20] and [len(one.networks) for one in parts] == [7, 7, 6]
    assert networks_of(parts) == networks_of(resolve(plan))


def test_rules_skip_the_blocks_that_they_do_not_work_under() -> None:
    rules = ["backprop+sgd", "predictive_coding+sgd"]
    ensembles = ensembles_of(rules=rules, normalisation={"choice": ["layer", "batch"]}, blocks=20)
    under = {(one.rule, one.shape.normalisation) for one in ensembles}
    assert under == {(rules[0], "layer"), (rules[0], "batch"), (rules[1], "layer")}


def test_a_rule_that_works_nowhere_is_refused_with_the_reason() -> None:
    message = "rule predictive_coding\\+sgd works under nothing that the plan may draw: it needs"
    with pytest.raises(InputError, match=message):
        ensembles_of(rules=["backprop+sgd", "predictive_coding+sgd"], architecture="knet4")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"architecture": "knet4", "task": "wine"}, "architecture knet4 takes images alone"),
        ({"architecture": "resnet18", "normalisation": "none"}, "takes normalisation batch alone"),
        ({"architecture": "rnn", "normalisation": "layer"}, "takes normalisation none alone"),
        ({"stimuli": 80, "task": "wine"}, "stimuli must be at most 71 of the held-out examples"),
        (
            {"task": "contrastive_digits", "curriculum": "shuffled", "stimuli": 200},
            "stimuli must be at most 128 of the held-out examples",
        ),
        ({"stimuli": 300}, "stimuli must be at most 256 of the held-out examples of task digits"),
        (
            {"architecture": "knet4", "pretrained_by": "equilibrium_propagation+sgd"},
            "equilibrium_propagation\\+sgd does not work under .*knet4: it needs dense",
        ),
        (
            {"normalisation": "batch", "batch_size": 1},
            "batch_size must be 2 or more for normalisation batch; got 1",
        ),
        (
            {"task": "contrastive_digits", "curriculum": "shuffled", "batch_size": 1},
            "batch_size must be 2 or more for task contrastive_digits; got 1",
        ),
        (
            {"task": "contrastive_digits", "curriculum": "task_change"},
            "curriculum task_change does not go with every task here: contrastive_digits has no",
        ),
        ({"task": "mnist"}, "task mnist needs the folder of its files under \\[data\\]; got none"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ensembles_of(**given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"held_out_architectures": ["dense1"]}, {"dense1"}),
        ({"held_out_architectures": ["recurrent"]}, {"rnn"}),
        ({"held_out_tasks": ["supervised"]}, {"dense1", "rnn"}),
        ({"held_out_tasks": ["wine"]}, set()),
    ],
)
def test_what_is_held_out_by_name_or_group(given: dict[str, Any], expected: set[str]) -> None:
    ensembles = ensembles_of(architecture={"choice": ["dense1", "rnn"]}, blocks=12, **given)
    found = {one.shape.architecture for one in ensembles for d in one.networks if d.held_out}
    assert found == expected


def test_curricula_are_held_out_by_name() -> None:
    for _, draw in networks_of(ensembles_of(held_out_curricula=["growing_noise"])):
        assert draw.held_out == (draw.curriculum == "growing_noise")


def test_tuned_rates_lie_in_two_decades_around_the_best() -> None:
    plan = read_plan(plan_of(learning_rate="tuned"))
    wanted = rates_wanted(plan)
    assert set(wanted) == {RateKey(rule, "dense", "digits") for rule in RULES}
    best = dict(zip(wanted, (1e-3, 1e-2, 1e-1), strict=True))
    for ensemble in resolve(plan, best=best):
        middle = best[RateKey(ensemble.rule, "dense", "digits")]
        rates = [draw.hyperparameters["learning_rate"] for draw in ensemble.networks]
        assert middle / 31.63 < min(rates) and max(rates) < middle * 3.163
    assert rates_wanted(read_plan(plan_of())) == []


def test_the_key_leaves_out_where_files_are(tmp_path: Path) -> None:
    (ensemble, *_) = ensembles_of()
    elsewhere = dataclasses.replace(ensemble, folder=str(tmp_path))
    assert elsewhere.key == ensemble.key
    assert dataclasses.replace(ensemble, data="other").key != ensemble.key


def test_the_reference_plan_is_as_wide_as_it_says() -> None:
    plan = read_plan(plan_path("reference"))
    blocks = list(blocks_of(plan))
    rules = {rule for own in plan.ensembles for rule in own.named_rules}
    assert len(rules) == 30 and len(blocks) >= 190
    assert all(block.plan.networks_per_rule == 2 for block in blocks)
    assert {get_rule(rule).family for rule in rules} == set(FAMILIES)
    for name in ("backprop", "feedback_alignment"):
        assert sum(rule.startswith(f"{name}+") for rule in rules) == 5
    assert len({get_rule(rule).credit_assignment.name for rule in rules}) == (
        len(CREDIT_ASSIGNMENTS) - 1
    )
    for block in blocks:
        families = {get_rule(rule).family for rule in block.rules}
        assert len(families) >= 3, block.shape


def test_networks_of_the_reference_plan_begin_as_animals_do() -> None:
    plan = read_plan(plan_path("reference"))
    best = dict.fromkeys(rates_wanted(plan), 1e-2)
    networks = networks_of(resolve(plan, best=best))
    before = [draw.pretrained_by for _, draw in networks]
    assert 0.4 < before.count("none") / len(before) < 0.6
    assert len(set(before)) == 6


def test_the_paper_s_plan_needs_its_folders_alone(tmp_path: Path) -> None:
    """Its tasks from files are replaced by ones of the same form."""
    text = plan_path("paper").read_text()
    for name in ("cifar10", "image_folder"):
        text = text.replace(f'"{name}"', '"shapes32"')
    (tmp_path / "plan.toml").write_text(text)
    plan = read_plan(tmp_path / "plan.toml")
    assert plan.data == {"cifar10": "cifar-10-batches-bin", "image_folder": "imagenet"}
    ensembles = resolve(plan, best=dict.fromkeys(rates_wanted(plan), 1e-2))
    groups = {one.shape.architecture.removesuffix("v2").split("_")[0] for one in ensembles}
    assert {"resnet18", "resnet34", "alexnet", "knet4", "knet5"} <= groups
    with pytest.raises(InputError, match="folder of task .* must be a folder; there is none at"):
        resolve(read_plan("paper"), base=tmp_path)


def test_a_plan_is_scaled_by_its_blocks() -> None:
    plan = read_plan("reference")
    assert [own.blocks for own in plan.scaled(0.1).ensembles] == [8, 3, 1, 1, 2, 1, 1, 1, 2, 1]
    assert plan.scaled(1.0) == plan
    with pytest.raises(InputError, match="scale must be a number above 0; got 0"):
        plan.scaled(0)


@pytest.mark.parametrize("name", ["demo", "reference"])
def test_a_plan_that_ships_draws_every_value_of_its_menus(name: str) -> None:
    plan = read_plan(name)
    drawn: dict[int, list] = {}
    for block in blocks_of(plan):
        drawn.setdefault(plan.ensembles.index(block.plan), []).append(block.shape)
    for entry, own in enumerate(plan.ensembles):
        for key in ("architecture", "task", "width", "activation"):
            menu = getattr(own, key).values
            dealt = {getattr(shape, key) for shape in drawn[entry]}
            n_shapes = len(drawn[entry]) / own.blocks_per_shape
            assert len(dealt) == min(len(set(menu)), n_shapes), key


def test_a_rule_of_the_training_before_is_part_of_what_an_ensemble_is(monkeypatch) -> None:
    def keys() -> set[str]:
        return {one.key for one in ensembles_of(rules=["feedback_alignment+sgd"])}

    before = keys()
    monkeypatch.setattr(
        "rule_id.simulation.resolve.source_of", lambda rule: "x" if rule == "backprop+sgd" else ""
    )
    assert not keys() & before


def test_a_range_is_not_taken_for_its_ends() -> None:
    """Dropout is drawn between 0 and 0.3, never 0, so that a rule that refuses it runs nowhere."""
    with pytest.raises(InputError, match="equilibrium_propagation.*it needs dropout 0"):
        ensembles_of(
            rules=["backprop+sgd", "equilibrium_propagation+sgd"],
            dropout={"uniform": [0.0, 0.3]}, pretrained_by="none",
        )  # fmt: skip


def test_files_of_data_are_told_apart_by_their_ends(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a" * 200_000)
    (tmp_path / "image.png").write_bytes(b"a")
    first = _fingerprint(str(tmp_path))
    (tmp_path / "data").write_bytes(b"a" * 199_999 + b"b")
    second = _fingerprint(str(tmp_path))
    (tmp_path / "image.png").write_bytes(b"b")
    assert first != second == _fingerprint(str(tmp_path))
