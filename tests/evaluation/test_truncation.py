from __future__ import annotations

import numpy as np
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.evaluation import TRUNCATIONS, cut
from rule_id.features import extract
from rule_id.trajectories import STATISTICS, Trajectories

LAYER = ["network", "measurement", "layer"]


@pytest.mark.parametrize(
    ("variant", "steps"),
    [("all checkpoints", range(21)), ("first 75%", range(16)), ("first 50%", range(11)),
     ("first 25%", range(6)), ("every 2nd", range(0, 21, 2)), ("every 4th", range(0, 21, 4))],
)  # fmt: skip
def test_which_checkpoints_stay(small: Trajectories, variant: str, steps: range) -> None:
    shortened = cut(small, **TRUNCATIONS[variant])
    for (_, old), (_, new) in zip(
        small.rows.groupby(LAYER), shortened.rows.groupby(LAYER), strict=True
    ):
        kept = old.iloc[list(steps)]
        np.testing.assert_array_equal(new[list(STATISTICS)], kept[list(STATISTICS)])
        np.testing.assert_array_equal(new["step"], kept["step"])
        np.testing.assert_array_equal(new["checkpoint"], np.arange(len(steps)))


@pytest.mark.parametrize("variant", TRUNCATIONS)
def test_progress_runs_over_what_is_left(small: Trajectories, variant: str) -> None:
    groups = cut(small, **TRUNCATIONS[variant]).rows.groupby(LAYER)["progress"]
    assert (groups.first() == 0).all()
    assert (groups.last() == 1).all()


def test_nothing_cut_is_nothing_changed(small: Trajectories) -> None:
    assert cut(small).rows.equals(small.rows)


def test_the_future_does_not_show(small: Trajectories) -> None:
    rows = small.rows.copy()
    late = rows["checkpoint"] > 5
    rows.loc[late, list(STATISTICS)] *= 7
    altered = Trajectories(small.networks, rows, small.source)
    one, other = (extract(cut(data, first=0.25)).values for data in (small, altered))
    assert one.equals(other)


def test_bad_input_is_named(small: Trajectories) -> None:
    for first in (0, -0.5, 1.5):
        with pytest.raises(InputError, match=rf"first must be a share in \(0, 1\]; got {first}"):
            cut(small, first=first)
    with pytest.raises(InputError, match="every must be a whole number of 1 or more; got 0"):
        cut(small, every=0)
    short = synthetic_trajectories(n_blocks=2, networks_per_rule=1, n_checkpoints=4)
    with pytest.raises(InputError, match="2 checkpoints or more; of 4 they leave 1"):
        cut(short, first=0.25)
