"""Distances between checkpoints in few bytes."""

from __future__ import annotations

import numpy as np
import pytest

from rule_id.compact_parts.path_coding import CHUNK, decode_paths, encode_paths, n_angles
from rule_id.features.paths import OF_DISTANCES, path_curve
from rule_id.observables.pairs import distance_table

T = 21
LOWER = np.tril_indices(T)


def paths(kind: str, n: int = 60, seed: int = 0) -> np.ndarray:
    """Distances of n paths whose steps are from 1e-4 to 10 of where they begin."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(n, 1, 300))
    if kind == "walk":
        way = rng.normal(size=(n, T, 300)).cumsum(axis=1)
    else:
        way = np.linspace(0, 1, T)[:, None] * rng.normal(size=(n, 1, 300))
    points = start + way * np.logspace(-4, 1, n)[:, None, None]
    return distance_table(points).astype(np.float32)


@pytest.mark.parametrize("kind", ["walk", "line"])
def test_distances_come_back_within_three_percent(kind: str) -> None:
    before = paths(kind)
    after = decode_paths(encode_paths(before))
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    lower = (slice(None), *LOWER)
    error = np.abs(after[lower] / before[lower] - 1)
    assert np.quantile(error, 0.95) < 0.011 and error.max() < 0.03


@pytest.mark.parametrize("name", OF_DISTANCES)
@pytest.mark.parametrize("kind", ["walk", "line"])
def test_curves_of_paths_come_back(name: str, kind: str) -> None:
    """Steps of a ten-thousandth of a line, in single precision, are not much more than rounding."""
    before = paths(kind)[15:]
    after = decode_paths(encode_paths(before))
    time = np.linspace(0, 1, T)
    found, expected = (
        path_curve(f"weight_path_{name}", np.where(np.isnan(d), d.swapaxes(1, 2), d).astype(float),
                   time)[1]
        for d in (after, before)
    )  # fmt: skip
    spread = max(1.0, np.nanmax(np.abs(expected)))
    # Four cosines, each known to 0.014 at worst.
    median = 0.016 if name == "carry" else 0.0076
    assert np.nanmedian(np.abs(found - expected)) < median * spread
    assert np.nanmax(np.abs(found - expected)) < 0.075 * spread


def test_a_layer_that_rests_rests() -> None:
    still = distance_table(np.repeat(np.ones((1, 1, 4)), T, axis=1)).astype(np.float32)
    found = decode_paths(encode_paths(still))
    np.testing.assert_array_equal(found, still)


def test_a_path_with_a_gap_is_missing_as_a_whole_and_no_other() -> None:
    before = paths("walk", n=3)
    before[1, 7] = np.nan
    found = decode_paths(encode_paths(before))
    assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]][:, *LOWER]).all()


def test_many_paths_are_coded_as_each_alone() -> None:
    n = CHUNK + 2
    before = np.tile(paths("walk", n=3)[:, :4, :4], (n // 3 + 1, 1, 1))[:n]
    coded = encode_paths(before)
    assert coded.angles.shape == (n, n_angles(4)) and coded.steps.shape == (n, 3)
    found = decode_paths(coded)
    np.testing.assert_array_equal(found, found[np.arange(n) % 3])


def test_whatever_the_bytes_are_what_comes_back_is_a_number_or_missing() -> None:
    rng = np.random.default_rng(0)
    coded = encode_paths(paths("walk", n=50))
    coded.steps[...] = rng.integers(0, 2**16, coded.steps.shape)
    coded.angles[...] = rng.integers(-128, 128, coded.angles.shape)
    found = decode_paths(coded)[:, *LOWER]
    assert not np.isinf(found).any() and (found[np.isfinite(found)] >= 0).all()
