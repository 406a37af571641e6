"""How time and memory grow with the number of networks: `simulate` and `features`.

Small networks, so that 10,000 of them take minutes: one hidden layer of 32 units, 60 steps, 5
checkpoints, four rules, one worker. Each command runs in a process of its own, whose peak memory is
reported beside what it holds once everything is imported (the row of 0 networks). Time should grow
as networks do, memory not at all.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

# The process that asks must be smaller than those that it measures: on Linux a new process's peak
# begins at what the one that started it held.
from reporting import arguments, peak_megabytes, report

COPIES = 5
RULES = (
    "backprop+momentum",
    "backprop+adam",
    "feedback_alignment+momentum",
    "information_alignment+momentum",
)

QUICK, SIZES = (20, 60), (100, 1_000, 10_000)


class Cost(NamedTuple):
    """What a call took."""

    seconds: float
    megabytes: float


def main() -> None:
    """Run both commands at every size and report."""
    asked = arguments(
        "time and memory of simulate and features by the number of networks",
        short="without the largest size",
    )
    sizes = QUICK if asked.quick else SIZES[:-1] if asked.short else SIZES
    rows = [_row(0, Path())]
    for networks in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(networks, Path(folder)))
    report("growth", rows, asked.out)


def _row(networks: int, folder: Path) -> dict[str, Any]:
    simulated = _apart(_simulate, networks, folder / "corpus")
    extracted = _apart(_features, networks, folder / "corpus")
    return {
        "networks": networks,
        "simulate s": round(simulated.seconds, 1),
        "simulate MB": round(simulated.megabytes),
        "features s": round(extracted.seconds, 1),
        "features MB": round(extracted.megabytes),
    }


def _apart(function: Callable[[int, Path], None], networks: int, corpus: Path) -> Cost:
    """Call a function in a new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_cost, function, networks, corpus).result()


def _cost(function: Callable[[int, Path], None], networks: int, corpus: Path) -> Cost:
    begin = time.perf_counter()
    function(networks, corpus)
    return Cost(time.perf_counter() - begin, peak_megabytes())


def _simulate(networks: int, corpus: Path) -> None:
    from rule_id.simulation.simulate import simulate

    if networks:
        simulate(_plan(networks), corpus, device="cpu", workers=1)


def _features(networks: int, corpus: Path) -> None:
    from rule_id.features import features

    if networks:
        features(corpus, corpus.with_name("features.parquet"))


def _plan(networks: int) -> dict[str, Any]:
    block = {
        "rules": list(RULES),
        "blocks": networks // (COPIES * len(RULES)),
        "networks_per_rule": COPIES,
        "architecture": "dense1",
        "task": "digits",
        "width": 32,
        "activation": "relu",
        "steps": 60,
    }
    return {"schema": 1, "seed": 1, "checkpoints": 5, "ensembles": [block]}


if __name__ == "__main__":
    main()
