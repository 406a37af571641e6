from __future__ import annotations

import numpy as np
import torch

from rule_id.rules import Noise
from rule_id.tasks import TASKS, two_views
from rule_id.tasks.augmentation import NOISE_STD, GeneratorNoise, augmented, cropped

TASK = TASKS["contrastive_digits"]


def images(n_networks: int = 2, n: int = 5, side: int = 8) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.randn(n_networks, n, 1, side, side, generator=source, dtype=torch.float64)


def noise(seeds: tuple[int, ...]) -> Noise:
    return Noise(seeds, "cpu", torch.float64)


def test_a_crop_of_the_whole_is_the_image() -> None:
    x = images()
    torch.testing.assert_close(
        cropped(x, torch.ones(2, 5).double(), torch.zeros(2, 5, 2).double()), x
    )


def test_a_crop_moves_by_whole_pixels_and_repeats_the_edge() -> None:
    x = images()
    centre = torch.tensor([2 / 8, 0.0]).double().expand(2, 5, 2)  # one pixel to the right
    moved = cropped(x, torch.ones(2, 5).double(), centre)
    torch.testing.assert_close(moved[..., :-1], x[..., 1:])
    torch.testing.assert_close(moved[..., -1], x[..., -1])


def test_a_crop_of_a_ramp_is_a_flatter_ramp() -> None:
    ramp = torch.arange(8).double().expand(1, 1, 1, 8, 8)
    half = cropped(ramp, torch.full((1, 1), 0.5).double(), torch.zeros(1, 1, 2).double())
    expected = 3.5 + 0.5 * (torch.arange(8).double() - 3.5)
    torch.testing.assert_close(half[0, 0, 0], expected.expand(8, 8))


def test_views_differ_and_come_one_after_the_other() -> None:
    x = images()
    views = two_views(TASK, x, noise((1, 2)))
    assert views.shape == (2, 10, 1, 8, 8)
    torch.testing.assert_close(views[:, :5], augmented(x, noise((1, 2)), 0))
    torch.testing.assert_close(views[:, 5:], augmented(x, noise((1, 2)), 1))
    assert (views[:, :5] - views[:, 5:]).abs().mean() > 0.1


def test_a_network_gets_the_same_views_alone_and_in_an_ensemble() -> None:
    x = images()
    together, alone = augmented(x, noise((1, 2)), 0), augmented(x[1:], noise((2,)), 0)
    torch.testing.assert_close(together[1:], alone, rtol=0, atol=1e-12)


def test_a_blank_image_gets_noise_alone() -> None:
    view = augmented(torch.zeros(1, 200, 1, 8, 8), GeneratorNoise(np.random.default_rng(0)), 0)
    assert abs(float(view.std()) - NOISE_STD) < 0.01
    assert abs(float(view.mean())) < 0.01


def test_noise_of_a_generator_is_its_own() -> None:
    one, same = (GeneratorNoise(np.random.default_rng(0)) for _ in range(2))
    assert torch.equal(one.uniform("a", (3, 2)), same.uniform("b", (3, 2)))
    assert one.normal("a", (4,)).shape == (1, 4)
