"""Random numbers that are a function of who draws what, when and where."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from rule_id.rules import Noise
from rule_id.rules.noise import _key, _squares

MASK = 2**64 - 1


def noise(*seeds: int, dtype: torch.dtype = torch.float64) -> Noise:
    return Noise(seeds, "cpu", dtype)


def squares64(counter: int, key: int) -> int:
    """Widynski's listing, in whole numbers of Python."""
    turned = lambda x: ((x >> 32) | (x << 32)) & MASK  # noqa: E731
    x = y = (counter * key) & MASK
    z = (y + key) & MASK
    x = turned((x * x + y) & MASK)
    x = turned((x * x + z) & MASK)
    x = turned((x * x + y) & MASK)
    last = x = (x * x + z) & MASK
    x = turned(x)
    return last ^ (((x * x + y) & MASK) >> 32)


def test_the_bits_are_those_of_the_published_generator() -> None:
    keys = [_key(seed, "purpose") for seed in range(4)]
    counters = [0, 1, 2, 2**40, 2**40 + 1, 2**62 + 12345]
    ours = _squares(torch.tensor(counters), torch.tensor(keys)[:, None])
    expected = [[squares64(c & MASK, k & MASK) for c in counters] for k in keys]
    assert (ours.numpy().astype(np.uint64) == np.array(expected, dtype=np.uint64)).all()


def test_normal_numbers_are_standard_normal() -> None:
    drawn = noise(1).normal("a", (200_000,))[0].numpy()
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(drawn.mean()) < 0.01 and drawn.std() == pytest.approx(1, abs=0.01)
    assert stats.kurtosis(drawn) == pytest.approx(0, abs=0.05)


def test_uniform_numbers_are_uniform_and_never_0_or_1() -> None:
    drawn = noise(1).uniform("a", (200_000,))[0].numpy()
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    assert drawn.min() > 0 and drawn.max() < 1


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4)])
def test_shapes(shape: tuple[int, ...]) -> None:
    assert noise(1, 2, 3).normal("a", shape).shape == (3, *shape)
    assert noise(1, 2, 3).uniform("a", shape).shape == (3, *shape)


def test_networks_purposes_steps_and_places_are_independent() -> None:
    n = 20_000
    source = noise(1, 2)
    a = source.at(3).normal("a", (n,))
    others = [a[1], source.at(4).normal("a", (n,))[0], source.at(3).normal("b", (n,))[0]]
    for other in [*others, a[0].roll(1)]:
        assert abs(float(torch.corrcoef(torch.stack([a[0], other]))[0, 1])) < 0.03
    half = n // 2  # both halves of Box and Muller's pairs
    assert abs(float(torch.corrcoef(torch.stack([a[0, :half], a[0, half:]]))[0, 1])) < 0.03


def test_a_network_draws_the_same_alone_and_in_any_ensemble() -> None:
    together = noise(1, 2, 3).at(5).normal("a", (11,))
    torch.testing.assert_close(noise(2).at(5).normal("a", (11,))[0], together[1], rtol=0, atol=0)


def test_single_and_double_precision_draw_the_same_numbers() -> None:
    double = noise(1, 2).normal("a", (1000,))
    single = noise(1, 2, dtype=torch.float32).normal("a", (1000,))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_the_start_of_training_draws_nothing_that_a_step_draws() -> None:
    source = noise(1)
    assert not torch.equal(source.at(-1).normal("a", (5,)), source.at(0).normal("a", (5,)))
