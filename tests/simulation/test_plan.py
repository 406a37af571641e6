"""Every way to write a plan wrongly has its own message."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.simulation import read_plan
from rule_id.simulation.distributions import parse_distribution
from rule_id.simulation.resolve import resolve

PLAN: dict[str, Any] = {
    "schema": 1,
    "seed": 1,
    "ensembles": [{"rules": ["backprop+adam"], "blocks": 2, "networks_per_rule": 2}],
}


OWN: dict[str, Any] = {
    "rules": ["node_perturbation+rmsprop"], "blocks": 1, "networks_per_rule": 1,
}  # fmt: skip


def changed(where: str, value: Any) -> dict[str, Any]:
    plan = copy.deepcopy(PLAN)
    target = plan["ensembles"][0] if where.startswith("ensembles.") else plan
    target[where.removeprefix("ensembles.")] = value
    return plan


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("extra", 1, r"extra is not a key of a plan; the keys here are schema, seed, "),
        ("ensembles.extra", 1, r"ensembles\[0\].extra is not a key .* are rules, families, "),
        ("measurements", [{"u": 1}], r"measurements\[0\].u is not a key .* units, noise_std"),
        ("ensembles.rules", ["x"], r"rules: rule must begin with a credit .*got 'x'"),
        ("ensembles.rules", ["no_learning+sgd"], r"rules: rule must be no_learning alone"),
        (
            "ensembles.rules",
            [],
            r"rules, families or credit_assignments must name a rule; got none",
        ),
        ("ensembles.families", ["x"], r"families must be one of backprop, .*; got 'x'"),
        ("ensembles.credit_assignments", ["x"], r"credit_assignments must be one of backprop"),
        ("ensembles.optimizers", ["x"], r"optimizers must be one of sgd, .*; got 'x'"),
        (
            "ensembles",
            [OWN | {"hyperparameters": {"exploration_std": 0}}],
            r"hyperparameters.exploration_std must be a number above 0; got 0",
        ),
        (
            "ensembles",
            [OWN | {"hyperparameters": {"rms_decay": {"uniform": [0.5, 3]}}}],
            r"hyperparameters.rms_decay must be a number from 0 to 1; got 3",
        ),
        ("ensembles.schedule", "x", r"schedule must be one of constant, .*; got 'x'"),
        ("ensembles.update_noise", -1.0, r"update_noise: must be a number, 0 or more; got -1"),
        ("ensembles.hyperparameters", {"x": 1}, r"hyperparameters must be one of .*; got 'x'"),
        ("ensembles.hyperparameters", {"momentum": 0.5}, r"may not hold momentum, which is a key"),
        ("ensembles.optimizers", ["sgd"], r"optimizers must come with families or credit_assign"),
        ("ensembles.hyperparameters", 3, r"hyperparameters: must be a table of hyperparameters"),
        ("ensembles.hyperparameters", {"momentum": [1]}, r"hyperparameters: must be a value, "),
        ("ensembles.rules", ["backprop+adam"] * 2, r"rules: must name each rule once; got"),
        ("ensembles.task", "chess", r"task: task must be one of digits, .*got 'chess'"),
        ("ensembles.activation", "elu", r"activation must be one of relu, tanh, .*; got 'elu'"),
        ("ensembles.normalisation", "group", r"normalisation must be one of own, none, .*'group'"),
        ("ensembles.curriculum", "hard", r"curriculum must be one of shuffled, .*; got 'hard'"),
        ("ensembles.pretrained_by", "x", r"pretrained_by must be one of none, backprop.*got 'x'"),
        ("ensembles.dropout", 1.0, r"dropout: must be a number from 0 to below 1; got 1.0"),
        ("ensembles.bias", 1, r"bias: must be true or false; got 1"),
        ("ensembles.label_noise", 1.5, r"label_noise: must be a number from 0 to 1; got 1.5"),
        ("ensembles.input_scale", 0, r"input_scale: must be a number above 0; got 0"),
        ("ensembles.blocks_per_shape", 0, r"blocks_per_shape: .* or equal to 1; got 0"),
        ("ensembles.learning_rate", "best", r"learning_rate: must be a number above 0; got 'best'"),
        ("held_out_tasks", ["chess"], r"held_out_tasks must be one of digits, .*; got 'chess'"),
        ("held_out_architectures", ["x"], r"held_out_architectures must be one of .*; got 'x'"),
        ("held_out_curricula", ["x"], r"held_out_curricula must be one of shuffled, .*; got 'x'"),
        ("data", {"digits": "d"}, r"data must be one of mnist, .*; got 'digits'"),
        ("defaults", 3, r"defaults must be a table of keys of ensembles"),
        ("ensembles.learning_rate", -1, r"learning_rate: must be a number above 0; got -1"),
        (
            "ensembles.learning_rate",
            {"log_uniform": [1, 0.1]},
            r"learning_rate: log_uniform must be two positive numbers, low < high; got \[1, 0.1\]",
        ),
        ("ensembles.learning_rate", {"uniform": [1]}, r"uniform must be two numbers, low < high"),
        ("ensembles.learning_rate", [1, 2], r"must be a value, \{choice = .*got a list"),
        ("ensembles.learning_rate", {"normal": 1}, r"must be a value.*got the keys normal"),
        ("ensembles.momentum", {"uniform": [0.5, 1.5]}, r"from 0 to below 1; got 1.5"),
        ("ensembles.weight_decay", -0.1, r"weight_decay: must be a number, 0 or more; got -0.1"),
        ("ensembles.width", 2.5, r"width: must be a whole number, 1 or more; got 2.5"),
        ("ensembles.width", {"choice": []}, r"choice must be a list of one value or more"),
        (
            "ensembles.steps",
            5,
            r"ensembles\[0\].steps must be 20 or more for 21 checkpoints; got 5",
        ),
        ("ensembles.blocks", 0, r"ensembles\[0\].blocks: .* greater than or equal to 1; got 0"),
        ("ensembles.blocks", 2.5, r"blocks: Input should be a valid integer; got 2.5"),
        ("ensembles", [], r"ensembles: List should have at least 1 item"),
        ("seed", -1, r"seed: Input should be greater than or equal to 0; got -1"),
        ("schema", 2, r"schema: Input should be 1; got 2"),
        ("checkpoints", 1, r"checkpoints: .* greater than or equal to 2; got 1"),
        ("measurements", [{"units": 2.0}], r"units must be a fraction above 0 .*got 2.0"),
        ("measurements", [{"units": 0}], r"units must be a fraction above 0 .*got 0"),
        ("ensembles.stimuli", 1, r"stimuli: must be a whole number, 2 or more; got 1"),
        ("ensembles.learning_rate", float("inf"), r"must be a number above 0; got inf"),
        ("measurements", [{"noise_std": float("inf")}], r"noise_std must be a number, .*; got inf"),
        ("measurements", [{"noise_std": -1.0}], r"noise_std must be .*got -1.0"),
        ("measurements", [{"units": {"uniform": [0.5, 2.0]}}], r"units must be a fraction .*2.0"),
        (
            "measurements",
            [{"units": [0.5]}],
            r"measurements\[0\].units: must be a value, .* a list",
        ),
        ("measurements", [{"observation": "spikes"}], r"observation: .*'calcium'; got 'spikes'"),
        ("measurements", [{"observation": "gaussian"}], r"noise_std must be above 0 with"),
        (
            "measurements",
            [{}, {"observation": "poisson", "noise_std": {"choice": [0.0, 0.5]}}],
            r"measurements\[1\]: noise_std must be 0 with the observation poisson, .*; got 0.5",
        ),
        ("measurements", [{"counts": 3.0}], r"counts must come with the observation poisson; got"),
        (
            "measurements",
            [{"observation": "poisson", "counts": 0}],
            r"counts must be a number above 0; got 0",
        ),
    ],
)
def test_a_faulty_plan_is_refused(where: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_plan(changed(where, value))
    assert "\n" not in str(caught.value)


def test_pairs_of_very_many_checkpoints_are_refused() -> None:
    many = PLAN | {"checkpoints": 65, "measurements": [{}, {"pairs": True}]}
    many["ensembles"] = [PLAN["ensembles"][0] | {"steps": 200}]
    with pytest.raises(InputError, match="checkpoints must be at most 64 where pairs are .* 65"):
        read_plan(many)
    assert read_plan(many | {"measurements": [{}]}).checkpoints == 65


def test_a_missing_key_is_named() -> None:
    with pytest.raises(InputError, match="plan: seed is missing; it must be given"):
        read_plan({"schema": 1, "ensembles": PLAN["ensembles"]})


def test_a_misspelt_key_is_named_before_the_one_that_is_missing() -> None:
    with pytest.raises(InputError, match="plan: seeed is not a key of a plan"):
        read_plan({"schema": 1, "seeed": 1, "ensembles": PLAN["ensembles"]})


def test_a_file_that_is_no_plan(tmp_path) -> None:
    with pytest.raises(InputError, match="must be a plan in TOML; there is no such file"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("schema = ")
    with pytest.raises(InputError, match="bad.toml must be a plan in TOML: "):
        read_plan(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="binary.toml must be a plan in TOML: "):
        read_plan(tmp_path / "binary.toml")


def test_a_plan_written_out_reads_back_the_same() -> None:
    plan = read_plan(PLAN)
    written = plan.model_dump(mode="json", by_alias=True)
    for ensemble in written["ensembles"]:  # TOML has no null: what is left out stays out
        for name in [name for name, value in ensemble.items() if value is None]:
            del ensemble[name]
    assert read_plan(written) == plan


def test_distributions_draw_what_they_say() -> None:
    generator = np.random.default_rng(0)
    nested = parse_distribution({"choice": [0.0, {"log_uniform": [1e-5, 1e-3]}]})
    drawn = np.array([nested.draw(generator) for _ in range(2000)])
    assert 0.45 < (drawn == 0).mean() < 0.55
    logs = np.log10(drawn[drawn > 0])
    assert -5 <= logs.min() < -4.9 and -3.1 < logs.max() <= -3
    assert logs.mean() == pytest.approx(-4, abs=0.1)
    uniform = parse_distribution({"uniform": [0.7, 1.4]})
    assert np.mean([uniform.draw(generator) for _ in range(2000)]) == pytest.approx(1.05, abs=0.02)


def test_rules_by_family_credit_assignment_and_optimizer() -> None:
    plan = changed("ensembles.families", ["Hebbian"])
    plan["ensembles"][0] |= {"credit_assignments": ["no_learning"], "optimizers": ["sgd", "adam"]}
    assert read_plan(plan).ensembles[0].named_rules == [
        "backprop+adam", "oja+sgd", "oja+adam", "bcm+sgd", "bcm+adam", "no_learning",
    ]  # fmt: skip


def test_a_hyperparameter_is_drawn_as_the_plan_says_where_the_rule_has_it() -> None:
    plan = changed("ensembles.credit_assignments", ["weight_mirror"])
    plan["ensembles"][0] |= {
        "hyperparameters": {"feedback_time": 0.123},
        "schedule": {"choice": ["cosine", "linear"]},
        "update_noise": {"uniform": [0.1, 0.2]},
        "networks_per_rule": 5,
    }
    networks = [draw for ensemble in resolve(read_plan(plan)) for draw in ensemble.networks]
    for draw in networks:
        given = draw.hyperparameters.get("feedback_time")
        assert given == (0.123 if "weight_mirror" in draw.network else None)
    assert {draw.schedule for draw in networks} == {"cosine", "linear"}
    assert all(0.1 <= draw.update_noise <= 0.2 for draw in networks)
