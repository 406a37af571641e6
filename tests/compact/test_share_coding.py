"""What pairs of checkpoints say beside distances, in a byte each."""

from __future__ import annotations

import numpy as np
import pytest

from rule_id.compact_parts.share_coding import (
    COSINES,
    OCTAVES,
    SHARES,
    decode_shares,
    encode_shares,
    n_pairs,
)
from rule_id.schema import PAIRS

T = 6
LOWER = np.tril_indices(T)


def table(name: str, n: int = 400) -> np.ndarray:
    """Values all over the range, nothing above the diagonal."""
    rng = np.random.default_rng(0)
    if name in COSINES:
        x = rng.uniform(-1, 1, (n, T, T))
    else:
        x = 2.0 ** rng.uniform(*OCTAVES[name][:2], (n, T, T))
    x[:, *np.triu_indices(T, 1)] = np.nan
    return x.astype(np.float32)


def back(x: np.ndarray, name: str) -> np.ndarray:
    return decode_shares(encode_shares(x, name), name, T)


def test_all_pairs_that_are_no_distances_are_kept_so() -> None:
    assert [*SHARES] == [name for name in PAIRS if not name.endswith("_distance")]
    assert {*OCTAVES, *COSINES} == set(SHARES) and not set(OCTAVES) & set(COSINES)


@pytest.mark.parametrize("name", OCTAVES)
def test_what_comes_back_is_within_half_a_part_of_an_octave(name: str) -> None:
    x = table(name)
    found = back(x, name)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
    np.testing.assert_allclose(found, x, rtol=0.0084 if name == "weight_gain" else 0.0353)
    assert encode_shares(x, name).shape == (len(x), n_pairs(T))


@pytest.mark.parametrize("name", OCTAVES)
def test_what_is_missing_is_missing_and_nothing_else_is(name: str) -> None:
    x = table(name, n=3)
    x[0, 3, 1], x[1, 4, 4], x[2, 5, 0] = np.nan, np.inf, 0.0
    gone = np.isnan(back(x, name)) & ~np.triu(np.ones((T, T), dtype=bool), 1)
    assert gone.sum(axis=(1, 2)).tolist() == [1, 1, 1]
    assert gone[0, 3, 1] and gone[1, 4, 4] and gone[2, 5, 0]


@pytest.mark.parametrize("name", OCTAVES)
def test_what_lies_beyond_the_range_is_at_its_end(name: str) -> None:
    low, high, _ = OCTAVES[name]
    x = table(name, n=1)
    x[0, 1, 0], x[0, 2, 0] = 2.0 ** (low - 9), 2.0 ** (high + 9)
    found = back(x, name)[0]
    assert found[1, 0] == 2.0**low and found[2, 0] == 2.0**high


def test_whatever_the_bytes_are_what_comes_back_is_above_0_or_missing() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (50, n_pairs(T))).astype(np.uint8)
    found = decode_shares(codes, "weight_gain", T)[:, *LOWER]
    assert (found[~np.isnan(found)] > 0).all() and np.isfinite(found[~np.isnan(found)]).all()
