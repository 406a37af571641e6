"""Networks of `torch.nn`, with BioTorch's layers where a rule is BioTorch's."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from external.networks import build, initialise
from external.plan import PlannedNetwork
from external.tasks import Task
from torch import nn

from rule_id import Recorder

__all__ = ["MODES", "TorchLearner"]

MODES = {
    "feedback_alignment": "fa",
    "direct_feedback_alignment": "dfa",
    "sign_symmetry_uniform": "usf",
    "sign_symmetry_fixed_random": "frsf",
    "sign_symmetry_batchwise_random": "brsf",
}
"""What BioTorch calls our credit assignments."""

OPTIMIZERS = {
    "": torch.optim.SGD,
    "sgd": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


class TorchLearner:
    """A model, an optimizer of `torch.optim` and the ordinary loop."""

    def __init__(self, network: PlannedNetwork, task: Task) -> None:
        """Make the model; BioTorch draws its feedback from torch's global generator."""
        n_in = task.x_train.shape[1]
        self.model: nn.Module = build(
            network.architecture, n_in, network.widths, task.n_out, network.activation
        )
        initialise(self.model, network.init)
        if network.source == "biotorch":
            self.model = _converted(self.model, MODES[network.credit_assignment], task.n_out)
        self._optimizer = _optimizer(self.model, network)
        self.loss = nn.CrossEntropyLoss() if task.has_classes else nn.MSELoss()
        self._of_biotorch = network.source == "biotorch"
        self.task, self.recorder = task, Recorder(self.model, task.stimuli)

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """Make one update."""
        inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
        self.model.train()
        self._optimizer.zero_grad()
        with _quiet():
            # Direct feedback needs the error while the signal still goes forward.
            told = (targets, self.loss) if self._of_biotorch else ()
            self.loss(self.model(inputs, *told), targets).backward()
        self._optimizer.step()

    def checkpoint(self, step: int) -> None:
        """Record the network as it is."""
        with _quiet():
            self.recorder.checkpoint(step)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the last layer's outputs (n, n_out), before any softmax."""
        self.model.eval()
        with torch.no_grad(), _quiet():
            return self.model(torch.from_numpy(x)).numpy()

    def save(self, path: Path) -> None:
        """Write what was recorded."""
        self.recorder.save(path)


def _optimizer(model: nn.Module, network: PlannedNetwork) -> torch.optim.Optimizer:
    settings = {"lr": network.learning_rate, "weight_decay": network.weight_decay}
    if network.optimizer == "momentum":
        settings["momentum"] = network.momentum
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return OPTIMIZERS[network.optimizer](learned, **settings)


def _converted(model: nn.Module, mode: str, n_out: int) -> nn.Module:
    """Return the model with BioTorch's layers in place of torch's, its weights kept."""
    from biotorch.module.biomodule import BioModule

    with contextlib.redirect_stdout(io.StringIO()):  # it reports what it does
        return BioModule(model, mode=mode, output_dim=n_out)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave out torch's advice on the kind of hook that BioTorch's direct feedback uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*backward hook", FutureWarning)
        yield
