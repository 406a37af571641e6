"""What share of a simulation is measuring, at 21 checkpoints in 600 steps, and where it goes.

The ensemble is of the size that the resolver picks and learns by backprop with momentum, the
fastest rule, so that the share is the largest. Measuring is timed within the run: the difference of
two runs, with and without, would be smaller than what two runs differ by anyway. Where a part calls
another, each is given its own time alone.

`exact` is one exact measurement of all units, `reference` the four of the reference plan.
"""

from __future__ import annotations

import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from _workloads import ARCHITECTURES, Workload, run_all
from reporting import arguments, report

import rule_id.observables.observer as observing
import rule_id.simulation.ensemble as simulating
from rule_id.observables.observer import Observer
from rule_id.reference import plan_path
from rule_id.simulation.training import Learner

RULE = "backprop+momentum"

MANY = 512
"""Networks to choose an ensemble of: more than are ever simulated together."""

PARTS: dict[str, list[tuple[Any, str]]] = {
    "other": [(simulating, "_observe")],
    "forward passes": [
        (Learner, "measured"),
        (Learner, "judge"),
        (Learner, "respond"),
        (Learner, "angle"),
    ],
    "observation": [
        (Observer, "_activation"),
        (Observer, "_noise"),
        (Observer, "_noisy"),
        (Observer, "_kept"),
    ],
    "weight statistics": [(observing, "tensor_statistics")],
    "activation statistics": [(observing, "activation_statistics")],
    "activity change": [
        (observing, "_pull"),
        (observing, "_change"),
        (observing, "_slopes"),
        (observing, "activity_change_statistics"),
    ],
}
"""What a checkpoint is made of, by the functions that do it; `observation` is drawing units, noise,
spikes and fluorescence."""


class Clock:
    """Seconds by part, of a part's own: what it calls of other parts is theirs."""

    def __init__(self) -> None:
        """Start with nothing running."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def timing(self, part: str, function: Any) -> Any:
        """Return the function, its time counted to a part."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._running.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._running.pop()

        return timed


def main() -> None:
    """Time a run of each case and report."""
    asked = arguments("share of measuring in the time of a simulation")
    torch.set_num_threads(1)
    steps, checkpoints = (20, 3) if asked.quick else (600, 21)
    measurements = {"exact": [], "reference": _reference()}
    rows = [
        _row(Workload(architecture, RULE, 4 if asked.quick else MANY, steps, checkpoints), *which)
        for architecture in ARCHITECTURES
        for which in measurements.items()
    ]
    report("measuring", rows, asked.out, steps=steps, checkpoints=checkpoints, rule=RULE)


def _reference() -> list[dict[str, Any]]:
    """Return the measurements of the reference plan."""
    plan = tomllib.loads(plan_path("reference").read_text())
    return list(plan["measurements"])


def _row(workload: Workload, name: str, measurements: list[dict[str, Any]]) -> dict[str, Any]:
    (ensemble, *_) = workload.ensembles(measurements)
    run_all(replace(workload, networks=2, steps=20, checkpoints=2).ensembles(measurements), "cpu")
    clock = Clock()
    with _timed(clock):
        begin = time.perf_counter()
        run_all([ensemble], "cpu")
        total = time.perf_counter() - begin
    measuring = sum(clock.seconds.values())
    parts = sorted(PARTS, key=lambda part: -clock.seconds[part])
    return {
        "architecture": workload.architecture,
        "measurements": name,
        "networks": len(ensemble.networks),
        "seconds": round(total, 2),
        "share": round(measuring / total, 3),
        "ms a checkpoint": round(1e3 * measuring / workload.checkpoints, 1),
        **{part: f"{clock.seconds[part] / measuring:.0%}" for part in parts},
    }


@contextmanager
def _timed(clock: Clock) -> Iterator[None]:
    """Count the time of every part while it lasts."""
    with ExitStack() as stack:
        for part, functions in PARTS.items():
            for owner, name in functions:
                timed = clock.timing(part, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, timed))
        yield


if __name__ == "__main__":
    main()
