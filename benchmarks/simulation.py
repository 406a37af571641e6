"""How many network-steps a second a whole simulation takes, beside other ways and the bounds.

Ours is `run_ensemble` on resolved ensembles, one after another in one thread: weights and batches
drawn, credit assignment, optimizer, and measuring at 21 checkpoints in 600 steps; `unmeasured` is
the same with the fewest checkpoints that there can be, 2. Shorter runs, which the table shows, have
more checkpoints a step than 21 in 600, and more of the drawing: that is to our disadvantage.

Beside it, timed in turn: a sequential loop over single networks, `torch.func.vmap` over all of them
and BioTorch's layers in the sequential loop (`_alternatives.py`), none of which measures, and the
bounds of `_bounds.py`. The loop's speed does not depend on how many networks it goes through, so it
goes through a few.

Most runs are shorter than 600 steps and timed once; `--full` takes all of them.
"""

from __future__ import annotations

import math
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from _alternatives import biotorch_module, has_biotorch, plain_module, sequential
from _bounds import Rates, bounds, measured_rates
from _vmapped import vmapped
from _workloads import ARCHITECTURES, RULES, Examples, Workload, run_all, synchronised
from reporting import arguments, median, paired, report


class Size(NamedTuple):
    """How many networks, how long, and how often timed."""

    networks: int
    steps: int
    checkpoints: int
    rounds: int
    unmeasured: bool = True


QUICK = (Size(4, 30, 3, 1),)
SIZES = (
    Size(1, 300, 11, 2),
    Size(8, 300, 11, 2),
    Size(32, 300, 11, 1),
    Size(128, 150, 6, 1, False),
    Size(512, 60, 3, 1, False),
)
FULL = (
    Size(1, 600, 21, 3),
    Size(8, 600, 21, 3),
    Size(32, 600, 21, 3),
    Size(128, 600, 21, 2),
    Size(512, 600, 21, 1, False),
)
GPU = (Size(2048, 120, 5, 1), Size(8192, 60, 3, 1, False))

MOST_BY_VMAP = 128

LOOP_STEPS = 300
"""Network-steps that the loop over single networks is timed for, at least."""


def main() -> None:
    """Time all sides of every case and report."""
    asked = arguments("network-steps a second of simulation", full="600 steps, and more often")
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = []
    for workload, rounds, unmeasured in _cases(asked, device):
        rows.append(_row(workload, rounds, unmeasured, device))
        print(rows[-1], file=sys.stderr)
    report(
        "simulation",
        rows,
        asked.out,
        device=device,
        threads=1,
        units="network-steps a second; only ours measures",
        biotorch_installed=has_biotorch(),
    )


def _cases(asked: Namespace, device: str) -> list[tuple[Workload, int, bool]]:
    """Return what to time, how often, and whether without measuring too."""
    sizes = QUICK if asked.quick else FULL if asked.full else SIZES
    if device == "cuda" and not asked.quick:
        sizes = (*sizes, *GPU)
    return [
        (Workload(architecture, rule, *size[:3]), size.rounds, size.unmeasured)
        for architecture in ARCHITECTURES
        for rule in RULES
        for size in sizes
    ]


def _row(workload: Workload, rounds: int, unmeasured: bool, device: str) -> dict[str, Any]:
    sides = _sides(workload, unmeasured, device)
    _warm_up(workload, device)
    calls = {name: synchronised(call, device) for name, (call, _) in sides.items()}
    # What the machine can do is measured beside each case, since a shared one changes its pace.
    before = measured_rates(device)
    seconds = paired(calls, rounds, warm_up=False)
    rates = Rates(*map(max, before, measured_rates(device)))
    speed = {name: sides[name][1] / median(times) for name, times in seconds.items()}
    most = bounds(workload.network, workload.rule, rates)

    def shown(name: str) -> int | None:
        return round(speed[name]) if name in speed else None

    return {
        "architecture": workload.architecture,
        "rule": workload.rule,
        "networks": workload.networks,
        "steps": workload.steps,
        "checkpoints": workload.checkpoints,
        "ours": shown("ours"),
        "unmeasured": shown("unmeasured"),
        "sequential": shown("sequential"),
        "ratio": round(speed["ours"] / speed["sequential"], 2),
        "vmap": shown("vmap"),
        "biotorch": shown("biotorch"),
        "bound": round(min(most)),
        "of products": round(speed["ours"] / most.products, 3),
        "of bandwidth": round(speed["ours"] / most.bandwidth, 3),
        "GFLOP/s": round(rates.operations / 1e9),
        "GB/s": round(rates.moved / 1e9),
    }


def _sides(
    workload: Workload, unmeasured: bool, device: str
) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return each side's call and how many network-steps it takes."""
    network, examples = workload.network, workload.examples(device)
    rule, steps, n_steps = workload.rule, workload.steps, workload.network_steps
    sides = {"ours": (partial(run_all, workload.ensembles(), device), n_steps)}
    if unmeasured:
        plain = replace(workload, checkpoints=2)
        sides["unmeasured"] = (partial(run_all, plain.ensembles(), device), n_steps)
    sides["sequential"] = _loop(partial(plain_module, rule, network), workload, examples)
    if rule.startswith("feedback_alignment") and has_biotorch():
        sides["biotorch"] = _loop(partial(biotorch_module, network), workload, examples)
    if rule.startswith("backprop") and workload.networks <= MOST_BY_VMAP:
        call = partial(vmapped, network, rule, examples, workload.networks, steps)
        sides["vmap"] = (call, n_steps)
    return sides


def _loop(
    make: Callable[[], torch.nn.Sequential], workload: Workload, examples: Examples
) -> tuple[Callable[[], Any], int]:
    networks = min(workload.networks, math.ceil(LOOP_STEPS / workload.steps))
    call = partial(sequential, make, workload.rule, examples, networks, workload.steps)
    return call, networks * workload.steps


def _warm_up(workload: Workload, device: str) -> None:
    """Call every side once, at a few networks: what is long is timed only once or twice."""
    short = Workload(workload.architecture, workload.rule, min(workload.networks, 4), 5)
    for call, _ in _sides(short, False, device).values():
        call()


if __name__ == "__main__":
    main()
