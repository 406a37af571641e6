"""Tasks of which a network learns by reward alone; their losses keep no state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rule_id.tasks.data import TaskData, split, standardised
from rule_id.tasks.teacher import N_EXAMPLES, N_TEST, gaussian_inputs, random_teacher

__all__ = ["N_ARMS", "N_CONTEXT", "N_MOVING", "N_TUNED", "bandit", "cursor_task", "turned_decoder"]

N_CONTEXT, N_ARMS = 20, 5
REWARD_NOISE = 0.5
"""Standard deviation of a single reward about its mean, in multiples of the means' own."""

N_TUNED, N_MOVING = 24, 16
"""Input units that are tuned to the target, output units that move the cursor."""

RATE_NOISE = 0.2
"""Standard deviation of an input unit's rate, in multiples of its largest modulation."""

NEAREST = 0.2
"""Least distance of a target, as a share of the greatest."""

FARTHEST = np.sqrt(6 / (1 + NEAREST + NEAREST**2))
"""Greatest distance of a target: each of its coordinates then has unit variance."""

N_SECTORS = 8


def bandit(generator: np.random.Generator) -> TaskData:
    """Contextual bandit: a context (20,) and what each of 5 arms would pay, 2,400 examples.

    The mean reward of the arms is a smooth function of the context, `random_teacher`, of zero mean
    and unit variance for each arm, so that none is best on the whole. Training targets are single
    rewards, with Gaussian noise of standard deviation 0.5; test targets are the means, so that
    performance can reach 1. Groups are the best arm.

    Args:
        generator: Draws contexts, teacher and rewards.
    """
    x = gaussian_inputs(generator, N_EXAMPLES, N_CONTEXT)
    means = random_teacher(x, N_ARMS, generator)
    data = split(x, means, generator, n_test=N_TEST, groups=means.argmax(1))
    noise = generator.standard_normal(data.train_y.shape, np.float32)
    return replace(data, train_y=data.train_y + REWARD_NOISE * noise)


def cursor_task(generator: np.random.Generator) -> TaskData:
    """Reaching with a cursor that a fixed decoder moves: tuned units (24,), 2,400 examples.

    Targets t lie in the plane, direction uniform, distance uniform in 0.2 to 1, then scaled to
    unit variance of each coordinate. Unit i fires max(0, b_i + t . p_i) with its preferred
    direction p_i at random and b_i uniform in 0 to 1 of the farthest distance, with Gaussian noise
    of 0.2 of it, and is then standardised. The decoder D (2, 16) is standard normal, scaled such
    that the largest eigenvalue of D^T D is 1; it stands in every target behind the position, row by
    row. Groups are eight sectors of the direction.

    Args:
        generator: Draws tuning, decoder and examples.

    Source: after brain-machine-interface studies of learning and their changes of the decoder
    (Ganguly & Carmena 2009; Sadtler et al. 2014), reduced to the end point of a reach.
    """
    direction = generator.uniform(0, 2 * np.pi, N_EXAMPLES)
    distance = FARTHEST * generator.uniform(NEAREST, 1, N_EXAMPLES)
    target = distance[:, None] * _unit_vectors(direction)
    x = _tuned_rates(target, generator)
    decoder = generator.standard_normal((2, N_MOVING))
    decoder /= np.linalg.norm(decoder, 2)
    y = np.concatenate([target, np.tile(decoder.ravel(), (N_EXAMPLES, 1))], axis=1)
    sector = np.minimum(direction * N_SECTORS / (2 * np.pi), N_SECTORS - 1)
    data = split(x, y, generator, n_test=N_TEST, groups=sector)
    return standardised(data, centre=[0], scale=[0])


def turned_decoder(data: TaskData, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets (train_y, test_y) with the decoder turned by 90 degrees, left or right."""
    sign = int(generator.choice([-1, 1]))
    return _turned(data.train_y, sign), _turned(data.test_y, sign)


def _turned(y: np.ndarray, sign: int) -> np.ndarray:
    first, second = np.split(y[:, 2:], 2, axis=1)  # the decoder's rows
    return np.concatenate([y[:, :2], -sign * second, sign * first], axis=1)


def _tuned_rates(target: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the rates (n, N_TUNED) of units at random preferred directions."""
    preferred = _unit_vectors(generator.uniform(0, 2 * np.pi, N_TUNED))
    baseline = FARTHEST * generator.uniform(0, 1, N_TUNED)
    noise = generator.standard_normal((len(target), N_TUNED))
    return np.maximum(0, baseline + target @ preferred.T) + RATE_NOISE * FARTHEST * noise


def _unit_vectors(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], -1)
