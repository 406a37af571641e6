from __future__ import annotations

import numpy as np
import pytest

from rule_id.models.deciding import RATES, _deciding, threshold


def test_a_further_network_is_announced_wrongly_no_more_often_than_the_rate() -> None:
    """Peaks drawn from one distribution: the threshold of n of them against the next one."""
    rng = np.random.default_rng(0)
    peaks = rng.beta(2, 3, size=(4000, 50))
    for rate in (0.05, 0.1, 0.2):
        wrong = np.mean([row[-1] >= threshold(row[:-1], rate) for row in peaks])
        # 4,000 draws: three standard errors.
        margin = 3 * np.sqrt(rate / 4000)
        assert rate - 0.03 - margin < wrong < rate + margin


def test_nothing_is_announced_where_too_few_networks_were_held_out() -> None:
    assert threshold([0.1] * 8, 0.1) > 1
    assert threshold([0.1] * 9, 0.1) <= 1


def test_probabilities_that_were_never_wrong_are_always_announced() -> None:
    assert threshold([0.0] * 100, 0.05) < 1e-300


def test_times_to_a_decision_are_those_of_networks_looked_at_again_and_again() -> None:
    classes = np.array(["a", "b"])
    # Three looks at 40 networks of a: right from the second look on, sure at the third. One is
    # wrong throughout and surer than any.
    p = np.tile([[0.4], [0.6], [0.9]], (1, 40))
    p[:, 0] = 0.05
    found = _deciding(np.stack([p, 1 - p], axis=2), np.array(["a"] * 40), classes, 4)
    assert (found.looks, found.networks, found.blocks) == (3, 40, 4)
    assert found.settled == pytest.approx([2 / 3] * 3)
    # One of 41 is allowed at a rate of 0.05: nothing of the other peaks, 0.6, is announced.
    strict = found.times["0.05"]
    assert strict == {"decided": 39 / 40, "wrong": 1 / 40, "progress": [1.0, 1.0, 1.0]}
    assert set(found.times) == {f"{rate:g}" for rate in RATES}
    assert found.times["0.01"]["progress"] is None
    assert found.threshold(0.01) > 1
    assert found.threshold(0.05) == threshold([0.6] * 39 + [0.95], 0.05)
