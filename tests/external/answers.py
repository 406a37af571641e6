"""What is said of recorded networks, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.errors import InputError
from rule_id.evaluation.merging import merged_names
from rule_id.models import Bundle, Identification, identify
from rule_id.models.identify import open_menu
from rule_id.rules import get_rule

__all__ = ["answer_all", "answer_row", "read_rule_menu"]


def read_rule_menu(folder: str | Path) -> list[Bundle]:
    """Read one or several bundles that identify rules.

    Raises:
        InputError: They cannot be read, or identify something else.
    """
    menu = open_menu(folder)
    if menu[0].target != "rule":
        raise InputError(f"model must identify the target rule; {folder} is for {menu[0].target}")
    return menu


def answer_all(
    known: Sequence[Mapping[str, Any]], folder: Path, menu: Sequence[Bundle]
) -> pd.DataFrame:
    """Identify networks, one row each (see `answer_row`).

    Args:
        known: What `record` returned of each.
        folder: Where their recordings lie.
        menu: What identifies them.
    """
    rows = []
    for one in known:
        (answer,) = identify(folder / f"{one['name']}.npz", menu)
        rows.append(answer_row(one, answer, menu[0].families))
    return pd.DataFrame(rows)


SILENT = "(nothing)"
"""What counts as ranked first where nothing is said."""


def answer_row(
    known: Mapping[str, Any], answer: Identification, classes: Mapping[str, str]
) -> dict[str, Any]:
    """Return what counts of an answer.

    Args:
        known: Of the network: name, source, rule, score, learned and more.
        answer: What is said of it; nothing may be, where nothing changes.
        classes: The rules that could be named, and the family of each.

    Returns:
        What is known, and for each of rule, family and credit assignment `true_`, `first_` (ranked
        first), `p_first_` and `p_true_` (probabilities), `known_` (whether the true one could be
        named) and `n_` (how many could). Families and credit assignments are sums over rules; a
        rule that was merged into a class counts as that class. Further `in_set` and `set_size` of
        the 90% set, `outside`, with `distance` and `edge`, and `observables`.
    """
    rules = dict(answer.ranked) or dict.fromkeys(classes, 0.0)
    families = dict(answer.families) or dict.fromkeys(classes.values(), 0.0)
    rule = get_rule(known["rule"])
    merged = merged_names([rule.name])[0]
    levels = {
        "rule": (merged if merged in rules else rule.name, rules),
        "family": (rule.family, families),
        "credit_assignment": (rule.credit_assignment.name, _credit_assignments(rules)),
    }
    row = {**known, "observables": answer.observables}
    for level, (true, table) in levels.items():
        first = max(table, key=lambda name: table[name]) if answer.ranked else SILENT
        row |= {
            f"true_{level}": true,
            f"first_{level}": first,
            f"p_first_{level}": table.get(first, 0.0),
            f"p_true_{level}": table.get(true, 0.0),
            f"known_{level}": true in table,
            f"n_{level}": len(table),
        }
    return row | {
        "in_set": levels["rule"][0] in answer.set,
        "set_size": len(answer.set),
        "outside": bool(answer.outside),
        "distance": answer.outside.distance,
        "edge": answer.outside.edge,
    }


def _credit_assignments(rules: Mapping[str, float]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, probability in rules.items():
        assignment = name.partition("+")[0]
        sums[assignment] = sums.get(assignment, 0.0) + probability
    return sums
