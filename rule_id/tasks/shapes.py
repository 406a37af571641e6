"""Drawn shapes: images of eight kinds of figure, each anywhere, of any size and turned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rule_id.tasks.data import TaskData, split, standardised
from rule_id.tasks.teacher import N_EXAMPLES, N_TEST

__all__ = ["SHAPES", "shapes"]

RADIUS = (0.28, 0.44)
"""Of a shape, as a share of the image's side."""

OFFSET = 0.08
"""Farthest that a shape's centre is from the image's along each axis, as a share of the side."""

CONTRAST = (0.5, 1.0)
NOISE_STD = (0.05, 0.25)
"""On each pixel; a shape of contrast 1 stands out from its background by 1."""


def _box(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v))


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    slope = np.sqrt(3) / 2
    return np.maximum(-v, slope * np.abs(u) + v / 2) - 0.5


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.minimum(u, v) - 0.25, np.maximum(u, v) - 0.95)


def _ell(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    upright = np.maximum(np.abs(u + 0.5) - 0.25, np.abs(v) - 0.9)
    lying = np.maximum(np.abs(u) - 0.75, np.abs(v + 0.65) - 0.25)
    return np.minimum(upright, lying)


SHAPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "disc": lambda u, v: np.hypot(u, v) - 0.9,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.75) - 0.2,
    "square": lambda u, v: _box(u, v) - 0.8,
    "frame": lambda u, v: np.abs(_box(u, v) - 0.65) - 0.2,
    "triangle": _triangle,
    "cross": _cross,
    "bar": lambda u, v: np.maximum(np.abs(u) - 1, np.abs(v) - 0.3),
    "ell": _ell,
}
"""Kind to its distance from the edge, negative inside, at (u, v) in radii from the centre."""


def shapes(generator: np.random.Generator, side: int) -> TaskData:
    """Images (1, side, side) of eight kinds of shape, 2,400 examples, as many of each kind.

    Centre within 0.08 of the side from the middle along each axis, radius in 0.28 to 0.44 of the
    side, any rotation, contrast in 0.5 to 1, Gaussian noise on pixels with a standard deviation in
    0.05 to 0.25, all uniform. Edges are smooth over one pixel.

    Args:
        generator: Draws the examples.
        side: Pixels.
    """
    kinds = np.arange(N_EXAMPLES) % len(SHAPES)
    u, v, radius = _coordinates(generator, side)
    distance = np.empty_like(u)
    for index, kind in enumerate(SHAPES.values()):
        these = kinds == index
        distance[these] = kind(u[these], v[these])
    inside = np.clip(0.5 - distance * (radius * side), 0, 1)
    x = _uniform(generator, *CONTRAST) * inside
    x += _uniform(generator, *NOISE_STD) * generator.standard_normal(x.shape, np.float32)
    return standardised(split(x[:, None], kinds, generator, n_test=N_TEST))


def _coordinates(
    generator: np.random.Generator, side: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where each pixel lies in each shape's own frame, (n, side, side), and its radius."""
    pixels = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    right = pixels[None, None, :] - _uniform(generator, -OFFSET, OFFSET)
    down = pixels[None, :, None] - _uniform(generator, -OFFSET, OFFSET)
    radius = _uniform(generator, *RADIUS)
    turn = _uniform(generator, 0, 2 * np.pi)
    right, down = right / radius, down / radius
    u = np.cos(turn) * right + np.sin(turn) * down
    v = np.cos(turn) * down - np.sin(turn) * right
    return u, v, radius


def _uniform(generator: np.random.Generator, low: float, high: float) -> np.ndarray:
    return generator.uniform(low, high, (N_EXAMPLES, 1, 1)).astype(np.float32)
