"""`rule-id design` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gridded import RULES, gridded_trajectories

from rule_id.trajectories import write_manifest, write_part

ASKED = [part for rule in RULES for part in ("--rule", rule)]


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "rule-id"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("design")
    made = gridded_trajectories(seed=1)
    write_manifest(folder / "corpus", {"plan": {}})
    write_part(folder / "corpus", "a", made.networks, made.rows)
    return folder


def test_it_says_what_to_record_and_prices_decide(folder: Path) -> None:
    dear = ("--price", "activation=100", "--price", "weight=0.1", "--accuracy", "0.7")
    result = run("design", "corpus", *ASKED, *dear, "--folds", "2", cwd=folder)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("backprop+adam, backprop+momentum, feedback_alignment+momentum: ")
    assert lines[1] == "Cheapest that reaches 0.70:"
    assert lines[2].startswith("  noise 0: 16 units, ") and ", weight: " in lines[2]
    assert lines[-1].startswith("reports/corpus/design: ")
    info = json.loads((folder / "reports/corpus/design/design.json").read_text())
    assert info["prices"] == {"activation": 100, "weight": 0.1, "activity_change": 10}
    assert info["cheapest"][0]["observables"] == "weight"


def test_help_names_what_can_be_asked() -> None:
    result = run("design", "--help")
    assert result.returncode == 0
    assert all(name in result.stdout for name in ("--rule", "--accuracy", "--price", "--folds"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rule", "backprop+adam"), "rules must be 2 or more of backprop+adam, "),
        (("--rule", "hebb"), "rule must be one that corpus has usable networks of, "),
        (("--price", "weight"), "price must be OBSERVABLE=NUMBER; got 'weight'"),
        (("--price", "rent=1"), "price must be one of activation, weight, activity_change"),
        (("--accuracy", "0.1"), "accuracy must be above 0.25"),
        (("--set", "trajectory"), "feature set must be one of summary, invariant"),
        (("--out", "corpus"), "out must be a new or empty folder, or a design to replace"),
    ],
)
def test_a_bad_option_is_one_line(folder: Path, options: tuple[str, ...], message: str) -> None:
    before = sorted(folder.rglob("*"))
    result = run("design", "corpus", *options, cwd=folder)
    assert result.returncode == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("rule-id: ") and message in line
    assert sorted(folder.rglob("*")) == before
