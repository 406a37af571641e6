"""Every benchmark runs and says what it ran on; how fast it was is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py") if path.stem != "reporting"
)


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_reports_rows_and_the_machine(name: str, tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / f"{name}.py"
    command = [sys.executable, str(script), "--quick", "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (written,) = tmp_path.glob("*.json")
    found = json.loads(written.read_text())
    assert found["rows"] and all(isinstance(row, dict) for row in found["rows"])
    assert {"cpu", "cores", "python", "versions"} <= set(found["machine"])


def test_make_runs_every_benchmark() -> None:
    makefile = (ROOT / "Makefile").read_text().splitlines()
    (named,) = (line.partition(":=")[2] for line in makefile if line.startswith("BENCHMARKS"))
    assert sorted(named.split()) == BENCHMARKS
