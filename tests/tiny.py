"""A plan that takes a second, for tests of where and how it is simulated."""

from __future__ import annotations

import tomllib

__all__ = ["PLAN", "TOML"]

TOML = """
schema = 1
seed = 7
checkpoints = 3
ensemble_size = 1

[[ensembles]]
rules = ["backprop+adam", "oja+sgd"]
blocks = 3
networks_per_rule = 1
architecture = "dense1"
width = { choice = [8, 16] }
steps = 6
stimuli = 8

[[measurements]]
units = 1.0
"""

PLAN = tomllib.loads(TOML)
