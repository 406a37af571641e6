from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.features import FeatureTable, extract, with_deviations
from rule_id.features.panel import Panel, pivot
from rule_id.models.cuts import (
    CUTS,
    WHOLE,
    Cut,
    cut_features,
    possible_cuts,
    random_cut,
)
from rule_id.trajectories import Trajectories


def features_of(trajectories: Trajectories, feature_set: str = "summary") -> FeatureTable:
    """What a classifier is given of complete trajectories."""
    return with_deviations(extract(trajectories, feature_set))


@pytest.fixture(scope="module")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=4, networks_per_rule=2, n_checkpoints=21)


@pytest.fixture(scope="module")
def panel(small: Trajectories) -> Panel:
    return pivot(small)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def at(trajectories: Trajectories, checkpoints: np.ndarray | list[int]) -> Trajectories:
    """The trajectories as if only some checkpoints had been recorded."""
    kept = trajectories.rows["checkpoint"].isin(checkpoints)
    return Trajectories(trajectories.networks, trajectories.rows[kept].reset_index(drop=True))


@pytest.mark.parametrize(
    ("cut", "n", "expected"),
    [
        (Cut(), 21, range(21)),
        (Cut(), 2, [0, 1]),
        (Cut(0.0, 0.5), 21, range(11)),
        (Cut(0.25, 0.5), 21, range(5, 16)),
        (Cut(0.75, 0.25), 5, [3, 4]),
        (Cut(0.5, 0.5), 5, [2, 3, 4]),
        (Cut(0.1, 0.2), 11, [1, 2, 3]),  # 0.1 + 0.2 is above 0.3, and 3 / 10 below 0.1 + 0.2
        (Cut(0.3, 0.1), 11, [3, 4]),
        (Cut(0.7, 0.2), 11, [7, 8, 9]),  # 0.7 + 0.2 is below 0.9
        (Cut(0.7, 0.1), 11, [7, 8]),  # 0.7 + 0.1 is below 0.8
        (Cut(0.01, 0.03), 21, []),
        (Cut(every=10), 21, [0, 10, 20]),
        (Cut(every=4), 21, [0, 4, 8, 12, 16, 20]),
        (Cut(every=4), 5, [0, 4]),
        (Cut(0.5, 0.5, every=2), 9, [4, 6, 8]),
    ],
)
def test_a_window_is_what_lies_in_it_thinned(cut: Cut, n: int, expected) -> None:
    np.testing.assert_array_equal(cut.window(n), np.array(expected, dtype=int))


def test_every_window_of_equal_steps_holds_its_ends() -> None:
    for n in (11, 21, 101):
        for start in range(n):
            for stop in range(start, n):
                cut = Cut(start / (n - 1), (stop - start) / (n - 1))
                np.testing.assert_array_equal(cut.window(n), np.arange(start, stop + 1))


@pytest.mark.parametrize("number", [2, 5, 10])
def test_as_many_are_drawn_as_it_says_in_order_and_of_all(number: int) -> None:
    draws = [Cut(number=number).draw(21, rng(seed)) for seed in range(100)]
    assert {len(one) for one in draws} == {number}
    assert all((np.diff(one) > 0).all() for one in draws)
    assert set(np.concatenate(draws)) == set(range(21))


def test_where_fewer_are_left_all_are_seen() -> None:
    np.testing.assert_array_equal(Cut(number=10).draw(5, rng()), np.arange(5))
    np.testing.assert_array_equal(Cut(0.5, 0.5, number=4).draw(5, rng()), [2, 3, 4])
    few = [tuple(Cut(0.5, 0.5, number=2).draw(5, rng(seed))) for seed in range(30)]
    assert set(few) == {(2, 3), (2, 4), (3, 4)}


def test_names_say_what_is_seen_and_are_unique() -> None:
    names = [cut.name for cut in CUTS]
    assert len(set(names)) == len(CUTS) == 18
    assert names[0] == "all checkpoints" and CUTS[0] == WHOLE
    assert {"0% to 25%", "75% to 100%", "25% to 100%", "every 2nd", "every 4th", "every 10th",
            "2 at random"} <= set(names)  # fmt: skip
    assert Cut(0.5, 0.5, every=3).name == "50% to 100%, every 3rd"
    assert Cut(0.5, 0.5, number=3).name == "50% to 100%, 3 at random"


def test_all_cuts_are_possible_with_21_checkpoints() -> None:
    assert possible_cuts(np.array([21, 30])) == list(CUTS)


def test_few_checkpoints_allow_what_leaves_two_and_takes_some() -> None:
    found = [cut.name for cut in possible_cuts(np.array([21, 5]))]
    assert found == [cut.name for cut in CUTS if cut.name not in {
        "every 5th", "every 10th", "5 at random", "10 at random",
    }]  # fmt: skip
    assert [cut.name for cut in possible_cuts(np.array([2]))] == ["all checkpoints"]


def test_a_random_cut_is_always_in_range() -> None:
    source = rng()
    cuts = [random_cut(source) for _ in range(3000)]
    windows = [cut for cut in cuts if cut.length < 1]
    thinned = [cut for cut in cuts if cut.every > 1]
    drawn = [cut for cut in cuts if cut.number is not None]
    assert len(windows) + len(thinned) + len(drawn) == len(cuts)  # of one kind each
    assert all(800 < len(kind) < 1200 for kind in (windows, thinned, drawn))
    assert all(w.start >= 0 and w.length >= 0.25 and w.start + w.length <= 1 for w in windows)
    assert {cut.every for cut in thinned} == set(range(2, 11))
    assert {cut.number for cut in drawn} == set(range(2, 13))
    # A window of a quarter holds 5 of 21 checkpoints or more.
    assert min(len(cut.draw(21, source)) for cut in cuts) >= 2


@pytest.mark.parametrize("feature_set", ["summary", "invariant"])
def test_uncut_features_are_those_of_the_trajectories(small, panel, feature_set: str) -> None:
    found, plain = cut_features(panel, WHOLE, feature_set, rng()), features_of(small, feature_set)
    pd.testing.assert_frame_equal(found.values, plain.values)
    pd.testing.assert_frame_equal(found.meta, plain.meta)
    assert (found.feature_set, found.names) == (feature_set, plain.names)


@pytest.mark.parametrize("cut", [Cut(0.25, 0.5), Cut(0.5, 0.5), Cut(every=4), Cut(0.0, 0.25)])
def test_what_is_cut_off_was_never_there_nor_its_length(small, panel, cut: Cut) -> None:
    """Time is scaled anew, so that the features are those of a shorter recording."""
    found = cut_features(panel, cut, "summary", rng()).values
    part = at(small, cut.window(21))
    pd.testing.assert_frame_equal(found, features_of(part).values, rtol=1e-3, atol=1e-4)
    rows = part.rows
    stretched = Trajectories(small.networks, rows.assign(step=7 * rows["step"] + 3))
    pd.testing.assert_frame_equal(found, features_of(stretched).values, rtol=1e-3, atol=1e-4)


def test_all_layers_of_a_network_are_seen_at_the_same_random_checkpoints(panel: Panel) -> None:
    """Values that are the checkpoint itself tell by their first and last which were seen."""
    place = np.arange(21, dtype=np.float32)[None, :, None]
    told = Panel(panel.meta, panel.time, np.broadcast_to(place + 1, panel.values.shape).copy(),
                 panel.n_checkpoints)  # fmt: skip
    table = cut_features(told, Cut(number=3), "summary", rng())
    seen = table.values.filter(regex="^weight_abs_mean")
    by_network = seen.groupby(table.meta["network"].to_numpy())
    assert (by_network.nunique(dropna=False) == 1).all(axis=None)
    assert 8 < len(by_network.first().drop_duplicates()) <= 16


@pytest.mark.parametrize("cut", [Cut(number=3), Cut(every=5)])
def test_rows_stay_in_their_order(panel: Panel, cut: Cut) -> None:
    order = rng(1).permutation(len(panel))
    table = cut_features(panel.rows(order), cut, "summary", rng())
    pd.testing.assert_frame_equal(
        table.meta[["network", "layer"]],
        panel.meta[["network", "layer"]].iloc[order].reset_index(drop=True),
    )
    whole = cut_features(panel.rows(order), WHOLE, "summary", rng()).values
    plain = cut_features(panel, WHOLE, "summary", rng()).values
    np.testing.assert_array_equal(whole.to_numpy(), plain.to_numpy()[order])


def test_each_row_has_the_features_of_its_own_values(panel: Panel) -> None:
    """Rows of several groups of checkpoints are put back where they belong."""
    kept = np.flatnonzero(panel.meta["network"].isin(panel.meta["network"].unique()[:6]))
    some = panel.rows(kept)
    level = np.arange(len(kept), dtype=np.float32)[:, None, None] + 1
    flat = Panel(some.meta, some.time, np.broadcast_to(level, some.values.shape).copy(),
                 some.n_checkpoints)  # fmt: skip
    found = cut_features(flat, Cut(number=2), "summary", rng()).values["weight_abs_mean.start"]
    assert (np.diff(found) > 0).all()


def test_trajectories_of_different_lengths_are_each_cut_by_their_own(small) -> None:
    name = small.networks["network"][3]
    own = small.rows["network"] == name
    short = Trajectories(
        small.networks,
        small.rows[~own | (small.rows["checkpoint"] < 9)].reset_index(drop=True),
    )
    mixed = cut_features(pivot(short), Cut(0.5, 0.5), "summary", rng())
    rows = mixed.meta["network"] == name
    long, brief = (
        features_of(at(small, range(10, 21))),
        features_of(at(short.select([name]), range(4, 9))),
    )
    tolerance = {"rtol": 1e-3, "atol": 1e-4}
    pd.testing.assert_frame_equal(mixed.rows(rows).values, brief.values, **tolerance)
    pd.testing.assert_frame_equal(mixed.rows(~rows).values, long.rows(~rows).values, **tolerance)


def test_what_would_be_less_than_two_is_seen_whole(small, panel: Panel) -> None:
    found = cut_features(panel, Cut(0.01, 0.03), "summary", rng()).values
    pd.testing.assert_frame_equal(found, features_of(small).values)


def test_checkpoints_are_drawn_by_the_seed(panel: Panel) -> None:
    cut = Cut(number=4)
    first, again, other = (
        cut_features(panel, cut, "summary", rng(seed)).values for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first, other, equal_nan=True)
