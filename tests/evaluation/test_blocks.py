from __future__ import annotations

import numpy as np
import pytest

from rule_id.evaluation.blocks import block_sem


def test_blocks_of_one_give_the_usual_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=50)
    expected = values.std(ddof=1) / np.sqrt(50)
    assert block_sem(values, np.arange(50)) == pytest.approx(expected)


def test_copies_within_a_block_say_nothing_new() -> None:
    values = np.random.default_rng(0).normal(size=30)
    alone = block_sem(values, np.arange(30))
    assert block_sem(np.repeat(values, 7), np.repeat(np.arange(30), 7)) == pytest.approx(alone)


def test_it_is_how_much_a_mean_varies_where_blocks_have_much_in_common() -> None:
    rng = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(400):
        blocks = np.repeat(np.arange(25), rng.integers(1, 12, size=25))
        values = rng.normal(size=25)[blocks] + 0.3 * rng.normal(size=len(blocks))
        means.append(values.mean())
        errors.append(block_sem(values, blocks))
    # Four times as large as if networks were independent.
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)
    assert np.std(means) > 1.8 / np.sqrt(25 * 6)


def test_a_weight_counts_as_that_many_copies() -> None:
    rng = np.random.default_rng(0)
    values, blocks = rng.normal(size=20), np.arange(20) // 3
    weights = rng.integers(0, 4, size=20)
    copies = block_sem(np.repeat(values, weights), np.repeat(blocks, weights))
    # The same blocks have weight in both.
    assert len(np.unique(np.repeat(blocks, weights))) == 7
    assert block_sem(values, blocks, weights) == pytest.approx(copies)


def test_one_block_has_no_error() -> None:
    assert np.isnan(block_sem(np.array([1.0, 2.0]), ["a", "a"]))
    assert np.isnan(block_sem(np.array([1.0, 2.0]), [0, 1], np.zeros(2)))
