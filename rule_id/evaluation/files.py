"""Evaluations on disk: CSV files, one JSON file and a folder of figures and their numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.documents import read_json
from rule_id.errors import InputError, first_line, one_of
from rule_id.evaluation.drawn import all_figures
from rule_id.evaluation.figures import save_figure
from rule_id.evaluation.results import (
    CONFUSION_COLUMNS,
    FURTHER,
    RESULT_COLUMNS,
    Evaluation,
    table_columns,
)
from rule_id.features import TARGETS
from rule_id.folders import replaced_folder, require_replaceable

__all__ = ["KIND", "read_evaluation", "write_evaluation"]

SCHEMA_VERSION = 4
KIND = ("evaluation.json", "an evaluation")
"""The file that marks such a folder, and what it is called."""
READ_VERSIONS = (2, 3, 4)
SINCE_3 = ("floor", "accuracy_floor", "balanced_accuracy_floor", "n_classes")
"""Columns that evaluations of schema version 2 lack; read, they are missing values."""

TEXT_COLUMNS = (
    "protocol", "variant", "feature_set", "model", "level", "metric", "true", "predicted",
    "credit_assignment", "bin", "target", "subset", "features", "matched", "pairs", "scaled", "by",
    "class", "kind", "held_out", "score", "name", "observation", "observables", "claim", "about",
    "measure", "criterion", "verdict", "tracked", "can_exclude",
    "best_baseline", "among",
)  # fmt: skip
BOOLEANS = ("tracked", "can_exclude")
INFO_KEYS = (
    "target", "classes", "classes_of", "feature_set", "models", "protocols", "splits",
)  # fmt: skip


def write_evaluation(evaluation: Evaluation, out: str | Path) -> None:
    """Write an evaluation and its figures as a folder, complete or not at all.

    Args:
        evaluation: What to write.
        out: The folder; an evaluation that is there is replaced.

    Raises:
        InputError: `out` is a file, or a folder that holds something else.
    """
    folder = Path(out)
    require_replaceable(folder, *KIND)
    with replaced_folder(folder) as new:
        _write_files(evaluation, new)


def read_evaluation(folder: str | Path) -> Evaluation:
    """Read an evaluation.

    Args:
        folder: A folder written by `evaluate`.

    Raises:
        InputError: A file is missing or damaged, lacks a column, or is of an unknown target or
            schema version. Versions 2 and 3, which are of one target and have fewer tables, are
            read too.
    """
    source = Path(folder)
    info, version = _read_info(source / "evaluation.json")
    lacks = _lacking(version, str(info["target"]))
    return Evaluation(
        info=info,
        results=_read_table(source / "results.csv", list(RESULT_COLUMNS), lacks),
        table=_read_table(source / "table.csv", table_columns(), lacks),
        # Grids of windows and measurements are not counted by class.
        confusions=_read_table(source / "confusions.csv", list(CONFUSION_COLUMNS), lacks, least=0),
        further={
            name: _read_table(path, list(columns), lacks)
            for name, columns in FURTHER.items()
            if (path := source / f"{name}.csv").exists()
        },
    )


def _write_files(evaluation: Evaluation, folder: Path) -> None:
    for name in ("results", "table", "confusions"):
        getattr(evaluation, name).to_csv(folder / f"{name}.csv", index=False)
    for name, table in evaluation.further.items():
        if len(table):
            table.to_csv(folder / f"{name}.csv", index=False)
    info = {"schema_version": SCHEMA_VERSION, **evaluation.info}
    (folder / "evaluation.json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    (folder / "figures").mkdir()
    for name, drawn in all_figures(evaluation).items():
        save_figure(drawn.figure, folder / "figures" / f"{name}.svg")
        drawn.numbers.to_csv(folder / "figures" / f"{name}.csv", index=False)


def _lacking(version: int, target: str) -> dict[str, Any]:
    """Return what stands in columns that this version lacks."""
    lacks: dict[str, Any] = {} if version > 3 else {"target": target, "subset": "all"}
    return lacks if version > 2 else lacks | dict.fromkeys(SINCE_3, float("nan"))


def _read_table(
    path: Path, columns: list[str], lacks: dict[str, Any], least: int = 1
) -> pd.DataFrame:
    _require_file(path)
    kinds = {column: str for column in TEXT_COLUMNS if column in columns}
    try:
        # Only an empty cell is missing: a rule may be called "none" or "null".
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""])
    except ValueError as error:
        raise InputError(f"{path} must be a CSV file: {first_line(error)}") from None
    table = table.assign(**{name: value for name, value in lacks.items() if name in columns})
    missing = [column for column in columns if column not in table.columns]
    if missing or len(table) < least:
        raise InputError(f"{path} must have {f'column {missing[0]}' if missing else 'rows'}")
    for column in set(columns) - set(TEXT_COLUMNS) if len(table) else ():
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column} must hold numbers")
    table = table.fillna(dict.fromkeys(kinds, ""))
    truth = {column: table[column] == "True" for column in BOOLEANS if column in columns}
    return table.assign(**truth)[columns]


def _read_info(path: Path) -> tuple[dict[str, Any], int]:
    """Return what was evaluated, and the schema version."""
    _require_file(path)
    info = read_json(path, "an evaluation")
    version = info.pop("schema_version", None)
    if version not in READ_VERSIONS:
        allowed = ", ".join(map(str, READ_VERSIONS[:-1]))
        raise InputError(
            f"{path}: schema_version must be {allowed} or {SCHEMA_VERSION}; got {version!r:.40}"
        )
    if version < SCHEMA_VERSION and {"target", "classes"} <= set(info):
        info = {**info, "classes_of": {info["target"]: info["classes"]}}
    missing = [key for key in INFO_KEYS if key not in info]
    if missing:
        raise InputError(f"{path} must have {missing[0]}; it has none")
    one_of(f"{path}: target", info["target"], TARGETS)
    return dict(info), int(version)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path.parent} must be an evaluation folder; it has no {path.name}")
