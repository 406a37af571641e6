"""Designs on disk: one CSV file, one JSON file and a folder of heat maps."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from rule_id.errors import InputError
from rule_id.evaluation.designing.figures import draw_designs
from rule_id.evaluation.designing.result import Design
from rule_id.evaluation.figures import save_figure

__all__ = ["require_replaceable", "write_design"]

SCHEMA_VERSION = 1


def require_replaceable(out: Path) -> None:
    """Refuse to write a design over anything but a design or an empty folder.

    Raises:
        InputError: `out` is a file, or a folder that holds something else.
    """
    if out.is_dir() and (not any(out.iterdir()) or (out / "design.json").is_file()):
        return
    if out.exists():
        raise InputError(
            f"out must be a new or empty folder, or a design to replace; {out} is something else"
        )


def write_design(design: Design, out: str | Path) -> None:
    """Write a design and its heat maps as a folder, complete or not at all.

    Args:
        design: What to write.
        out: The folder; a design that is there is replaced.

    Raises:
        InputError: `out` is a file, or a folder that holds something else.
    """
    folder = Path(out)
    require_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", suffix=".tmp") as name:
        new, old = Path(name) / "new", Path(name) / "old"
        new.mkdir()
        _write_files(design, new)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)


def _write_files(design: Design, folder: Path) -> None:
    design.table.to_csv(folder / "design.csv", index=False)
    found = json.loads(design.cheapest.to_json(orient="records"))
    info = {"schema_version": SCHEMA_VERSION, **design.info, "cheapest": found}
    (folder / "design.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    (folder / "figures").mkdir()
    for name, figure in draw_designs(design).items():
        save_figure(figure, folder / "figures" / f"{name}.svg")
