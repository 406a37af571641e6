"""A recording of a network that plain torch trained, as a user of torch would make it.

Nothing here is shared with the simulator: `torch.nn`, `torch.optim`, an ordinary loop.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from rule_id.trajectories import atomic_write

__all__ = ["write_example_recording"]


def write_example_recording(
    path: str | Path, *, seed: int = 0, steps: int = 300, checkpoints: int = 15
) -> Path:
    """Train a network on digits by backprop with Adam and write what one would record of it.

    Args:
        path: The `.npz` file to write.
        seed: Of initial weights and batches.
        steps: Steps of training.
        checkpoints: Times at which it is recorded, 2 or more, evenly spaced.

    Returns:
        `path`.
    """
    generator = torch.Generator().manual_seed(seed)
    images, labels = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
    images = ((images - images.mean(0)) / images.std()).float()
    order = torch.randperm(len(images), generator=generator)
    stimuli, training = order[:100], order[100:]
    model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(),
                          nn.Linear(48, 10))  # fmt: skip
    for parameter in model.parameters():
        bound = 1 / np.sqrt(parameter.shape[-1])
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    when = np.linspace(0, steps, checkpoints).round().astype(int)
    recorded: dict[str, list[np.ndarray]] = {}
    for step in range(steps + 1):
        if step in when:
            for name, tensor in _record(model, images[stimuli]).items():
                recorded.setdefault(name, []).append(tensor)
        batch = training[torch.randint(len(training), (32,), generator=generator)]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    arrays = {name: np.stack(tensors) for name, tensors in recorded.items()}
    return _write(Path(path), {"steps": when, "signal": np.array("model"), **arrays})


def _record(model: nn.Sequential, stimuli: torch.Tensor) -> dict[str, np.ndarray]:
    """Return what each layer answers, and its weights: activations behind the nonlinearity."""
    seen, h = {}, stimuli
    modules = list(model)
    with torch.no_grad():
        for index, module in enumerate(modules):
            h = module(h)
            if isinstance(module, nn.Linear):
                name = f"layer{index // 2 + 1}"
                seen[f"weights/{name}"] = module.weight.numpy().copy()
            if index + 1 == len(modules) or not isinstance(module, nn.Linear):
                seen[f"activations/{name}"] = h.numpy().copy()
    return seen


def _write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    def write(target: Path) -> None:
        with target.open("wb") as file:
            # numpy types the names of arrays as its own options.
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    atomic_write(path, write)
    return path
