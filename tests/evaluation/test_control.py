from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_variety

from rule_id.errors import InputError
from rule_id.evaluation import nuisance_control, nuisance_floor, read_control
from rule_id.evaluation.control import CONTROL_COLUMNS, nuisances_of
from rule_id.trajectories import NETWORK_COLUMNS, NUISANCES, Trajectories

RULES = [f"rule {name}" for name in "abcdef"]
ON_DENSE_ONLY = RULES[:2]


def drawn(
    n_blocks: int = 40, copies: int = 4, rules: list[str] = RULES, seed: int = 0
) -> pd.DataFrame:
    """A networks table whose nuisances are drawn for each block, or each network, not each rule."""
    rng = np.random.default_rng(seed)
    blocks = pd.DataFrame({
        "block": np.arange(n_blocks),
        "architecture_group": rng.choice(["dense", "residual"], n_blocks),
        "task": rng.choice(["digits", "words", "bandit"], n_blocks),
        "width": rng.choice([16, 32, 64], n_blocks),
        "steps": rng.integers(100, 1000, n_blocks),
        "bias": rng.random(n_blocks) < 0.5,
    })  # fmt: skip
    networks = blocks.merge(pd.DataFrame({"rule": rules}), how="cross")
    networks = networks.merge(pd.DataFrame({"copy": range(copies)}), how="cross")
    return networks.assign(
        network=[f"n{row:05d}" for row in range(len(networks))],
        family=np.where(networks["rule"] < RULES[3], "first", "second"),
        init_scale=rng.uniform(0.7, 1.4, len(networks)),
        init=rng.choice(["he_normal", "xavier_uniform"], len(networks)),
        dropout=np.nan,
        diverged=False,
    )


def above(control: pd.DataFrame) -> pd.Series:
    """By how many standard errors the control is above its floor, by protocol."""
    excess = (control["accuracy"] - control["accuracy_floor"]) / control["accuracy_sem"]
    return excess.set_axis(control["protocol"])


def assert_on_the_floor(control: pd.DataFrame) -> None:
    """Not above but by chance, and not so far below that a leak could hide there."""
    assert (above(control) < 3).all()
    assert ((control["accuracy_floor"] - control["accuracy"]) < 0.05).all()
    assert control["accuracy_sem"].between(0.001, 0.03).all()
    assert "; not above the floor." in read_control(control, "rule")


@pytest.mark.slow
def test_its_error_covers_how_much_it_varies() -> None:
    found = [
        above(nuisance_control(drawn(20, 2, RULES[:4], seed), seed=seed)) for seed in range(60)
    ]
    assert (pd.DataFrame(found).mean().abs() < 0.4).all()
    assert pd.DataFrame(found).std().between(0.6, 1.1).all()


@pytest.mark.parametrize("seed", range(3))
def test_where_every_rule_runs_every_block_it_is_at_chance(seed: int) -> None:
    control = nuisance_control(drawn(seed=seed), seed=seed)
    assert list(control["protocol"]) == ["grouped", "within-blocks"]
    np.testing.assert_allclose(control["accuracy_floor"], 1 / 6)
    np.testing.assert_allclose(control["accuracy_chance"], 1 / 6)
    assert_on_the_floor(control)


@pytest.mark.parametrize("seed", range(3))
def test_where_rules_skip_blocks_it_comes_up_to_the_floor_and_not_above(seed: int) -> None:
    networks = drawn(n_blocks=60, seed=seed)
    dense = networks["architecture_group"] == "dense"
    networks = networks[dense | ~networks["rule"].isin(ON_DENSE_ONLY)]
    control = nuisance_control(networks, seed=seed)
    np.testing.assert_allclose(control["accuracy_floor"], nuisance_floor(networks)["accuracy"])
    n_dense = (networks["architecture_group"] == "dense").mean()
    assert control["accuracy_floor"].iloc[0] == pytest.approx(n_dense / 6 + (1 - n_dense) / 4)
    assert_on_the_floor(control)


def test_the_largest_family_is_found_and_no_more() -> None:
    networks = drawn(n_blocks=60)
    dense = networks["architecture_group"] == "dense"
    networks = networks[dense | ~networks["rule"].isin(ON_DENSE_ONLY)]
    control = nuisance_control(networks, target="family")
    n_dense = (networks["architecture_group"] == "dense").mean()
    np.testing.assert_allclose(control["accuracy_floor"], n_dense / 2 + (1 - n_dense) * 3 / 4)
    assert_on_the_floor(control)


@pytest.mark.parametrize("column", ["init_scale", "width", "init"])
def test_a_nuisance_that_differs_by_rule_is_caught(column: str) -> None:
    networks = drawn()
    one = networks["rule"] == RULES[0]
    planted = "pytorch_uniform" if column == "init" else networks[column] * 3
    networks[column] = networks[column].mask(one, planted)
    control = nuisance_control(networks)
    assert (above(control) > 4).all()
    assert "above the floor, so that part" in read_control(control, "rule")


def test_a_nuisance_that_one_rule_lacks_is_caught() -> None:
    networks = drawn()
    networks["update_noise"] = np.where(networks["rule"] == RULES[0], np.nan, 0.0)
    assert (above(nuisance_control(networks)) > 4).all()


@pytest.mark.parametrize("column", ["learning_rate", "momentum", "weight_decay", "seed", "chance"])
def test_what_belongs_to_the_rule_is_not_looked_at(column: str) -> None:
    assert column in NETWORK_COLUMNS and column not in NUISANCES
    networks = drawn(n_blocks=8)
    telling = networks.assign(**{column: networks["rule"].astype("category").cat.codes})
    pd.testing.assert_frame_equal(nuisance_control(telling), nuisance_control(networks))


def test_nuisances_are_columns_of_networks_without_labels() -> None:
    assert set(NUISANCES) < set(NETWORK_COLUMNS)
    assert not set(NUISANCES) & {"network", "block", "rule", "family", "optimizer", "held_out"}
    assert len(set(NUISANCES)) == len(NUISANCES)
    # A column without a value says nothing.
    assert "dropout" not in nuisances_of(drawn(n_blocks=2))


def test_the_order_of_the_networks_does_not_matter() -> None:
    networks = drawn(n_blocks=8)
    shuffled = networks.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(nuisance_control(shuffled), nuisance_control(networks))
    assert not nuisance_control(networks, seed=1).equals(nuisance_control(networks))


def test_networks_that_diverged_or_were_set_apart_take_no_part(trajectories: Trajectories) -> None:
    varied = with_variety(trajectories)
    networks = varied.networks.assign(diverged=varied.networks["block"] == 0)
    control = nuisance_control(networks)
    assert (control["n_networks"] == 96 - 3 * 8).all() and (control["n_blocks"] == 9).all()
    kept = networks[~networks["diverged"] & ~networks["held_out"]]
    pd.testing.assert_frame_equal(control, nuisance_control(kept))


def test_what_there_is_one_of_is_left_out_within_blocks_or_over_blocks() -> None:
    single = nuisance_control(drawn(n_blocks=8, copies=1))
    assert list(single["protocol"]) == ["grouped"]
    one = nuisance_control(drawn(n_blocks=1))
    assert list(one["protocol"]) == ["within-blocks"] and one["accuracy_sem"].isna().all()
    networks = drawn(n_blocks=8, copies=2)
    # Of two networks of one rule in a block one is left, which has no half to be trained on.
    lone = nuisance_control(networks.drop(index=networks.index[0]))
    assert lone["n_networks"].tolist() == [95, 94]


def test_corpora_and_trajectories_are_read_as_tables_are(tmp_path) -> None:
    from rule_id.trajectories import write_manifest, write_part

    made = synthetic_trajectories(n_blocks=4, n_checkpoints=3)
    write_manifest(tmp_path, {})
    write_part(tmp_path, "a", made.networks, made.rows)
    expected = nuisance_control(made.networks)
    assert tuple(expected.columns) == CONTROL_COLUMNS
    for corpus in (made, tmp_path, str(tmp_path)):
        pd.testing.assert_frame_equal(nuisance_control(corpus), expected)


def test_bad_input_is_named() -> None:
    networks = drawn(n_blocks=2)
    with pytest.raises(InputError, match="target must be one of rule, .*; got 'task'"):
        nuisance_control(networks, target="task")
    with pytest.raises(InputError, match="to be a control; column block is missing"):
        nuisance_control(networks.drop(columns="block"))
    with pytest.raises(InputError, match="must have a nuisance or more of architecture, .*; they"):
        nuisance_control(networks[["network", "block", "rule"]])


def test_no_control_is_no_line() -> None:
    assert read_control(pd.DataFrame(columns=list(CONTROL_COLUMNS)), "rule") == ""
