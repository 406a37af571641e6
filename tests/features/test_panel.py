from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features.panel import pivot
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
