"""Trains a planned network and records it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from external.plan import PlannedNetwork
from external.tasks import LEARNED, Task, load_task

__all__ = ["CHECKPOINTS", "Learner", "batches", "record", "seeded", "train"]

CHECKPOINTS = 21


class Learner(Protocol):
    """A network, the library that trains it, and what is recorded of it."""

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """Learn from a batch."""

    def checkpoint(self, step: int) -> None:
        """Record the network as it is."""

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the last layer's outputs (n, n_out), before any softmax."""

    def save(self, path: Path) -> None:
        """Write what was recorded as an npz file."""


def batches(n: int, size: int, steps: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the indices of as many batches as steps, pass by pass through n shuffled examples."""
    rng = np.random.default_rng(seed)
    order = np.empty(0, dtype=np.int64)
    for _ in range(steps):
        if len(order) < size:
            order = rng.permutation(n)
        yield order[:size]
        order = order[size:]


def train(network: PlannedNetwork, task: Task) -> Learner:
    """Train a network, with 21 checkpoints evenly spaced, the first before it learns."""
    learner = _learner(network, task)
    when = np.linspace(0, network.steps, CHECKPOINTS).round().astype(int)
    learner.checkpoint(0)
    chosen = batches(len(task.x_train), network.batch_size, network.steps, network.seed)
    for step, index in enumerate(chosen, start=1):
        learner.step(task.x_train[index], task.y_train[index])
        if step in when:
            learner.checkpoint(step)
    return learner


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator, which layers draw from, and leave it as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def record(network: PlannedNetwork, folder: Path) -> dict[str, Any]:
    """Train a network and write its recording, unless that is there already.

    Args:
        network: What to train.
        folder: Gets `<name>.npz`, and `<name>.json` with what is known of the network.

    Returns:
        What is known: all that was planned, `score`, its held-out accuracy or R squared, and
        `learned`, whether that is what `LEARNED` asks for.
    """
    recording, notes = folder / f"{network.name}.npz", folder / f"{network.name}.json"
    planned = json.loads(json.dumps(asdict(network)))
    if recording.is_file() and notes.is_file():
        known: dict[str, Any] = json.loads(notes.read_text())
        if planned.items() <= known.items():
            return known
    task = load_task(network.task, network.seed)
    with seeded(network.seed):
        learner = train(network, task)
        score = task.score(learner.outputs(task.x_test))
    known = {**planned, "score": score, "learned": score >= LEARNED[network.task]}
    folder.mkdir(parents=True, exist_ok=True)
    # The recording is last: it says that the network is done.
    recording.unlink(missing_ok=True)
    notes.write_text(json.dumps(known, indent=1) + "\n")
    learner.save(recording)
    return known


def _learner(network: PlannedNetwork, task: Task) -> Learner:
    if network.source == "sklearn":
        from external.sklearn_learner import SklearnLearner

        return SklearnLearner(network, task)
    from external.torch_learner import TorchLearner

    return TorchLearner(network, task)
