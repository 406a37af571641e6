"""Many networks through simulate, features and evaluate: memory and open files stay flat.

`make soak` does it with 10,000 networks under a limit of two gibibytes, here there are fewer. Who
exceeds the limit is killed, as a machine would do.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from watched import run_watched

NETWORKS = int(os.environ.get("RULE_ID_SOAK", "120"))
LIMIT = 2 * 2**30
RULES = ("backprop+adam", "backprop+momentum", "feedback_alignment+momentum", "oja+sgd")
SIMULATED_FLAT = 96 * 2**20
"""What a simulation may grow by between its second quarter and its last: the tables of networks."""

PLAN = f"""
schema = 1
seed = 5
checkpoints = 5

[[ensembles]]
rules = {list(RULES)}
blocks = {max(2, NETWORKS // (5 * len(RULES)))}
networks_per_rule = 5
architecture = "dense2"
width = {{ choice = [8, 16] }}
steps = 20
stimuli = 16

[[measurements]]
units = 1.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("soak")
    (made / "plan.toml").write_text(PLAN)
    return made


def test_many_networks_take_no_more_memory_and_files_than_few(folder: Path) -> None:
    run = partial(run_watched, folder, LIMIT)
    simulated = run("simulate", "plan.toml", "--out", "corpus", "--workers", "2")
    assert simulated.returncode == 0, simulated.log
    grown = simulated.quarter(simulated.memory, 3) - simulated.quarter(simulated.memory, 1)
    assert grown < SIMULATED_FLAT or NETWORKS < 1000
    assert max(simulated.files) < 400
    extracted = run("features", "corpus", "--out", "x.parquet")
    assert extracted.returncode == 0, extracted.log
    assert max(extracted.files) < 100
    evaluated = run("evaluate", "corpus", "--out", "evaluation", "--protocol", "grouped",
                    "--splits", "2")  # fmt: skip
    assert evaluated.returncode == 0, evaluated.log
    assert max(evaluated.files) < 200
