"""Artefacts that ship with the package, and the plans that they come from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["MEASUREMENTS", "PLANS", "plan_path", "reference_path"]

PLANS = ("demo", "reference", "paper", "merging")
"""Plans that may be named in place of a file."""

MEASUREMENTS = ("grid",)
"""Measurements that may be named in place of a file."""


def reference_path(name: str) -> Path:
    """Return where a shipped file or folder lies, whether it is there or not.

    Args:
        name: `demo.toml`, `reference.toml`, or the folder of a bundle or of the corpus.
    """
    return Path(str(files("rule_id.reference"))) / name


def plan_path(plan: str | Path) -> Path:
    """Return the file of a plan or of measurements: the one that ships, or the path as it is.

    A file of that name in the present folder comes first.
    """
    if str(plan) in (*PLANS, *MEASUREMENTS) and not Path(plan).is_file():
        return reference_path(f"{plan}.toml")
    return Path(plan)
