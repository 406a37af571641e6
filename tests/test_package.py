"""What is installed, and what an import costs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LIGHT = [
    "rule_id",
    "rule_id.cli",
    "rule_id.trajectories",
    "rule_id.compact",
    "rule_id.observables",
    "rule_id.recordings",
    "rule_id.features",
    "rule_id.models",
    "rule_id.evaluation",
    "rule_id.reports",
]


def test_what_identifies_and_reads_imports_neither_torch_nor_parquet() -> None:
    """One process for all of them, in turn: each costs seconds. The failure names the module."""
    code = (
        "import importlib, sys\n"
        f"for module in {LIGHT}:\n"
        "    importlib.import_module(module)\n"
        "    for heavy in ('torch', 'pyarrow.parquet'):\n"
        "        assert heavy not in sys.modules, f'{module} imports {heavy}'\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_command_line_imports_nothing_heavy_before_a_command_runs() -> None:
    heavy = ("numpy", "pandas", "sklearn", "xgboost", "matplotlib", "torch", "rich.progress")
    code = f"import sys, rule_id.cli; sys.exit(str([m for m in {heavy} if m in sys.modules] or 0))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() in ("", "0")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".venv", ".git", "corpora", "demo", "*.egg-info", "build")
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
    code = (
        "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_installs_one_package(wheel: zipfile.ZipFile) -> None:
    (top_level,) = (name for name in wheel.namelist() if name.endswith("top_level.txt"))
    assert wheel.read(top_level).decode().split() == ["rule_id"]


def test_the_wheel_carries_what_ships(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {
        "rule_id/py.typed",
        "rule_id/reference/demo.toml",
        "rule_id/reference/merged_rules.json",
        "rule_id/reference/reference.toml",
        "rule_id/reference/corpus/manifest.json",
        "rule_id/reference/summary/manifest.json",
        "rule_id/reference/summary/combined.json.xz",
        "rule_id/reference/invariant/manifest.json",
        "rule_id/reference/invariant/combined.json.xz",
    } <= names
    assert any(name.startswith("rule_id/reports/templates/") for name in names)
    assert not any(name.startswith(("features", "models", "reports", "tests")) for name in names)
    (parts,) = {
        frozenset(name.split("/")[-1] for name in names if name.startswith(f"{corpus}/{table}/"))
        for corpus in ["rule_id/reference/corpus"]
        for table in ("networks", "trajectories", "checkpoints")
    }
    assert parts
    shipped = [info for info in wheel.infolist() if "/reference/" in info.filename]
    assert 5e6 < sum(info.file_size for info in shipped) < 30e6


def test_dependencies_are_as_documented() -> None:
    setup = (ROOT / "setup.cfg").read_text()
    assert "torch>=2.11,<2.14" in setup
    assert 'xgboost-cpu>=3.1; sys_platform == "linux" and platform_machine == "x86_64"' in setup
    assert 'xgboost>=3.1; sys_platform != "linux" or platform_machine != "x86_64"' in setup
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text()
