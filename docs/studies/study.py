"""What the studies share: networks that are trained and looked at, parts on disk, small tables."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import rule_id
from rule_id.rules import Batch, Noise, teach
from rule_id.rules.tensors import angle_between
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.trajectories import atomic_write

__all__ = [
    "DOCS",
    "feedback_of",
    "gradient_angle",
    "large_batch",
    "markdown_table",
    "mean_and_sem",
    "part",
    "train",
    "versions",
    "weight_angle",
]

DOCS = Path(__file__).resolve().parents[1]
CORPORA = DOCS.parent / "corpora"
"""Git ignores it; parts of a study lie here, so that an interrupted command goes on."""

CODE = ("rules", "networks", "tasks", "simulation/training.py")
"""What of the package a result depends on besides its settings."""


def train(
    ensemble: Ensemble, watch: Callable[[Learner, EnsembleData, int], None] | None = None
) -> tuple[Learner, EnsembleData]:
    """Train an ensemble.

    Args:
        ensemble: Its networks and all that they drew.
        watch: Called before the first step, after half of the steps and after the last.

    Returns:
        The networks as they ended, and their data.
    """
    data = EnsembleData(ensemble, "cpu", torch.float32)
    learner = Learner(ensemble, data, "cpu", torch.float32)
    steps = ensemble.shape.steps
    for step in range(steps + 1):
        if watch is not None and step in (0, steps // 2, steps):
            watch(learner, data, step)
        if step < steps:
            learner.step(data.batch(step), step)
    return learner, data


def final_accuracy(learner: Learner, steps: int) -> list[float | None]:
    """Return each network's accuracy after so many steps, None for one that has diverged."""
    loss, accuracy = learner.evaluate(steps)
    weights = learner.network.flatten(learner.parameters)
    sound = torch.isfinite(loss) & torch.isfinite(accuracy) & torch.isfinite(weights).all(1)
    return [float(a) if fine else None for a, fine in zip(accuracy, sound, strict=True)]


def large_batch(learner: Learner, data: EnsembleData, batches: int = 8) -> Batch:
    """Return the first batches of training as one, as the networks take them."""
    parts = [data.batch(step) for step in range(batches)]
    x, y = torch.cat([p.x for p in parts], 1), torch.cat([p.y for p in parts], 1)
    return Batch(learner.network.arrange(x), y, parts[0].loss)


def gradient_angle(learner: Learner, batch: Batch, noise: Noise) -> Tensor:
    """Return the angle of the hidden layers' pseudo-gradient to their gradient, degrees (E,).

    The step's new state is thrown away, so that the networks learn as if they had not been seen.

    Args:
        learner: The networks.
        batch: What both are computed on.
        noise: Draws that no step of training makes.
    """
    own, network = learner.rule.credit_assignment, learner.network
    # What `Learner.step` adds to the hyperparameters: the schedule's factor, here none.
    given = {**learner.hyperparameters, "rate_factor": torch.ones(len(batch.x))}
    with torch.no_grad():
        pseudo, state, _ = own.step(
            network, learner.parameters, learner.state.assignment, batch, given, noise
        )
        if own.name == "random_drift" and own.follow is not None:
            # Its direction is that of the change.
            pseudo, _ = own.follow(pseudo, learner.parameters, state, given)
        true, _, _ = teach(network, learner.parameters, batch)
    n_hidden = sum(tensor[0].numel() for layer in true[:-1] for tensor in layer.values())
    return angle_between(network.flatten(pseudo)[:, :n_hidden], network.flatten(true)[:, :n_hidden])


def feedback_of(learner: Learner, noise: Noise) -> list[Tensor] | None:
    """Return B^T of each layer, in the shape of W; None for a rule without layerwise feedback.

    Sign symmetry keeps no B: it is made again from the signs of W and magnitudes drawn as the rule
    draws them. The scale of a layer is left out, for no angle depends on it.
    """
    state, name = learner.state.assignment, learner.rule.credit_assignment.name
    signs = [own["weight"].sign() for own in learner.parameters]
    if name == "sign_symmetry_uniform":
        return signs
    if name == "sign_symmetry_batchwise_random":
        return [s * noise.uniform(f"{i}", s.shape[1:]) for i, s in enumerate(signs)]
    if name == "sign_symmetry_fixed_random":
        return [s * b.abs() for s, b in zip(signs, state["feedback"], strict=True)]
    return state.get("feedback")


def weight_angle(learner: Learner, noise: Noise) -> Tensor | None:
    """Return the angle of B^T to W, degrees (E,): the mean over all layers but the first.

    The first layer sends nothing back. None for a rule without layerwise feedback.
    """
    feedback = feedback_of(learner, noise)
    if feedback is None:
        return None
    angles = [
        angle_between(b, own["weight"])
        for b, own in zip(feedback[1:], learner.parameters[1:], strict=True)
    ]
    return torch.stack(angles).mean(0)


def part(study: str, name: str, settings: Any, compute: Callable[[], Any]) -> Any:
    """Return a part of a study: read it, or compute it and write it.

    Args:
        study: Name of the study, and of its folder.
        name: Name of the part, the beginning of its file's name.
        settings: All that it depends on besides the code, as JSON; another value, or other code
            of the rules, makes another file.
        compute: Makes what is written, as JSON.
    """
    text = json.dumps([settings, code_digest()], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = CORPORA / study / f"{name}-{key}.json"
    if not path.exists():
        begin = time.perf_counter()
        result = {"result": compute(), "seconds": round(time.perf_counter() - begin, 2)}
        atomic_write(path, lambda target: target.write_text(json.dumps(result)))
        print(f"{name}: {result['seconds']} s", flush=True)
    return json.loads(path.read_text())["result"]


def code_digest() -> str:
    """Return a hash of the code that simulates."""
    root = Path(rule_id.__file__).parent
    files = [f for one in CODE for f in sorted({root / one, *(root / one).glob("*.py")})]
    text = b"".join(f.read_bytes() for f in files if f.is_file())
    return hashlib.sha256(text).hexdigest()[:16]


def mean_and_sem(values: Sequence[float | None]) -> tuple[float, float, int]:
    """Return mean, standard error of the mean, and how many values are missing.

    >>> mean_and_sem([1.0, 3.0, None])
    (2.0, 1.0, 1)
    """
    known = np.array([v for v in values if v is not None and np.isfinite(v)])
    missing = len(values) - len(known)
    if len(known) == 0:
        return float("nan"), float("nan"), missing
    sem = known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else float("nan")
    return float(known.mean()), float(sem), missing


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, its first column to the left and the others to the right.

    >>> print(markdown_table(["rule", "n"], [["a", "1"]]))
    | rule | n |
    |:--|--:|
    | a | 1 |
    """
    marks = ["|:--|", *["--:|"] * (len(header) - 1)]
    lines = ["| " + " | ".join(header) + " |", "".join(marks)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def versions() -> str:
    """Return the versions that numbers depend on, in words."""
    names = ("torch", "numpy", "scikit-learn")
    others = ", ".join(f"{name} {version(name)}" for name in names)
    return f"rule-id {rule_id.__version__}, Python {platform.python_version()}, {others}"
