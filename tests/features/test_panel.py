from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features.panel import Panel, join_panels, pivot
from rule_id.trajectories import ROW_COLUMNS, STATISTICS, Trajectories


@pytest.fixture(scope="module")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=2, networks_per_rule=1, n_checkpoints=6)


def with_rows(trajectories, rows):
    return Trajectories(trajectories.networks, rows, "corpus")


def test_a_trajectory_is_a_row_with_its_own_values(small):
    panel = pivot(small)
    assert panel.values.shape == (len(panel.meta), 6, 45) == (len(small.rows) // 6, 6, 45)
    for index in (0, 7, len(panel.meta) - 1):
        network, layer = panel.meta[["network", "layer"]].iloc[index]
        rows = small.rows[(small.rows["network"] == network) & (small.rows["layer"] == layer)]
        np.testing.assert_array_equal(panel.values[index], rows[list(STATISTICS)].to_numpy())
        np.testing.assert_allclose(panel.time[index], np.linspace(0, 1, 6), atol=0.01)


def test_rows_in_any_order_give_the_same(small):
    shuffled = pivot(with_rows(small, small.rows.sample(frac=1, random_state=1)))
    panel = pivot(small)
    np.testing.assert_array_equal(shuffled.values, panel.values)
    pd.testing.assert_frame_equal(shuffled.meta, panel.meta)


def test_trajectories_of_several_lengths_are_filled_with_nan(small):
    first = small.rows["network"].iloc[0]
    rows = small.rows[(small.rows["network"] != first) | (small.rows["checkpoint"] < 3)]
    panel = pivot(with_rows(small, rows))
    assert set(panel.n_checkpoints[panel.meta["network"] == first]) == {3}
    short = panel.n_checkpoints == 3
    assert np.isnan(panel.values[short, 3:]).all() and np.isfinite(panel.values[short, :3]).all()
    np.testing.assert_array_equal(panel.time[short, 2], 1)


def test_meta_holds_all_that_rows_and_networks_say_but_nothing_of_a_checkpoint(small):
    meta = pivot(small).meta
    gone = {"checkpoint", "step", "progress", "loss", "performance"}
    assert set(meta.columns) == (set(ROW_COLUMNS) - gone) | set(small.networks.columns)
    assert set(meta["loss"]) == {"cross_entropy"}
    rules = small.networks.set_index("network")["rule"]
    assert (meta["rule"].to_numpy() == rules[meta["network"]].to_numpy()).all()


def test_a_single_checkpoint_is_refused(small):
    rows = small.rows[(small.rows["layer"] != 1) | (small.rows["checkpoint"] == 0)]
    with pytest.raises(InputError, match="corpus: a traj.* 2 checkpoints or more; layer 1 of .*'b"):
        pivot(with_rows(small, rows))


@pytest.mark.parametrize("step", [0.0, -5.0, np.nan])
def test_steps_that_do_not_rise_are_refused(small, step):
    rows = small.rows.assign(step=small.rows["step"].astype(float))
    rows.loc[1, "step"] = step
    with pytest.raises(
        InputError, match=f"corpus: step must rise .* layer 0 .* from 0 to {step:g}"
    ):
        pivot(with_rows(small, rows))


def require_same(one: Panel, other: Panel) -> None:
    pd.testing.assert_frame_equal(one.meta, other.meta)
    for name in ("time", "values", "n_checkpoints"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_rows_are_chosen_by_mask_or_position(small):
    panel = pivot(small)
    places = np.array([5, 2, 9])
    some = panel.rows(places)
    assert len(some) == 3 and list(some.meta.index) == [0, 1, 2]
    for new, old in enumerate(places):
        np.testing.assert_array_equal(some.values[new], panel.values[old])
        assert some.meta.iloc[new].equals(panel.meta.iloc[old])
    mask = np.isin(np.arange(len(panel)), places)
    require_same(panel.rows(mask), panel.rows(np.sort(places)))
    require_same(panel.rows(np.full(len(panel), True)), panel)
    assert len(panel.rows(np.full(len(panel), False))) == 0


@pytest.mark.parametrize("kept", [[0, 5], [1, 2, 4], [2, 3, 4, 5]])
def test_seen_is_as_if_only_some_checkpoints_had_been_recorded(small, kept):
    panel = pivot(small)
    seen = panel.seen(np.array(kept))
    part = small.rows[small.rows["checkpoint"].isin(kept)].reset_index(drop=True)
    alone = pivot(with_rows(small, part))
    pd.testing.assert_frame_equal(seen.meta, alone.meta)
    np.testing.assert_array_equal(seen.values, alone.values)
    np.testing.assert_array_equal(seen.n_checkpoints, alone.n_checkpoints)
    np.testing.assert_allclose(seen.time, alone.time, atol=1e-12)
    assert (seen.time[:, 0] == 0).all() and (seen.time[:, -1] == 1).all()
    np.testing.assert_array_equal(panel.values, pivot(small).values)  # which is left alone


def test_panels_of_some_networks_each_join_to_the_panel_of_all(small):
    first = small.rows["network"].iloc[0]
    short = with_rows(
        small, small.rows[(small.rows["network"] != first) | (small.rows["checkpoint"] < 3)]
    )
    names = small.networks["network"]
    parts = [pivot(short.select(some)) for some in (names[:1], names[1:4], names[4:])]
    assert [part.time.shape[1] for part in parts] == [3, 6, 6]
    require_same(join_panels(parts), pivot(short))
    require_same(join_panels(iter(parts[:1])), parts[0])


def test_a_panel_without_rows_joins_and_adds_nothing(small):
    panel = pivot(small)
    none = panel.rows(np.full(len(panel), False))
    require_same(join_panels([none, panel, none]), panel)
