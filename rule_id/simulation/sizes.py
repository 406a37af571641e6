"""How many networks to simulate together: measured once on each machine, then remembered.

Few networks leave a processor waiting for Python, many leave its cache, and where the best number
lies depends on the machine and on how large a network is. The sizes that were used stand in the
manifest of the corpus, since they decide on its parts, and whoever goes on with it keeps to them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from rule_id.errors import InputError
from rule_id.folders import cache_folder
from rule_id.machine import processor
from rule_id.networks import get_architecture
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.stepper import Stepper
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.simulation.workers import memory_kept, one_thread
from rule_id.trajectories import atomic_write

__all__ = ["CANDIDATES", "Sizes", "class_of", "machine_name", "usual_size"]

CANDIDATES = {"cpu": (4, 8, 16, 32, 64), "cuda": (128, 256, 512, 1024, 2048, 4096, 8192)}
"""Sizes that are tried, by device."""

STEPS, ENOUGH = 8, 0.97
"""Steps that are timed, and the share of the best speed with which a smaller ensemble will do."""


def usual_size(ensemble: Ensemble) -> int:
    """Return a size that was good on one machine, where nothing shall be measured."""
    group = get_architecture(ensemble.shape.architecture).group
    return 16 if group in ("dense", "recurrent") else 8


class Sizes:
    """Chooses sizes by measurement, the same for networks of one class.

    Attributes:
        chosen: The size for each class that was asked for (`class_of`).
    """

    def __init__(
        self,
        device: str,
        known: Mapping[str, int] | None = None,
        *,
        fixed: int | None = None,
        cache: Path | None = None,
    ) -> None:
        """Read what this machine has measured before.

        Args:
            device: Where networks are simulated.
            known: Sizes that a corpus was begun with, which hold before all else.
            fixed: One size for all, which is not measured.
            cache: The file of sizes; when left out one in the folder RULE_ID_CACHE, or
                ~/.cache/rule-id where that is not set.
        """
        self.chosen = {name: size for name, size in (known or {}).items() if _is_size(size)}
        self._device, self._fixed = device, fixed
        self._cache = cache

    def __call__(self, ensemble: Ensemble) -> int:
        """Return how many of these networks to simulate together.

        Args:
            ensemble: All networks of one rule, shape and measurement.
        """
        if self._fixed is not None:
            return self._fixed
        least = CANDIDATES[self._device][0]
        if len(ensemble.networks) <= least:
            return least
        name = class_of(ensemble)
        if name not in self.chosen:
            self.chosen[name] = self._remembered(name) or self._measured(name, ensemble)
        return self.chosen[name]

    def _remembered(self, name: str) -> int | None:
        self._cache = self._cache or _cache_file()
        size = _read(self._cache).get(machine_name(self._device), {}).get(name)
        return size if _is_size(size) else None

    def _measured(self, name: str, ensemble: Ensemble) -> int:
        size = _best(ensemble, self._device)
        if self._cache is None:
            return size
        known, machine = _read(self._cache), machine_name(self._device)
        known[machine] = {**known.get(machine, {}), name: size}
        text = json.dumps(known, indent=1, sort_keys=True)
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._cache, lambda path: path.write_text(text))
        except OSError:
            pass  # it is measured again the next time
        return size


def class_of(ensemble: Ensemble) -> str:
    """Name the networks that share a size: one group of architectures, one power of 4 of work."""
    work = ensemble.network.n_products() * ensemble.shape.batch_size
    rounded = 4 ** (work.bit_length() // 2)
    return f"{get_architecture(ensemble.shape.architecture).group}, {rounded:.0e} products a step"


def machine_name(device: str) -> str:
    """Return what a speed depends on: processor, cores, and the version of torch."""
    name = torch.cuda.get_device_name() if device == "cuda" else processor()
    return f"{name}, {os.cpu_count()} cores, torch {torch.__version__}"


def _best(ensemble: Ensemble, device: str) -> int:
    """Time a few steps at growing sizes until they no longer pay."""
    speeds: dict[int, float] = {}
    for size in CANDIDATES[device]:
        try:
            speeds[size] = _speed(ensemble, size, device)
        except torch.OutOfMemoryError:
            break  # the size before is the largest that fits
        if speeds[size] < ENOUGH * max(speeds.values()) or size >= len(ensemble.networks):
            break
    if not speeds:
        return _largest_that_fits(ensemble, CANDIDATES[device][0] // 2, device)
    wanted = ENOUGH * max(speeds.values())
    return min(size for size, speed in speeds.items() if speed >= wanted)


def _largest_that_fits(ensemble: Ensemble, size: int, device: str) -> int:
    """Halve a size until the device has memory enough for it."""
    while size:
        try:
            _speed(ensemble, size, device)
            return size
        except torch.OutOfMemoryError:
            size //= 2
    architecture = ensemble.shape.architecture
    raise InputError(f"device must have memory for one {architecture}; {device} has not")


def _speed(ensemble: Ensemble, size: int, device: str) -> float:
    """Return network-steps a second, those of the setting up left out."""
    times = -(-size // len(ensemble.networks))
    shape = replace(ensemble.shape, steps=3 * STEPS, pretraining_steps=0)
    networks = [replace(draw, pretrained_by="none") for draw in ensemble.networks * times]
    trial = replace(ensemble, shape=shape, networks=tuple(networks[:size]))
    with memory_kept(), one_thread():
        data = EnsembleData(trial, device, torch.float32)
        stepper = Stepper(Learner(trial, data, device, torch.float32), data)
        seconds = []
        for rounds in range(1, 4):
            begin = time.perf_counter()
            stepper.run(until=rounds * STEPS)
            if device == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begin)
    return size * STEPS / min(seconds[1:])


def _cache_file() -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / "ensemble_sizes.json"


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _read(path: Path | None) -> dict[str, dict[str, int]]:
    """Return what a cache file holds, nothing where it is missing or no such file."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: own for name, own in found.items() if isinstance(own, dict)}
