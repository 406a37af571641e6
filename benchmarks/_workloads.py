"""What the benchmarks of simulation run: one architecture and rule, as many networks as one likes.

All learn the digits of scikit-learn, 8 x 8 pixels, in batches of 32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rule_id.networks import Network
from rule_id.simulation.ensemble import run_ensemble
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.plan import read_plan
from rule_id.simulation.resolve import resolve
from rule_id.simulation.sizes import Sizes
from rule_id.simulation.workers import keep_memory
from rule_id.tasks import get_task

__all__ = ["ARCHITECTURES", "RULES", "Examples", "Workload", "run_all", "synchronised"]

BATCH = 32

ARCHITECTURES = {"dense3": 128, "knet4": 16}
"""Widths: 64-128-128-128-10 dense, and convolutions of 16, 32 and 32 channels, then 10 units."""

RULES = (
    "backprop+momentum",
    "backprop+adam",
    "feedback_alignment+momentum",
    "information_alignment+momentum",
    "node_perturbation+momentum",
)


class Examples(NamedTuple):
    """Training examples on a device, as a user's own loop would hold them."""

    x: Tensor
    y: Tensor

    def batches(self, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield random batches."""
        order = torch.randint(len(self.x), (steps, BATCH), device=self.x.device)
        for rows in order:
            yield self.x[rows], self.y[rows]


@dataclass(frozen=True)
class Workload:
    """Networks of one architecture that learn by one rule.

    Attributes:
        architecture: One of `ARCHITECTURES`.
        rule: One of `RULES`.
        networks: How many.
        steps: Of training.
        checkpoints: At which they are measured, 2 or more.
    """

    architecture: str
    rule: str
    networks: int
    steps: int
    checkpoints: int = 2

    @property
    def network_steps(self) -> int:
        """Networks times steps."""
        return self.networks * self.steps

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that `simulate` would be given."""
        block = {
            "rules": [self.rule],
            "blocks": 1,
            "networks_per_rule": self.networks,
            "architecture": self.architecture,
            "task": "digits",
            "width": ARCHITECTURES[self.architecture],
            "activation": "relu",
            "steps": self.steps,
            "batch_size": BATCH,
        }
        return {"schema": 1, "seed": 1, "checkpoints": self.checkpoints, "ensembles": [block]}

    def ensembles(
        self, measurements: Sequence[dict[str, Any]] = (), device: str = "cpu"
    ) -> list[Ensemble]:
        """Return the ensembles of the size that is best on this machine, as `simulate` does.

        Args:
            measurements: As a plan writes them; one exact one when left out.
            device: `cpu` or `cuda`.
        """
        plan = {**self.plan, **({"measurements": list(measurements)} if measurements else {})}
        return resolve(read_plan(plan), size_of=Sizes(device))

    @property
    def network(self) -> Network:
        """The layers of each network."""
        return replace(self, networks=1).ensembles()[0].network

    def examples(self, device: str) -> Examples:
        """Return the training examples, arranged for the network."""
        data = get_task("digits").draw(np.random.default_rng(0))
        x = self.network.arrange(torch.as_tensor(data.train_x, dtype=torch.float32)[None])[0]
        return Examples(x.to(device), torch.as_tensor(data.train_y).to(device))


def run_all(ensembles: Sequence[Ensemble], device: str) -> None:
    """Simulate ensembles one after another, as one worker does, and throw the tables away."""
    keep_memory()
    for ensemble in ensembles:
        run_ensemble(ensemble, device)


def synchronised(call: Callable[[], Any], device: str) -> Callable[[], None]:
    """Return a call that returns when the device has done its work."""

    def waiting() -> None:
        call()
        if device == "cuda":
            torch.cuda.synchronize()

    return waiting
