"""A recording of a network that plain torch trained, as a user of torch would make it.

Nothing here is shared with the simulator: `torch.nn`, `torch.optim`, an ordinary loop, a recorder.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from rule_id.recordings.recorder import Recorder

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
    model = nn.Sequential(OrderedDict(
        layer1=nn.Linear(64, 96), relu1=nn.ReLU(), layer2=nn.Linear(96, 48), relu2=nn.ReLU(),
        layer3=nn.Linear(48, 10)))  # fmt: skip
    for parameter in model.parameters():
        bound = 1 / np.sqrt(parameter.shape[-1])
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    when = np.linspace(0, steps, checkpoints).round().astype(int)
    # Without activity changes, so that the answer shows what it says of what is missing.
    recorder = Recorder(model, images[stimuli], activity_change=False)
    for step in range(steps + 1):
        if step in when:
            recorder.checkpoint(step)
        batch = training[torch.randint(len(training), (32,), generator=generator)]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    recorder.save(path)
    return Path(path)
