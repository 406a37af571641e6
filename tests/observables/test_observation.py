"""Closed forms of the observation models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.observables.draws import generator
from rule_id.observables.observation import (
    BASELINE,
    GAIN_DRIFT,
    HALF_SATURATION,
    fluorescence,
    gains,
    positive_scale,
    spike_counts,
)

ONE = torch.ones(2, dtype=torch.float64)


def sources(n: int = 2) -> list[np.random.Generator]:
    return [generator(seed, "counts", 0, 0) for seed in range(n)]


def constant(level: float, stimuli: int = 200, units: int = 100) -> torch.Tensor:
    return torch.full((2, stimuli, units), level, dtype=torch.float64)


@pytest.mark.parametrize(("level", "scale", "counts"), [(1.5, 1.0, 4.0), (0.6, 2.0, 0.5)])
def test_counts_of_constant_activity_have_the_mean_and_variance_of_poisson(
    level: float, scale: float, counts: float
) -> None:
    seen = spike_counts(constant(level), scale * ONE, counts, sources())
    expected = level * scale / counts  # the variance
    n = seen[0].numel()
    mean, var = seen.mean((1, 2)), seen.var((1, 2))
    assert ((mean - level).abs() < 5 * (expected / n) ** 0.5).all()
    assert ((var / expected - 1).abs() < 0.1).all()
    spikes = seen * counts / scale
    torch.testing.assert_close(spikes, spikes.round())


def test_a_rate_is_not_negative() -> None:
    assert not spike_counts(constant(-1.0), ONE, 10.0, sources()).any()
    c = fluorescence(constant(-1.0, 1, 3), ONE, torch.ones(2, 3, dtype=torch.float64))
    assert (c == BASELINE).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so_and_what_is_huge_is_not_refused(bad: float) -> None:
    x = constant(1.0, 2, 3)
    x[0, 1, 2], x[1, 0, 0] = bad, 1e30
    seen = spike_counts(x, ONE, 10.0, sources())
    assert torch.equal(seen.isfinite(), x.isfinite())
    assert seen[1, 0, 0] == pytest.approx(1e30)
    for scale in (0.0, float("nan")):
        assert not spike_counts(constant(1.0, 2, 3), scale * ONE, 10.0, sources()).isfinite().any()


def test_the_positive_scale_is_that_of_active_units_alone() -> None:
    x = torch.tensor([[[3.0, 4.0, 0.0, -7.0]], [[0.0, -1.0, 0.0, 0.0]]])
    scale = positive_scale(x)
    assert scale[0] == pytest.approx(np.sqrt(12.5)) and scale[1].isnan()


def test_fluorescence_saturates_and_half_of_it_comes_at_half_saturation() -> None:
    levels = torch.tensor([0.0, HALF_SATURATION, 1e9], dtype=torch.float64)
    x = 3.0 * levels.expand(2, 1, 3)
    gain = torch.tensor([[1.0] * 3, [2.0] * 3], dtype=torch.float64)
    seen = fluorescence(x, 3.0 * ONE, gain)
    expected = torch.tensor([BASELINE, BASELINE + 0.5, BASELINE + 1], dtype=torch.float64)
    torch.testing.assert_close(seen[:, 0], gain * expected)


def test_gains_are_a_random_walk_of_each_unit() -> None:
    seeds, n = [1, 2], 20_000
    walk = np.log(np.stack([gains(seeds, 3, n, k) for k in range(5)]))
    assert not walk[0].any()
    steps = np.diff(walk, axis=0)
    np.testing.assert_allclose(steps.std(-1), GAIN_DRIFT, rtol=0.05)
    np.testing.assert_allclose(walk[4].std(-1), 2 * GAIN_DRIFT, rtol=0.05)  # the root of 4 steps
    assert abs(np.corrcoef(steps[:, 0])[np.triu_indices(4, 1)]).max() < 0.05
    assert abs(np.corrcoef(walk[4])[0, 1]) < 0.05


def test_gains_are_those_of_the_network_whatever_is_beside_it() -> None:
    np.testing.assert_array_equal(gains([5, 6], 0, 7, 4)[1], gains([6], 0, 7, 4)[0])
