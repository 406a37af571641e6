"""docs/tasks.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from rule_id.tasks import CURRICULA, FILE_TASKS, TASKS, refusal

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()


def rows(heading: str) -> dict[str, list[str]]:
    """The rows below a heading, by their first cell."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def test_every_task_has_its_row() -> None:
    table = rows("Tasks")
    assert list(table) == [*TASKS, *FILE_TASKS]
    for name, task in TASKS.items():
        group, shape, outputs, loss, _, examples, _ = table[name]
        assert group == task.group and shape == str(task.input_shape), name
        assert outputs == str(task.n_out) and loss == f"`{task.loss.name}`", name
        assert examples == f"{task.n_train:,}, {task.n_test:,}", name


def test_every_loss_has_its_formula() -> None:
    formulas = set(re.findall(r"^- `(\w+)`", PAGE, re.MULTILINE))
    assert formulas == {task.loss.name for task in TASKS.values()}


def test_every_curriculum_has_its_row_and_says_what_it_refuses() -> None:
    table = rows("Curricula")
    assert list(table) == list(CURRICULA)
    for name, (_, refused) in table.items():
        assert bool(refused) == any(refusal(name, task) for task in TASKS.values()), name


def test_every_task_from_files_says_which() -> None:
    assert {name for cell in rows("Tasks from files") for name in re.split(r"`, `", cell)} == set(
        FILE_TASKS
    )
