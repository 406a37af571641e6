"""Artefacts that ship with the package, and the plans that they come from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["reference_path"]


def reference_path(name: str) -> Path:
    """Return where a shipped file or folder lies, whether it is there or not.

    Args:
        name: `demo.toml`, `reference.toml`, `features.parquet`, or the folder of a bundle.
    """
    return Path(str(files("rule_id.reference"))) / name
