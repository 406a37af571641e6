"""Several workers of one thread, or one of several threads? Ours and a sequential loop.

Ours with a worker a core is `simulate`: drawing the plan's networks (half a millisecond each) and
writing files are part of it. With one process it is `run_ensemble` in as many threads as said.
Worker processes are started before, and how long that took is reported apart. All learn by backprop
with momentum; the loop goes through fewer networks, on which its speed does not depend, and
measures nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _alternatives import plain_module, sequential
from _workloads import ARCHITECTURES, Examples, Workload, run_all
from joblib import Parallel, delayed
from reporting import arguments, machine, median, paired, report

from rule_id.networks import Network
from rule_id.simulation.simulate import simulate

RULE = "backprop+momentum"

LOOPED = 5
"""Networks that the loop goes through on each core."""


def main() -> None:
    """Time every way of using the cores, and report."""
    asked = arguments("workers of one thread, or one worker of several threads")
    cores = machine()["cores"]
    networks, steps, checkpoints = (4, 20, 2) if asked.quick else (128 * cores, 120, 5)
    start_up = _start_up(cores)
    rows = []
    for architecture in ARCHITECTURES:
        workload = Workload(architecture, RULE, networks, steps, checkpoints)
        short = replace(workload, networks=4, steps=20, checkpoints=2)
        with tempfile.TemporaryDirectory() as folder:
            for call, _ in _sides(short, cores, Path(folder)).values():
                call()
            sides = _sides(workload, cores, Path(folder))
            calls = {name: call for name, (call, _) in sides.items()}
            seconds = paired(calls, 1 if asked.quick else 2, warm_up=False)
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
    workload = Workload("dense3", RULE, 1, 20)
    network, examples = workload.network, workload.examples("cpu")
    begin = time.perf_counter()
    Parallel(n_jobs=cores)(delayed(_loop)(network, examples, 1, 20) for _ in range(cores))
    return time.perf_counter() - begin


def _sides(
    workload: Workload, cores: int, folder: Path
) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return each way's call and how many network-steps it takes."""
    network, examples = workload.network, workload.examples("cpu")
    ensembles, ours = workload.ensembles(), workload.network_steps
    looped = LOOPED * cores * workload.steps

    def simulated() -> None:
        corpus = folder / "corpus"
        simulate(workload.plan, corpus, device="cpu", workers=cores)
        shutil.rmtree(corpus)

    def looping_processes() -> None:
        one = delayed(_loop)(network, examples, LOOPED, workload.steps)
        Parallel(n_jobs=cores)(one for _ in range(cores))

    def looping(threads: int) -> None:
        _loop(network, examples, LOOPED * cores, workload.steps, threads)

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


def _loop(
    network: Network, examples: Examples, networks: int, steps: int, threads: int = 1
) -> None:
    """Train one network after another, in this or in a worker process."""
    with _threads(threads):
        sequential(partial(plain_module, RULE, network), RULE, examples, networks, steps)


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """Run in n threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
