"""What two checkpoints say together: closed forms, invariances, and the same of either library."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rule_id.observables.pairs import (
    MOST_ENTRIES,
    SHAPE_PAIRS,
    distance_table,
    evenness_table,
    joined,
    sampled,
    shape_tables,
    similarity,
    spread_out,
    thinned,
)

T = 5
LOWER = np.tril_indices(T)
BELOW = np.tril_indices(T, -1)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_distances_are_those_of_points_and_stand_below_the_diagonal() -> None:
    x = drawn(3, T, 7)
    found = distance_table(x)
    assert found.shape == (3, T, T)
    assert np.isnan(found[:, *np.triu_indices(T, 1)]).all()
    for t, s in zip(*LOWER, strict=True):
        point = x[:, t] - (x[:, s] if s < t else 0)
        np.testing.assert_allclose(found[:, t, s], np.linalg.norm(point, axis=1))


def test_a_value_that_is_not_finite_is_missing_in_its_own_pairs_alone() -> None:
    x = drawn(T, 7)
    x[2, 3] = np.inf
    missing = np.isnan(distance_table(x))
    expected = np.triu(np.ones((T, T), dtype=bool), 1)
    expected[2, :3] = expected[2:, 2] = True
    np.testing.assert_array_equal(missing, expected)


def test_what_one_unit_does_is_uneven_and_of_one_direction() -> None:
    """W_t - W_0 has one row, then one column, that is not 0: n = 6, k = 4."""
    w = np.repeat(drawn(1, 6, 4), 3, axis=0)
    w[1, 2] += 1.0
    w[2, :, 1] += 2.0
    rows, columns, rank = (shape_tables(w)[name] for name in SHAPE_PAIRS)
    assert rows[1, 0] == pytest.approx(1 / 6) and columns[1, 0] == pytest.approx(1)
    assert rows[2, 0] == pytest.approx(1) and columns[2, 0] == pytest.approx(1 / 4)
    assert rank[1, 0] == pytest.approx(1 / 4) == rank[2, 0]
    rotation = np.linalg.qr(drawn(4, 4))[0]
    (whole,) = (shape_tables(rotation[None])[name] for name in SHAPE_PAIRS[2:])
    assert whole[0, 0] == pytest.approx(1)


def test_effective_rank_is_the_participation_ratio_of_squared_singular_values() -> None:
    w = drawn(T, 6, 9)
    for t, s in zip(*BELOW, strict=True):
        squares = np.linalg.svd(w[t] - w[s], compute_uv=False) ** 2
        expected = squares.sum() ** 2 / (squares**2).sum() / 6
        assert shape_tables(w)["weight_effective_rank"][t, s] == pytest.approx(expected)


def test_entries_that_change_by_as_much_as_each_other_are_even() -> None:
    """As in the first step of an optimizer that normalises; one of n alone is 1/n."""
    x = np.repeat(drawn(1, 8), 3, axis=0)
    x[1] += 0.1 * np.sign(drawn(8, seed=1))
    x[2, 5] += 1
    found = evenness_table(x)
    assert found[1, 0] == pytest.approx(1) and found[2, 0] == pytest.approx(1 / 8)
    normal = evenness_table(drawn(2, 100_000))[1, 0]
    assert normal == pytest.approx(2 / np.pi, abs=0.01)


def test_without_change_nothing_is_said_of_it() -> None:
    w = np.repeat(drawn(1, 6, 4), T, axis=0)
    for table in (*shape_tables(w).values(), evenness_table(w.reshape(T, -1))):
        assert np.isnan(table[BELOW]).all() and np.isfinite(table.diagonal()).all()
    assert (distance_table(w.reshape(T, -1))[BELOW] == 0).all()


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-8, 1e8), st.integers(0, 100))
def test_units_of_weights_do_not_matter(factor: float, seed: int) -> None:
    w = drawn(T, 6, 4, seed=seed)
    for name, table in shape_tables(w).items():
        np.testing.assert_allclose(shape_tables(factor * w)[name], table, rtol=1e-9)
    flat = w.reshape(T, -1)
    np.testing.assert_allclose(evenness_table(factor * flat), evenness_table(flat), rtol=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 100))
def test_names_of_units_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = drawn(T, 6, 4, seed=seed)
    out, inputs = rng.permutation(6), rng.permutation(4)
    other = w[:, out][:, :, inputs]
    for name, table in shape_tables(w).items():
        np.testing.assert_allclose(shape_tables(other)[name], table)


def test_torch_and_numpy_say_the_same() -> None:
    w = drawn(2, T, 6, 4)
    a = torch.as_tensor(w)
    for name, table in shape_tables(w).items():
        np.testing.assert_allclose(shape_tables(a)[name].numpy(), table)
    np.testing.assert_allclose(distance_table(a.flatten(2)).numpy(),
                               distance_table(w.reshape(2, T, -1)))  # fmt: skip
    np.testing.assert_allclose(evenness_table(a.flatten(2)).numpy(),
                               evenness_table(w.reshape(2, T, -1)))  # fmt: skip
    np.testing.assert_allclose(similarity(a).numpy(), similarity(w))


def test_similarity_is_of_stimuli_whatever_the_units() -> None:
    x = drawn(10, 6)
    turned = x @ np.linalg.qr(drawn(6, 6, seed=1))[0] + drawn(6, seed=2)
    np.testing.assert_allclose(similarity(turned), similarity(x), atol=1e-12)
    twice = np.concatenate([x, x], axis=1)
    np.testing.assert_allclose(similarity(twice), similarity(x), atol=1e-12)
    assert similarity(x).reshape(10, 10).sum() == pytest.approx(0, abs=1e-9)


def test_places_of_a_channel_are_joined_to_what_a_dense_layer_reads_of_them() -> None:
    """A convolution with 3 channels, 4 places each, feeds 12 inputs, channel by channel."""
    w, v = drawn(3, 5), drawn(2, 12, 1)
    ahead, weight = joined(w, v)
    assert weight.shape == (3, 5) and ahead.shape == (8, 3)
    expected = np.concatenate([v[:, [c * 4 + place for c in range(3)], 0] for place in range(4)])
    found = {tuple(row) for row in ahead.round(12).tolist()}
    assert found == {tuple(row) for row in expected.round(12).tolist()}


def test_a_layer_that_is_fed_by_others_is_not_joined() -> None:
    assert joined(drawn(3, 5), drawn(2, 4, 1)) is None
    assert joined(drawn(0, 5), drawn(2, 4, 1)) is None


def test_of_what_is_large_some_is_looked_at() -> None:
    assert thinned(drawn(300, 2000)).shape == (64, 256)
    assert thinned(drawn(3, 5)).shape == (3, 5)
    ahead, weight = joined(drawn(300, 2000), drawn(700, 300, 1))
    assert ahead.shape == (256, 64) and weight.shape == (64, 256)
    assert spread_out(1000, 64)[[0, -1]].tolist() == [0, 999]
    some = sampled(50_000, 3, 1)
    assert len(set(some)) == MOST_ENTRIES and (np.diff(some) > 0).all() and some.max() < 50_000
    np.testing.assert_array_equal(some, sampled(50_000, 3, 1))
    assert (some != sampled(50_000, 4, 1)).any()
    np.testing.assert_array_equal(sampled(7, 0, 0), range(7))
