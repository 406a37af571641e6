"""What a bundle says of recorded networks, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.errors import InputError
from rule_id.evaluation.merging import merged_names
from rule_id.features import extract, mask_signal
from rule_id.models import Bundle, identify, read_bundle
from rule_id.models.advice import MOST_OUTSIDE, share_outside
from rule_id.models.identification import Identification
from rule_id.models.patterns import feature_matrix
from rule_id.recordings import Recording, read_recording
from rule_id.rules import get_rule

__all__ = ["answer_all", "answer_row", "read_rule_bundle", "sums_by"]


def read_rule_bundle(folder: str | Path) -> Bundle:
    """Read a bundle that identifies rules.

    Raises:
        InputError: It cannot be read, or identifies something else.
    """
    bundle = read_bundle(folder)
    if bundle.target != "rule":
        raise InputError(f"model must identify the target rule; {folder} is for {bundle.target}")
    return bundle


def answer_all(known: Sequence[Mapping[str, Any]], folder: Path, bundle: Bundle) -> pd.DataFrame:
    """Identify networks, one row each (see `answer_row`).

    Args:
        known: What `record` returned of each.
        folder: Where their recordings lie.
        bundle: What identifies them.
    """
    rows = []
    for one in known:
        recording = read_recording(folder / f"{one['name']}.npz")
        (answer,) = identify(recording, bundle)
        rows.append(answer_row(one, answer, bundle, _share_outside(recording, bundle)))
    return pd.DataFrame(rows)


def answer_row(
    known: Mapping[str, Any], answer: Identification, bundle: Bundle, outside: float
) -> dict[str, Any]:
    """Return what counts of an answer.

    Args:
        known: Of the network: name, source, rule, score, learned and more.
        answer: What the bundle says of it.
        bundle: That bundle.
        outside: Share of its features outside the range of training.

    Returns:
        For each of rule, family and credit assignment, `true_`, `first_` (ranked first), `p_first_`
        and `p_true_` (probabilities) and `known_` (whether the true one is among the classes); the
        rule is that of its merged class where the bundle has such. Families and credit assignments
        are sums over rules. Further `in_set` and `set_size` of the 90% set, `share_outside`,
        `outside`, and `observables`.
    """
    probabilities = dict(answer.ranked)
    rule = get_rule(known["rule"])
    merged = merged_names([rule.name])[0]
    true = {
        "rule": merged if merged in probabilities else rule.name,
        "family": rule.family,
        "credit_assignment": rule.credit_assignment.name,
    }
    tables = {
        "rule": probabilities,
        "family": dict(answer.families),
        "credit_assignment": sums_by({c: c.partition("+")[0] for c in bundle.classes}, answer),
    }
    row = dict(known) | {"observables": answer.observables}
    for level, table in tables.items():
        first = max(table, key=lambda name: table[name])
        row[f"true_{level}"], row[f"first_{level}"] = true[level], first
        row[f"p_first_{level}"], row[f"p_true_{level}"] = table[first], table.get(true[level], 0.0)
        row[f"known_{level}"] = true[level] in table
    members = {"in_set": true["rule"] in answer.set, "set_size": len(answer.set)}
    return row | members | {"share_outside": outside, "outside": outside > MOST_OUTSIDE}


def sums_by(groups: Mapping[str, str], answer: Identification) -> dict[str, float]:
    """Return the probability of each group of classes; `groups` names the group of each class."""
    sums: dict[str, float] = {}
    for name, probability in answer.ranked:
        sums[groups[name]] = sums.get(groups[name], 0.0) + probability
    return sums


def _share_outside(recording: Recording, bundle: Bundle) -> float:
    paper = bool(bundle.info["features"].get("paper", False))
    table = extract(recording.trajectories, bundle.feature_set, paper=paper)
    values = feature_matrix(mask_signal(table, recording.signal), bundle.feature_names)
    return share_outside(bundle, values)
