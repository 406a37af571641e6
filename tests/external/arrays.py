"""Checkpoints of a network as arrays, and the npz file that the package reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rule_id.trajectories import atomic_write

__all__ = ["Arrays"]


class Arrays:
    """Collects what is recorded of a model, checkpoint by checkpoint."""

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._arrays: dict[str, list[np.ndarray]] = {}

    def add(
        self,
        step: int,
        activations: Mapping[str, np.ndarray],
        weights: Mapping[str, np.ndarray],
    ) -> None:
        """Add a checkpoint: by layer, activations (stimuli, units) and weights of any shape."""
        self._steps.append(step)
        for kind, layers in (("activations", activations), ("weights", weights)):
            for layer, array in layers.items():
                # A copy: training goes on in the same memory.
                self._arrays.setdefault(f"{kind}/{layer}", []).append(np.array(array, np.float32))

    def save(self, path: Path) -> None:
        """Write all checkpoints."""
        arrays = {key: np.stack(several) for key, several in self._arrays.items()}

        def write(target: Path) -> None:
            with target.open("wb") as file:
                np.savez_compressed(file, steps=self._steps, signal=np.array("model"), **arrays)

        atomic_write(path, write)
