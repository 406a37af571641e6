"""Rules that count as one, because all that can be measured does not tell them apart.

Which they are was decided on a corpus of its own, before a corpus of the plan `reference` was
scored, and written to `rule_id/reference/merged_rules.json` (docs/merging.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from rule_id.documents import read_json
from rule_id.errors import InputError, require_file
from rule_id.evaluation.pairs import separability
from rule_id.reference import reference_path

__all__ = [
    "MERGED_RULES",
    "MERGED_SCHEMA_VERSION",
    "THRESHOLD",
    "merge",
    "merged_names",
    "read_merged",
    "separability",
]

THRESHOLD = 0.60
"""Balanced accuracy below which two rules count as not told apart; 0.5 is guessing."""

MERGED_RULES = "merged_rules.json"
MERGED_SCHEMA_VERSION = 1


def merge(separability: pd.DataFrame, threshold: float = THRESHOLD) -> dict[str, list[str]]:
    """Return the groups of rules that are not told apart.

    Complete linkage: every rule of a group is below the threshold with every other. Beginning with
    rules alone, the two groups are joined that are closest, where groups are as far apart as the
    two rules, one of each, that are told apart best. Where a and b, and b and c, are not told apart
    but a and c are, the closer of the two pairs is joined and the third rule stays alone.

    Args:
        separability: What `rule_id.evaluation.pairs.separability` gives.
        threshold: Accuracy below which two rules are not told apart, in (0.5, 1).

    Returns:
        The 2 or more rules of each group, sorted, by the name of the group, sorted.

    Raises:
        InputError: The threshold is not allowed, or a pair is missing, double or without accuracy.

    Source: scipy.cluster.hierarchy, method `complete`.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if not 0.5 < threshold < 1:
        raise InputError(f"threshold must lie between 0.5 and 1; got {threshold:g}")
    rules, distances = _distances(separability)
    # fcluster joins what is at the threshold too, which is not below it.
    labels = fcluster(linkage(distances, "complete"), np.nextafter(threshold, 0), "distance")
    groups = [[r for r, own in zip(rules, labels, strict=True) if own == k] for k in set(labels)]
    return dict(sorted((_name(group), group) for group in groups if len(group) > 1))


def read_merged(path: str | Path | None = None) -> dict[str, str]:
    """Return the group of each rule that is in one, by the committed decision.

    Args:
        path: Another file of the form of `rule_id/reference/merged_rules.json`.

    Raises:
        InputError: The file is missing or damaged, of another schema version, or has a rule twice.
    """
    source = reference_path(MERGED_RULES) if path is None else Path(path)
    require_file(source, "the list of merged rules, written by `make merging`")
    written = read_json(source, "the list of merged rules")
    try:
        version = written["schema_version"]
        members = [(rule, name) for name, rules in written["groups"].items() for rule in rules]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source} must be a JSON object with schema_version and groups of rules: {error!r}"
        ) from None
    if version != MERGED_SCHEMA_VERSION:
        raise InputError(f"{source}: schema_version must be {MERGED_SCHEMA_VERSION}; got {version}")
    merged = dict(members)
    if len(merged) < len(members):
        raise InputError(f"{source}: a rule must be in one group at most; one is in several")
    return merged


def merged_names(rules: Iterable[str]) -> list[str]:
    """Return the group that each rule is in, or the rule itself where it is in none."""
    merged = read_merged()
    return [merged.get(rule, rule) for rule in rules]


def _distances(separability: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Return the rules, sorted, and the accuracy of each pair in the order of scipy's `pdist`."""
    first, second, accuracy = (separability[c] for c in ("rule_a", "rule_b", "accuracy"))
    known = dict(zip(map(frozenset, zip(first, second, strict=True)), accuracy, strict=True))
    rules = sorted({*first, *second})
    wanted = [frozenset(pair) for pair in combinations(rules, 2)]
    distances = np.array([known.get(pair, np.nan) for pair in wanted])
    without = int(np.isnan(distances).sum())
    if len(separability) != len(wanted) or not wanted or without:
        raise InputError(
            f"separability must hold each pair of {len(rules)} rules once with its accuracy, "
            f"{len(wanted)} rows; got {len(separability)}, and {without} pairs without"
        )
    return rules, distances


def _name(rules: Sequence[str]) -> str:
    """Return a name for a group: what differs is listed, what is shared said once.

    >>> _name(["backprop+adam", "backprop+adamw"])
    'backprop+adam/adamw'
    >>> _name(["symmetric_alignment+momentum", "weight_mirror+momentum"])
    'symmetric_alignment/weight_mirror+momentum'
    >>> _name(["no_learning", "oja+momentum"])
    'no_learning / oja+momentum'
    """
    parts = [rule.partition("+") for rule in rules]
    assignments = list(dict.fromkeys(first for first, _, _ in parts))
    optimizers = list(dict.fromkeys(last for _, _, last in parts))
    if "" not in optimizers and 1 in (len(assignments), len(optimizers)):
        return f"{'/'.join(assignments)}+{'/'.join(optimizers)}"
    return " / ".join(rules)
