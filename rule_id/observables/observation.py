"""Observation models of recordings: from activations to spike counts and to fluorescence.

Both see only what is above 0, since neither a rate nor a concentration is negative, and both
measure it against the layer's own activity at the first checkpoint, so that the scale of a
network's activations makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rule_id.observables.draws import generator

__all__ = [
    "BASELINE",
    "GAIN_DRIFT",
    "HALF_SATURATION",
    "fluorescence",
    "gains",
    "positive_scale",
    "spike_counts",
]

BASELINE = 0.2
"""F_0, the fluorescence of a silent unit, in units of the most that activity adds to it. Not 0, so
that levels and their ratios do not mean what they mean in activations."""

HALF_SATURATION = 2.0
"""K, the activity that gives half of that most, in standard deviations of the layer at the first
checkpoint. Common activity is seen nearly in proportion, the most active units are compressed."""

GAIN_DRIFT = 0.03
"""Standard deviation of the step that a unit's natural log gain takes from one checkpoint to the
next: gains differ by 3% after one step and by 13% after 20."""

LARGEST_RATE = 1e15
"""Above it the noise of counts is less than single precision resolves; NumPy draws up to 9e18."""


def positive_scale(x: Tensor) -> Tensor:
    r"""Return s = \sqrt{mean of x² over the entries above 0} of each network.

    Args:
        x: Activations (E, stimuli, units), any unit.

    Returns:
        s (E,), in the unit of x; NaN for a network that is silent.
    """
    positive = torch.relu(x).flatten(1)
    return (positive.square().sum(1) / (positive > 0).sum(1)).sqrt()


def spike_counts(
    x: Tensor, scale: Tensor, counts: float, sources: Sequence[np.random.Generator]
) -> Tensor:
    r"""Return spike counts for activations, in the unit of activations.

    n ~ Poisson(r) with r = C max(x, 0) / s; what is returned is n s / C, whose mean is max(x, 0)
    and whose variance max(x, 0) s / C.

    Args:
        x: Activations (E, stimuli, units).
        scale: s of each network (E,), in the unit of x, above 0.
        counts: C, mean number of spikes at x = s, above 0.
        sources: A generator for each network (E,).

    Returns:
        n s / C (E, stimuli, units); not finite where x is not, or where s is 0 or NaN.
    """
    unit = (scale / counts)[:, None, None]
    rates = (torch.relu(x) / unit).cpu().double().numpy()
    drawn = np.stack([_poisson(source, rate) for source, rate in zip(sources, rates, strict=True)])
    return torch.as_tensor(drawn).to(x.device, x.dtype) * unit


def _poisson(source: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    # A network that diverges has rates that NumPy refuses to draw from: they stay as they are.
    usual = rates < LARGEST_RATE
    drawn = rates.copy()
    drawn[usual] = source.poisson(rates[usual])
    return drawn


def fluorescence(x: Tensor, scale: Tensor, gain: Tensor) -> Tensor:
    r"""Return the noiseless fluorescence of an indicator that saturates.

    F = g (F_0 + c / (c + K)) with c = max(x, 0) / s, F_0 = `BASELINE`, K = `HALF_SATURATION`.

    Args:
        x: Activations (E, stimuli, units).
        scale: s of each network (E,), in the unit of x, above 0.
        gain: g of each unit (E, units), dimensionless, 1 for one that has not drifted.

    Returns:
        F (E, stimuli, units), dimensionless, from g F_0 to g (F_0 + 1); not finite where x is not,
        or where s is 0 or NaN.
    """
    c = torch.relu(x) / scale[:, None, None]
    return gain[:, None] * (BASELINE + c / (c + HALF_SATURATION))


def gains(seeds: Sequence[int], layer: int, n: int, checkpoint: int) -> np.ndarray:
    r"""Return how far the gain of each unit has drifted by a checkpoint.

    g_k = \exp(\sum_{j=1}^{k} \epsilon_j), \epsilon_j normal with standard deviation `GAIN_DRIFT`,
    independent over units, layers and networks. A unit drifts whether it is seen or not.

    Args:
        seeds: A seed for each network (E,).
        layer: Position of the layer.
        n: Units of the layer.
        checkpoint: k, 0 or more; gains are 1 at the first.

    Returns:
        g_k (E, n), dimensionless, above 0.
    """
    steps = [
        generator(seed, "gain", layer, 0).standard_normal((checkpoint, n)).sum(0) for seed in seeds
    ]
    return np.exp(GAIN_DRIFT * np.stack(steps))
