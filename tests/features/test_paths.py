"""Which way layers went: closed forms, and what is left where checkpoints are missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rule_id.features.paths import (
    OF_DISTANCES,
    PATH_STATISTICS,
    is_of_path,
    path_curve,
    paths_at,
    summarise_paths,
)
from rule_id.features.summaries import summary_names, time_of
from rule_id.observables.pairs import distance_table
from rule_id.schema import PAIRS
from rule_id.trajectories import observable_of

T = 9
TIME = np.linspace(0, 1, T)


def symmetric(lower: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(lower), np.swapaxes(lower, -1, -2), lower)


def pairs_of(points: np.ndarray) -> np.ndarray:
    """Distances of points (n, T, d), as both distances; all other pairs at random."""
    distances = symmetric(distance_table(points))
    noise = np.random.default_rng(0).uniform(0.1, 1, distances.shape)
    others = np.tril(noise) + np.swapaxes(np.tril(noise, -1), -1, -2)
    return np.stack([distances if p.endswith("distance") else others for p in PAIRS], axis=-1)


def curve(name: str, points: np.ndarray, time: np.ndarray = TIME) -> np.ndarray:
    return path_curve(f"weight_path_{name}", symmetric(distance_table(points[None])), time)[1][0]


def test_a_straight_path_goes_on_as_it_began() -> None:
    start, way = np.array([3.0, 0, 4]), np.array([0.0, 2, 0])
    line = start + TIME[:, None] * way
    for name in ("persistence", "memory", "heading", "straightness"):
        np.testing.assert_allclose(curve(name, line), 1)
    np.testing.assert_allclose(curve("displacement", line), TIME * 2 / 5)
    np.testing.assert_allclose(curve("speed", line), 2 / 5)
    np.testing.assert_allclose(curve("overlap", line), 5 / np.sqrt(25 + 4 * TIME**2))
    sizes = np.sqrt(25 + 4 * TIME**2)
    np.testing.assert_allclose(curve("growth", line), (2 * TIME / sizes)[:-1], atol=1e-9)


def test_of_a_straight_path_the_way_behind_grows_with_time() -> None:
    start, way = np.array([3.0, 0, 4]), np.array([0.0, 2, 0])
    line = start + TIME[:, None] * way
    np.testing.assert_allclose(curve("wandering", line), 1 / 4)
    np.testing.assert_allclose(curve("drift", line), 4 * TIME[3:] * (TIME[2:-1] - TIME[1]) / 25)
    np.testing.assert_allclose(curve("advance", line), TIME[2:-1] / TIME[-2])


def test_noise_drawn_anew_at_each_checkpoint_cancels_in_drift_and_advance() -> None:
    """With as much noise as signal in every entry; displacement is of noise alone."""
    rng = np.random.default_rng(0)
    line = rng.normal(size=(300, 1, 800)) + TIME[:, None] * rng.normal(size=(300, 1, 800))
    noisy = line + rng.normal(size=line.shape)
    for name in ("drift", "advance"):
        clean, found = (
            path_curve(f"weight_path_{name}", symmetric(distance_table(x)), TIME)[1].mean(axis=0)
            for x in (line, noisy)
        )
        np.testing.assert_allclose(found, clean, atol=0.02)
    still = line[:, :1] + rng.normal(size=line.shape)
    moved, drifted = (
        path_curve(f"weight_path_{name}", symmetric(distance_table(still)), TIME)[1].mean(axis=0)
        for name in ("displacement", "drift")
    )
    assert (moved[1:] > 0.9).all() and (np.abs(drifted) < 0.02).all()
    step = path_curve("weight_path_wandering", symmetric(distance_table(still)), TIME)[1]
    np.testing.assert_allclose(step.mean(), 1, atol=0.01)


def test_a_path_that_turns_back_is_remembered_as_such() -> None:
    there = np.array([[1.0, k % 2] for k in range(T)])
    np.testing.assert_allclose(curve("persistence", there), -1)
    np.testing.assert_allclose(curve("memory", there), -1)
    np.testing.assert_allclose(curve("straightness", there), [(k % 2) / k for k in range(1, T)])


def test_a_circle_turns_by_the_same_angle_at_each_step() -> None:
    angle = 2 * np.pi * TIME
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    np.testing.assert_allclose(curve("persistence", circle), np.cos(2 * np.pi / 8))
    np.testing.assert_allclose(curve("overlap", circle), np.cos(angle), atol=1e-12)
    np.testing.assert_allclose(curve("displacement", circle), 2 * np.abs(np.sin(angle / 2)),
                               atol=1e-7)  # fmt: skip


def test_steps_at_random_have_no_memory() -> None:
    walk = np.random.default_rng(0).normal(size=(200, T, 500)).cumsum(axis=1)
    distances = symmetric(distance_table(walk))
    for name in ("persistence", "memory"):
        assert abs(path_curve(f"weight_path_{name}", distances, TIME)[1].mean()) < 0.01
    straight = path_curve("weight_path_straightness", distances, TIME)[1]
    np.testing.assert_allclose(straight.mean(axis=0)[1:], np.arange(2, T) ** -0.5, rtol=0.6)


def test_noise_that_is_carried_over_to_the_next_step_shows() -> None:
    """Steps s_k = n_k + n_{k-1} / 2 of independent n have cosines 0.4, 0, 0; a walk has none."""
    noise = np.random.default_rng(0).normal(size=(300, T + 1, 400))
    for share, expected in ((0.5, 0.4), (0.0, 0.0)):
        walk = (noise[:, 1:] + share * noise[:, :-1]).cumsum(axis=1)
        found = path_curve("weight_path_carry", symmetric(distance_table(walk)), TIME)[1]
        assert found.mean() == pytest.approx(expected, abs=0.01)


def test_curves_are_those_of_the_vectors_themselves() -> None:
    points = np.random.default_rng(1).normal(size=(T, 6)).cumsum(axis=0)
    steps = np.diff(points, axis=0)

    def cosine(a, b):
        return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)

    np.testing.assert_allclose(curve("persistence", points), cosine(steps[1:], steps[:-1]))
    np.testing.assert_allclose(curve("memory", points), cosine(steps[3:], steps[:-3]))
    second = cosine(steps[2:-1], steps[:-3])
    curved = cosine(steps[1:-2], steps[:-3]) - 2 * second + cosine(steps[3:], steps[:-3])
    np.testing.assert_allclose(curve("carry", points), curved)
    np.testing.assert_allclose(curve("heading", points), cosine(steps, points[-1] - points[0]))
    np.testing.assert_allclose(curve("growth", points), cosine(steps, points[:-1]))
    np.testing.assert_allclose(curve("overlap", points), cosine(points, points[0]))
    later = (points[3:] - points[0]) * (points[2:-1] - points[1])
    np.testing.assert_allclose(curve("drift", points), later.sum(1) / (points[0] @ points[1]))
    behind = (points[2:-1] - points[0]) @ (points[-1] - points[1])
    np.testing.assert_allclose(curve("advance", points), behind / behind[-1])
    lengths = np.linalg.norm(steps[:-3], axis=1) / np.linalg.norm(points[4:] - points[:-4], axis=1)
    np.testing.assert_allclose(curve("wandering", points), lengths)


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-6, 1e6), st.integers(0, 50))
def test_neither_units_nor_the_basis_matter(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(2, T, 5)).cumsum(axis=1)
    turned = factor * points @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    time = np.tile(TIME, (2, 1))
    np.testing.assert_allclose(
        summarise_paths(pairs_of(turned), time), summarise_paths(pairs_of(points), time),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(0, T - 1), min_size=2), st.integers(0, 50))
def test_what_is_left_is_as_if_nothing_else_had_been_measured(kept: set[int], seed: int) -> None:
    """Whether checkpoints were never there or have a gap at that place."""
    some = sorted(kept)
    points = np.random.default_rng(seed).normal(size=(1, T, 5)).cumsum(axis=1)
    gappy = pairs_of(points)
    lost = [k for k in range(T) if k not in kept]
    gappy[:, lost] = gappy[:, :, lost] = np.nan
    time = (TIME[some] - TIME[some[0]]) / (TIME[some[-1]] - TIME[some[0]])
    # Of others than distances the same table, cut as they are.
    fewer = pairs_of(points)[:, some][:, :, some]
    np.testing.assert_allclose(
        summarise_paths(gappy, TIME[None]), summarise_paths(fewer, time[None]), rtol=1e-5
    )


def test_a_layer_that_never_moves_has_no_direction_but_a_speed() -> None:
    still = np.repeat(np.random.default_rng(0).normal(size=(1, 5)), T, axis=0)
    for name in OF_DISTANCES:
        values = curve(name, still)
        moved = {"displacement": 0, "speed": 0, "overlap": 1, "drift": 0}.get(name)
        if moved is None:
            assert np.isnan(values).all(), name
        else:
            np.testing.assert_allclose(values, moved)


def test_two_checkpoints_give_what_two_can() -> None:
    found = summarise_paths(pairs_of(np.random.default_rng(0).normal(size=(1, 2, 5))),
                            np.array([[0.0, 1.0]]))  # fmt: skip
    there = dict(zip(PATH_STATISTICS, np.isfinite(found[0]).any(axis=1), strict=True))
    assert there["weight_path_displacement"] and there["weight_gain_now"]
    assert not there["weight_path_speed"] and not there["weight_path_persistence"]


def test_networks_of_several_lengths_and_gaps_are_summarised_each_by_itself() -> None:
    points = np.random.default_rng(3).normal(size=(4, T, 5)).cumsum(axis=1)
    pairs, time = pairs_of(points), np.tile(TIME, (4, 1))
    pairs[1, 5:] = pairs[1, :, 5:] = np.nan
    time[1, 5:] = np.nan
    time[1, :5] = np.linspace(0, 1, 5)
    pairs[2] = np.nan
    pairs[3, :, :, PAIRS.index("weight_gain")] = np.nan
    every = summarise_paths(pairs, time)
    assert every.shape == (4, len(PATH_STATISTICS), len(summary_names()))
    for row in range(4):
        alone = summarise_paths(pairs[row : row + 1], time[row : row + 1])
        np.testing.assert_array_equal(every[row], alone[0])
    assert np.isnan(every[2]).all()
    gains = [k for k, name in enumerate(PATH_STATISTICS) if name.startswith("weight_gain")]
    assert np.isnan(every[3, gains]).all() and np.isfinite(every[3]).any()


@pytest.mark.parametrize("statistic", PATH_STATISTICS)
def test_statistics_are_named_as_others_are(statistic: str) -> None:
    assert observable_of(statistic) in ("weight", "activation")
    assert is_of_path(f"{statistic}.early_slope") and time_of("early_slope") == "early"


def test_curves_are_drawn_at_times_of_their_own() -> None:
    points = np.random.default_rng(3).normal(size=(2, T, 5)).cumsum(axis=1)
    times, values = paths_at("activation_path_memory", pairs_of(points), np.tile(TIME, (2, 1)))
    n = T - 4
    np.testing.assert_allclose(times[:, :n], np.tile(np.linspace(0, 1, n), (2, 1)))
    assert np.isnan(times[:, n:]).all() and np.isfinite(values[:, :n]).all()
