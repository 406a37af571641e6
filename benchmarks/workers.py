"""Several workers of one thread, or one of several threads? Ours and a sequential loop.

Ours with a worker a core is `simulate`, its files included; with one process it is `run_ensemble`
in as many threads as said. Worker processes are started before, and how long that took is reported
apart. All learn by backprop with momentum; the loop goes through fewer networks, on which its speed
does not depend, and measures nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _alternatives import plain_module, sequential
from _workloads import ARCHITECTURES, Workload, run_all
from joblib import Parallel, delayed
from reporting import arguments, machine, median, paired, report

from rule_id.simulation.simulate import simulate

RULE = "backprop+momentum"

LOOPED = 5
"""Networks that the loop goes through on each core."""


def main() -> None:
    """Time every way of using the cores, and report."""
    asked = arguments("workers of one thread, or one worker of several threads")
    cores = machine()["cores"]
    networks, steps, checkpoints = (4, 20, 2) if asked.quick else (128 * cores, 60, 3)
    start_up = _start_up(cores)
    rows = []
    for architecture in ARCHITECTURES:
        workload = Workload(architecture, RULE, networks, steps, checkpoints)
        with tempfile.TemporaryDirectory() as folder:
            sides = _sides(workload, cores, Path(folder))
            seconds = paired(
                {name: call for name, (call, _) in sides.items()}, 1 if asked.quick else 2
            )
        rows += [
            {
                "architecture": architecture,
                "way": name,
                "network-steps a second": round(sides[name][1] / median(times)),
            }
            for name, times in seconds.items()
        ]
    report(
        "workers",
        rows,
        asked.out,
        networks=networks,
        steps=steps,
        checkpoints=checkpoints,
        start_up_s=round(start_up, 2),
    )


def _start_up(cores: int) -> float:
    """Return the seconds until a process a core has imported what it needs."""
    begin = time.perf_counter()
    examples = Workload("dense3", RULE, 1, 20).examples("cpu")
    Parallel(n_jobs=cores)(
        delayed(_loop)(Workload("dense3", RULE, 1, 20), examples, 1) for _ in range(cores)
    )
    return time.perf_counter() - begin


def _sides(
    workload: Workload, cores: int, folder: Path
) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return each way's call and how many network-steps it takes."""
    examples, ensembles = workload.examples("cpu"), workload.ensembles()
    ours = workload.network_steps
    looped = LOOPED * cores * workload.steps

    def simulated() -> None:
        corpus = folder / "corpus"
        simulate(workload.plan, corpus, device="cpu", workers=cores)
        shutil.rmtree(corpus)

    def looping_processes() -> None:
        Parallel(n_jobs=cores)(delayed(_loop)(workload, examples, LOOPED) for _ in range(cores))

    def looping(threads: int) -> None:
        with _threads(threads):
            _trained(workload, examples, LOOPED * cores)

    def in_one_process(threads: int) -> None:
        with _threads(threads):
            run_all(ensembles, "cpu")

    return {
        f"ours, {cores} workers of 1 thread": (simulated, ours),
        f"ours, 1 process of {cores} threads": (partial(in_one_process, cores), ours),
        "ours, 1 process of 1 thread": (partial(in_one_process, 1), ours),
        f"loop, {cores} processes of 1 thread": (looping_processes, looped),
        f"loop, 1 process of {cores} threads": (partial(looping, cores), looped),
        "loop, 1 process of 1 thread": (partial(looping, 1), looped),
    }  # fmt: skip


def _loop(workload: Workload, examples: Any, networks: int) -> None:
    """Train networks in a worker process."""
    with _threads(1):
        _trained(workload, examples, networks)


def _trained(workload: Workload, examples: Any, networks: int) -> None:
    make = partial(plain_module, RULE, workload.network)
    sequential(make, RULE, examples, networks, workload.steps)


@contextmanager
def _threads(n: int):
    """Run in n threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
