"""Designs on disk: one CSV file, one JSON file and a folder of heat maps."""

from __future__ import annotations

import json
from pathlib import Path

from rule_id.evaluation.designing.figures import draw_designs
from rule_id.evaluation.designing.result import Design
from rule_id.evaluation.figures import save_figure
from rule_id.folders import replaced_folder, require_replaceable

__all__ = ["KIND", "write_design"]

SCHEMA_VERSION = 1
KIND = ("design.json", "a design")
"""The file that marks such a folder, and what it is called."""


def write_design(design: Design, out: str | Path) -> None:
    """Write a design and its heat maps as a folder, complete or not at all.

    Args:
        design: What to write.
        out: The folder; a design that is there is replaced.

    Raises:
        InputError: `out` is a file, or a folder that holds something else.
    """
    folder = Path(out)
    require_replaceable(folder, *KIND)
    with replaced_folder(folder) as new:
        _write_files(design, new)


def _write_files(design: Design, folder: Path) -> None:
    design.table.to_csv(folder / "design.csv", index=False)
    found = json.loads(design.cheapest.to_json(orient="records"))
    info = {"schema_version": SCHEMA_VERSION, **design.info, "cheapest": found}
    (folder / "design.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    (folder / "figures").mkdir()
    for name, figure in draw_designs(design).items():
        save_figure(figure, folder / "figures" / f"{name}.svg")
