"""A made-up corpus under a grid of measurements, of which it is known which tell the rules apart.

Activations and weights move over training by an amount that is the rule's own, the same in all of
their statistics, and each measurement adds to it an error that shrinks with units and grows with
noise, the same in all layers of a network. Activity changes move at random. So one unit tells
nothing, `FEW` units and more tell everything without noise, and with noise only all units do.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from synthetic import synthetic_trajectories

from rule_id.trajectories import STATISTICS, Trajectories

FEW = 16
UNITS = 64
ERRORS = {(1, 0.0): 6.0, (FEW, 0.0): 0.02, (UNITS, 0.0): 0.0, (FEW, 4.0): 6.0, (UNITS, 4.0): 0.05}
"""Standard error of the amount by (units, noise); rules differ by 1."""

RULES = ("backprop+adam", "backprop+momentum", "feedback_alignment+momentum")
"""The candidates; the fourth rule of the corpus moves like the first."""


def gridded_trajectories(n_blocks: int = 12, n_checkpoints: int = 4, seed: int = 0) -> Trajectories:
    """Networks of four rules, under those measurements and spikes of `FEW` units."""
    made = synthetic_trajectories(n_blocks, 2, n_checkpoints, seed=seed)
    rng = np.random.default_rng([seed, 1])
    parts = [
        _measured(made, number, units, noise, error, rng)
        for number, ((units, noise), error) in enumerate(ERRORS.items())
    ]
    spikes = _measured(made, len(parts), FEW, 0.0, 0.02, rng)
    unseen = [name for name in STATISTICS if not name.startswith("activation_")]
    parts.append(spikes.assign(observation="poisson", **dict.fromkeys(unseen, np.nan)))
    rows = pd.concat(parts).sort_values(
        ["network", "measurement", "layer", "checkpoint"], ignore_index=True
    )
    rows[list(STATISTICS)] = rows[list(STATISTICS)].astype(np.float32)
    return Trajectories(made.networks, rows, "gridded")


def _measured(
    made: Trajectories, number: int, units: int, noise: float, error: float,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    rules = made.networks.set_index("network")["rule"]
    amount = rules.map({rule: k for k, rule in enumerate(RULES)}).fillna(0).astype(float)
    amount += error * rng.normal(size=len(amount))
    # Multiplied, so that a level that differs from layer to layer does not matter.
    moved = np.exp(made.rows["network"].map(amount) * made.rows["progress"]).to_numpy()
    at_random = np.exp(rng.normal(size=len(made.rows)))
    values = {
        name: 1 + (at_random if name.startswith("activity_change_") else moved)
        for name in STATISTICS
    }
    return made.rows.assign(
        measurement=number, n_units=units, unit_fraction=units / UNITS, noise_std=noise,
        observation="gaussian" if noise else "exact", **values,
    )  # fmt: skip
