from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features.panel import Panel, join_panels, pivot
from rule_id.schema import PAIRS
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


def compared(trajectories: Trajectories, names=("weight_distance", "weight_gain")) -> Trajectories:
    """The same with pairs: in row t, column s, t + s / 100 for s <= t."""
    rows = trajectories.rows
    t = rows["checkpoint"].to_numpy()
    columns = {
        f"{name}_{s:02}": np.where(s <= t, t + s / 100, np.nan).astype(np.float32)
        for name in names
        for s in range(t.max() + 1)
    }
    return with_rows(trajectories, rows.assign(**columns))


def test_pairs_are_symmetric_tables_and_missing_where_nothing_was_compared(small):
    panel = pivot(compared(small))
    assert pivot(small).pairs is None
    n, length = panel.time.shape
    assert panel.pairs.shape == (n, length, length, len(PAIRS))
    t = np.arange(length)
    later, earlier = np.maximum(t[:, None], t), np.minimum(t[:, None], t)
    for place, name in enumerate(PAIRS):
        own = panel.pairs[..., place]
        if name in ("weight_distance", "weight_gain"):
            np.testing.assert_allclose(own, np.broadcast_to(later + earlier / 100, own.shape),
                                       rtol=1e-6)  # fmt: skip
        else:
            assert np.isnan(own).all()


def test_pairs_go_by_the_number_of_a_checkpoint_not_by_its_place(small):
    whole = compared(small)
    kept = whole.rows["checkpoint"].isin([1, 3, 4])
    panel = pivot(with_rows(whole, whole.rows[kept].reset_index(drop=True)))
    np.testing.assert_array_equal(panel.pairs, pivot(whole).pairs[:, [1, 3, 4]][:, :, [1, 3, 4]])


@pytest.mark.parametrize("number", [7, 10**9, 5.5])
def test_checkpoints_with_which_nothing_was_compared_are_missing(small, number):
    whole = compared(small)
    rows = whole.rows.assign(checkpoint=whole.rows["checkpoint"].replace({5: number}))
    panel = pivot(with_rows(whole, rows))
    assert np.isnan(panel.pairs[:, 5, 5]).all() and np.isfinite(panel.pairs[:, 4, 4, 0]).all()


def test_pairs_of_very_many_checkpoints_are_refused():
    """Their number grows with the square."""
    long = synthetic_trajectories(n_blocks=2, networks_per_rule=1, n_checkpoints=65)
    assert pivot(long).pairs is None
    with pytest.raises(InputError, match="64 checkpoints at most where they are .*; got 65"):
        pivot(with_rows(long, long.rows.assign(weight_gain_00=1.0)))


def test_pairs_are_chosen_cut_and_joined_with_their_trajectories(small):
    whole, without = pivot(compared(small)), pivot(small)
    some = np.array([0, 4, 5])
    require_same(whole.seen(some), without.seen(some))
    np.testing.assert_array_equal(whole.seen(some).pairs, whole.pairs[:, some][:, :, some])
    mask = np.arange(len(whole)) % 3 == 0
    np.testing.assert_array_equal(whole.rows(mask).pairs, whole.pairs[mask])
    short = whole.seen(some)
    joined = join_panels([whole, without, short])
    n = len(whole)
    np.testing.assert_array_equal(joined.pairs[:n], whole.pairs)
    assert np.isnan(joined.pairs[n : 2 * n]).all()
    np.testing.assert_array_equal(joined.pairs[2 * n :, :3, :3], short.pairs)
    assert np.isnan(joined.pairs[2 * n :, 3:]).all()
    assert join_panels([without, without]).pairs is None
