"""The example of a job array does what it says, without a scheduler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tiny import TOML

from rule_id.checking import check

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "simulate.sbatch"


def test_the_example_is_shown_as_it_is() -> None:
    assert f"```\n{EXAMPLE.read_text()}```" in (DOCS / "many-machines.md").read_text()


def test_jobs_of_an_array_make_one_corpus(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(TOML)
    own = {"PLAN": "plan.toml", "CORPUS": "corpus", "SLURM_CPUS_PER_TASK": "1",
           "SLURM_ARRAY_TASK_COUNT": "2",
           "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # fmt: skip
    jobs = [
        subprocess.Popen(
            ["bash", str(EXAMPLE)], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
            env=os.environ | own | {"SLURM_ARRAY_TASK_ID": str(number)},
        )
        for number in (1, 2)
    ]  # fmt: skip
    for job in jobs:
        _, said = job.communicate(timeout=600)
        assert job.returncode == 0, said
    assert check(tmp_path / "corpus").sound
