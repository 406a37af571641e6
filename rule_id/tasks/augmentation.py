"""Two views of an image that show the same thing: crops, shifts and noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from rule_id.tasks.task import Task

__all__ = [
    "GeneratorNoise",
    "NoiseLike",
    "augmented",
    "cropped",
    "held_out_views",
    "two_views",
]

SMALLEST_CROP = 0.75
"""Least side of a crop, as a share of the image's."""

SHIFT = 0.05
"""Farthest that a crop's centre lies beyond where the crop just fits, as a share of the side."""

NOISE_STD = 0.3
"""Standard deviation of the noise on each pixel, in multiples of the pixels' own."""


class NoiseLike(Protocol):
    """A source of draws for each network (`rule_id.rules.Noise` is one)."""

    def normal(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return standard normal numbers (E, *shape); other purposes give independent ones."""

    def uniform(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return numbers uniform between 0 and 1 (E, *shape)."""


class GeneratorNoise:
    """Draws of one network from a NumPy generator, in the order in which they are asked for."""

    def __init__(self, generator: np.random.Generator) -> None:
        """Keep the generator."""
        self._generator = generator

    def normal(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return standard normal numbers (1, *shape), float32."""
        return torch.from_numpy(self._generator.standard_normal((1, *shape), np.float32))

    def uniform(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return numbers uniform between 0 and 1 (1, *shape), float32."""
        return torch.from_numpy(self._generator.random((1, *shape), np.float32))


def two_views(task: Task, x: Tensor, noise: NoiseLike) -> Tensor:
    """Return both views of images, as a contrastive loss takes them.

    Args:
        task: A task with `augment`.
        x: (E, n, *input_shape).
        noise: Draws of this step.

    Returns:
        (E, 2 n, *input_shape): the first views, then the second ones in the same order.
    """
    assert task.augment is not None, task.name
    return torch.cat([task.augment(x, noise, 0), task.augment(x, noise, 1)], 1)


def augmented(x: Tensor, noise: NoiseLike, view: int) -> Tensor:
    """Return a random crop of each image, resized to the image's size, with noise on its pixels.

    The side of a crop is uniform in 0.75 to 1 of the image's; its centre is uniform within where
    the crop fits and a twentieth of the side beyond, where the image's edge is repeated; the noise
    has a standard deviation of 0.3. Images are not mirrored: that changes a digit or a word.

    Args:
        x: Images of unit variance (E, B, channels, height, width).
        noise: Draws of this step.
        view: Which of the two views: they differ in their draws alone.

    Returns:
        The shape of `x`.

    Source: Chen et al. 2020, whose crops these are, weaker because images are small.
    """
    draws = noise.uniform(f"crop of view {view}", (x.shape[1], 3))
    side = SMALLEST_CROP + (1 - SMALLEST_CROP) * draws[..., 0]
    room = (1 - side + 2 * SHIFT)[..., None]
    centre = room * (2 * draws[..., 1:] - 1)
    pixels = noise.normal(f"pixels of view {view}", x.shape[1:])
    return cropped(x, side, centre) + NOISE_STD * pixels


def cropped(x: Tensor, side: Tensor, centre: Tensor) -> Tensor:
    """Return the part of each image that a crop shows, resampled bilinearly to the image's size.

    Args:
        x: Images (E, B, channels, height, width).
        side: Side of the crop as a share of the image's (E, B).
        centre: Its centre (x, y) in halves of the image's side, 0 in the middle (E, B, 2).

    Returns:
        The shape of `x`; beyond the edge, the nearest pixel.
    """
    height, width = x.shape[-2:]
    down, right = (_pixel_centres(n, x) for n in (height, width))
    places = torch.stack([right.expand(height, width), down[:, None].expand(height, width)], -1)
    grid = side[..., None, None, None] * places + centre[..., None, None, :]
    resampled = grid_sample(
        x.flatten(0, 1),
        grid.flatten(0, 1),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return resampled.view(x.shape)


def held_out_views(task: Task, x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return both views (2 n, ...) of one network's test images x (n, ...)."""
    return two_views(task, torch.from_numpy(x)[None], GeneratorNoise(generator))[0].numpy()


def _pixel_centres(n: int, like: Tensor) -> Tensor:
    return (2 * torch.arange(n, device=like.device, dtype=like.dtype) + 1) / n - 1
