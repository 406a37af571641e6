"""Made-up features of trajectories: a course over checkpoints that depends on the rule."""

from __future__ import annotations

import numpy as np

CHECKPOINTS = 10
STATISTICS = 4
RULES = np.array(["backprop+adam", "backprop+sgd", "hebbian"])


def planted(
    signal: float, seed: int = 0, n: int = 240, codes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Columns as `extract` gives them, with a course over checkpoints that depends on the rule."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n) if codes is None else codes
    series = rng.normal(size=(len(codes), STATISTICS, CHECKPOINTS))
    wave = np.sin(np.arange(CHECKPOINTS)[None] * (codes[:, None] + 1))
    series[:, 1] += signal * wave
    flags = np.eye(3)[rng.integers(3, size=len(codes))]
    X = np.hstack([series.reshape(len(codes), -1), flags]).astype(np.float32)
    X[:, :-3][rng.random((len(codes), X.shape[1] - 3)) < 0.03] = np.nan
    return X, RULES[codes]
