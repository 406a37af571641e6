from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_measurements

from rule_id.errors import InputError
from rule_id.features import extract, material, summary_names
from rule_id.features.material import CURVES, Material, gather, read_material
from rule_id.features.summaries import summarise_on
from rule_id.features.time_axis import time_axis
from rule_id.trajectories import Trajectories, write_manifest, write_part

FEW = {"unit_fraction": 0.1, "n_units": 6}


def made(**given: object) -> Trajectories:
    plain = synthetic_trajectories(n_blocks=4, networks_per_rule=1, n_checkpoints=7)
    return with_measurements(plain, FEW, {"noise_std": 1.0}) if given.get("several") else plain


@pytest.fixture(scope="module")
def several() -> Trajectories:
    return made(several=True)


def shortened(trajectories: Trajectories, network: str, n: int) -> Trajectories:
    """The same, with n checkpoints of one network."""
    rows = trajectories.rows
    kept = (rows["network"] != network) | (rows["checkpoint"] < n)
    return Trajectories(trajectories.networks, rows[kept].reset_index(drop=True), "short")


def changed(trajectories: Trajectories, column: str, values: dict[str, object]) -> Trajectories:
    own = trajectories.networks["network"].map(values)
    series = own.where(own.notna(), trajectories.networks[column]).infer_objects()
    return Trajectories(trajectories.networks.assign(**{column: series}), trajectories.rows, "made")


def require_same(one: Material, other: Material) -> None:
    pd.testing.assert_frame_equal(one.networks, other.networks)
    np.testing.assert_array_equal(one.loss, other.loss)
    np.testing.assert_array_equal(one.performance, other.performance)
    assert one.n_diverged == other.n_diverged and list(one.panels) == list(other.panels)
    for name, panel in one.panels.items():
        pd.testing.assert_frame_equal(panel.meta, other.panels[name].meta)
        np.testing.assert_array_equal(panel.values, other.panels[name].values)
        np.testing.assert_array_equal(panel.time, other.panels[name].time)
        np.testing.assert_array_equal(panel.n_checkpoints, other.panels[name].n_checkpoints)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_in_batches_is_in_memory(several: Trajectories, order: list[int]) -> None:
    short = shortened(several, several.networks["network"][5], 4)
    names = short.networks["network"].to_numpy()
    batches = [short.select(names[part::3]) for part in order]
    require_same(gather(batches), read_material(short))


def test_a_folder_is_read_as_what_it_holds(several: Trajectories, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(material, "BATCH_ROWS", 50)
    write_manifest(tmp_path, {})
    names = several.networks["network"].to_numpy()
    for key in range(4):
        part = several.select(names[key::4])
        write_part(tmp_path, str(key), part.networks, part.rows)
    require_same(read_material(tmp_path), read_material(several))


def test_every_panel_has_the_same_layers_in_the_same_order(several: Trajectories) -> None:
    panels = read_material(several).panels
    assert list(panels) == [0, 1, 2]
    keys = ["network", "layer"]
    for name, panel in panels.items():
        assert (panel.meta["measurement"] == name).all()
        pd.testing.assert_frame_equal(panel.meta[keys], panels[0].meta[keys])
        pd.testing.assert_frame_equal(
            panel.meta[keys], panel.meta[keys].sort_values(keys, ignore_index=True)
        )
    assert set(panels[1].meta["n_units"]) == {6} and set(panels[2].meta["noise_std"]) == {1.0}


def test_measurements_of_other_layers_are_refused(several: Trajectories) -> None:
    rows = several.rows
    gone = (rows["network"] == rows["network"].iloc[0]) & (rows["layer"] == 0)
    some = rows[~gone | (rows["measurement"] != 2)].reset_index(drop=True)
    with pytest.raises(InputError, match=r"of the same layers; measurement 2 has 55, .* 0 56"):
        read_material(Trajectories(several.networks, some, "made"))


def test_what_diverged_is_left_out_and_counted(several: Trajectories) -> None:
    gone = list(several.networks["network"][[1, 7]])
    found = read_material(changed(several, "diverged", dict.fromkeys(gone, True)))
    assert found.n_diverged == 2 and read_material(several).n_diverged == 0
    assert not set(found.networks["network"]) & set(gone)
    assert len(found.networks) == len(found.loss) == len(several.networks) - 2
    assert all(not set(panel.meta["network"]) & set(gone) for panel in found.panels.values())


def test_a_batch_of_which_all_diverged_changes_nothing(several: Trajectories) -> None:
    names = several.networks["network"].to_numpy()
    lost = changed(several, "diverged", dict.fromkeys(names[:4], True))
    batches = [lost.select(names[:4]), lost.select(names[4:])]
    require_same(gather(batches), read_material(lost))


def test_the_first_measurement_is_the_panel(several: Trajectories) -> None:
    found = read_material(several)
    assert found.panel is found.panels[0] and found.n_checkpoints == 7
    exact = several.rows[several.rows["measurement"] == 0]
    alone = extract(Trajectories(several.networks, exact.reset_index(drop=True)), "trajectory")
    np.testing.assert_array_equal(
        found.panel.values.transpose(0, 2, 1).reshape(len(alone), -1),
        alone.values[[name for name in alone.names if "checkpoint" in name]].to_numpy(),
    )


def test_curves_have_the_values_and_their_summaries() -> None:
    plain = made()
    rng = np.random.default_rng(0)
    of_checkpoint = plain.rows.groupby(["network", "checkpoint"]).ngroup()
    loss = rng.normal(size=of_checkpoint.max() + 1)[of_checkpoint]
    plain = Trajectories(plain.networks, plain.rows.assign(loss=loss, performance=loss**2))
    table = read_material(plain).curves()
    assert table.feature_set == CURVES
    assert list(table.meta["network"]) == sorted(plain.networks["network"])
    assert len(table.names) == 2 * (7 + len(summary_names()))
    for place, network in enumerate(table.meta["network"]):
        own = plain.rows[(plain.rows["network"] == network) & (plain.rows["layer"] == 0)]
        values = table.values.iloc[place]
        names = [f"performance.checkpoint_{k:02}" for k in range(7)]
        np.testing.assert_allclose(values[names], own["loss"] ** 2, rtol=1e-6)
        steps = own["step"].to_numpy(dtype=float)
        summaries = summarise_on(
            time_axis((steps / steps[-1])[:, None]), own[["loss"]].to_numpy(np.float32)
        )
        for name, value in summaries.items():
            np.testing.assert_allclose(values[f"loss.{name}"], value[0], rtol=1e-4, atol=1e-5)


def test_short_trajectories_end_in_nothing() -> None:
    plain = made()
    name = plain.networks["network"][3]
    found, table = (read_material(shortened(plain, name, 4)), read_material(plain).curves())
    curves = found.curves()
    place = int(np.flatnonzero(found.networks["network"] == name)[0])
    assert found.n_checkpoints == 7
    assert np.isfinite(found.loss[place, :4]).all() and np.isnan(found.loss[place, 4:]).all()
    short = curves.values.iloc[place]
    assert np.isnan(short["loss.checkpoint_04"]) and np.isfinite(short["loss.checkpoint_03"])
    # Of what there is, from its first to its last checkpoint.
    values = short[[f"loss.checkpoint_{k:02}" for k in range(4)]].to_numpy(np.float32)
    steps = plain.rows.loc[plain.rows["network"] == name, "step"].unique()[:4].astype(float)
    summaries = summarise_on(time_axis((steps / steps[-1])[:, None]), values[:, None])
    for summary, value in summaries.items():
        np.testing.assert_allclose(short[f"loss.{summary}"], value[0], rtol=1e-4, atol=1e-5)
    others = curves.meta["network"] != name
    pd.testing.assert_frame_equal(curves.values[others], table.values[others])


def test_who_learned_is_said_of_networks_and_layers() -> None:
    plain = made()
    name = plain.networks["network"][2]
    rows = plain.rows.copy()
    own = rows["network"] == name
    # 0.19 is the least that counts, for guessing gets 0.1.
    rows.loc[own, "performance"] = np.where(rows.loc[own, "checkpoint"] == 3, 0.185, 0.0)
    found = read_material(Trajectories(plain.networks, rows))
    told = found.networks.set_index("network")["learned"]
    assert not told[name] and told.drop(name).all()
    for panel in found.panels.values():
        assert (panel.meta["learned"].to_numpy() == told[panel.meta["network"]].to_numpy()).all()
    rows.loc[own & (rows["checkpoint"] == 3), "performance"] = 0.2
    assert read_material(Trajectories(plain.networks, rows)).networks["learned"].all()


def test_nothing_is_said_of_learning_where_chance_is_unknown() -> None:
    plain = made()
    found = read_material(Trajectories(plain.networks.drop(columns="chance"), plain.rows))
    assert "learned" not in found.networks.columns and "learned" not in found.panel.meta.columns


@pytest.mark.parametrize("column", ["rule", "block", "diverged", "family"])
def test_networks_that_were_not_simulated_are_refused(column: str) -> None:
    plain = made()
    bare = Trajectories(plain.networks.drop(columns=column), plain.rows, "here")
    with pytest.raises(InputError, match=f"here: .* simulated ones .*column {column} is missing"):
        read_material(bare)


def test_fewer_than_two_rules_are_refused() -> None:
    plain = made()
    names = plain.networks.set_index("network")["rule"]
    gone = dict.fromkeys(names[names != "backprop+adam"].index, True)
    with pytest.raises(InputError, match=r"2 rules or more .*; got backprop\+adam \(12 diverged\)"):
        read_material(changed(plain, "diverged", gone))
    with pytest.raises(InputError, match=r"set apart; got backprop\+adam \(0 diverged\)"):
        read_material(changed(plain, "held_out", gone))
    with pytest.raises(InputError, match=r"got none \(16 diverged\)"):
        read_material(changed(plain, "diverged", dict.fromkeys(names.index, True)))
