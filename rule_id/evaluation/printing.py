"""An evaluation as text for people: the headline, then each protocol, then what else is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from rule_id.evaluation.answers import SUBSETS
from rule_id.evaluation.control import read_control
from rule_id.evaluation.matched import VALUE_ALONE
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation
from rule_id.features import wording
from rule_id.models import CLASSIFIERS

__all__ = [
    "aligned",
    "compared_text",
    "headline_text",
    "printed",
    "protocols_text",
    "remarks",
    "with_error",
]

SHORT = {"rule": "rule", "merged_rule": "merged", "paper_rule": "paper's 4", "family": "family",
         "credit_assignment": "credit", "optimizer": "optimizer"}  # fmt: skip


LOOSE = 0.55
"""What the value alone may tell of pairs that are matched in it, errors aside."""


def printed(evaluation: Evaluation) -> str:
    """Return all that the command line prints."""
    parts = [
        headline_text(evaluation),
        protocols_text(evaluation),
        compared_text(evaluation),
        claims_text(evaluation),
        "\n".join(remarks(evaluation)),
    ]
    return "\n\n".join(part for part in parts if part)


def headline_text(evaluation: Evaluation) -> str:
    """Return accuracy for whole networks of new blocks, every classifier for every target.

    One table for all networks, and one for those that learned; in the last rows what guessing and
    looking up reach.
    """
    rows = evaluation.further["headline"]
    rows = rows[rows["level"] == "network"]
    if rows.empty:
        return ""
    targets = [name for name in SHORT if name in set(rows["target"])]
    texts = []
    for subset, what in SUBSETS.items():
        some = rows[rows["subset"] == subset]
        in_all = rows.loc[rows["subset"] == "all", "n_networks"].sum()
        if len(some) and (subset == "all" or some["n_networks"].sum() < in_all):
            caption = f"Accuracy on new blocks, {what}"
            texts.append(f"{caption}\n{_headline_of(some, targets)}")
    return "\n\n".join(texts)


def _headline_of(rows: pd.DataFrame, targets: list[str]) -> str:
    lines = [["classifier", "features", *(SHORT[name] for name in targets)]]
    for (model, features), some in rows.groupby(["model", "features"], sort=False):
        known = some.set_index("target")
        lines.append(
            [str(model), str(features), *(_value(known, name, "accuracy") for name in targets)]
        )
    grouped = rows[~rows["features"].isin(["curves", "shuffled rules"])]
    for column, what in (("chance", "guessing"), ("floor", "looking up")):
        known = grouped.groupby("target")[[column]].mean()
        cells = [f"{known[column].get(name, np.nan):.2f}" for name in targets]
        lines.append([what, "", *cells])
    return aligned(lines)


def _value(known: pd.DataFrame, target: str, column: str) -> str:
    if target not in known.index:
        return ""
    row = known.loc[target]
    return with_error(row[column], row["sem"])


def protocols_text(evaluation: Evaluation) -> str:
    """Return what is found about the rule under each protocol.

    All that a protocol holds out is taken together, and shown apart where it was named.
    """
    named = [text.partition("=")[2] for text in evaluation.info.get("hold_out", ())]
    table = evaluation.of("rule").table
    kinds = table["protocol"].map({name: one.kind for name, one in PROTOCOLS.items()})
    shown = kinds.isin(["plain", "alone", "calibrated"])
    apart = (kinds == "alone") | table["variant"].isin(named)
    table = table[shown & ((table["variant"] == "all") | apart)]
    table = table[table["model"].isin(list(CLASSIFIERS))]
    lines = [["protocol", "features", "model", "layers", "networks", "chance", "floor", "tested"]]
    keys = ["protocol", "variant", "feature_set", "model"]
    for (protocol, variant, features, model), rows in table.groupby(keys, sort=False):
        by_level = rows.set_index("level")
        last = by_level.loc["network" if "network" in by_level.index else "layer"]
        name = str(protocol) if variant == "all" else f"{protocol}: {variant}"
        lines.append(
            [name, str(features), str(model)]
            + [_level(by_level, level) for level in ("layer", "network")]
            + [f"{last['accuracy_chance']:.2f}", f"{last['accuracy_floor']:.2f}"]
            + [f"{last['n_test_networks']:.0f}"]
        )
    return f"Which rule it is, by protocol\n{aligned(lines)}" if len(lines) > 1 else ""


def compared_text(evaluation: Evaluation) -> str:
    """Return how far ours is ahead of the best baseline, of all networks."""
    rows = evaluation.further["compared"]
    rows = rows[(rows["subset"] == "all") & rows["target"].isin(list(SHORT))]
    lines = [["protocol", "of", "features", "ours", "best of", "", "", "ahead by"]]
    lines += [
        [*map(str, (row.protocol, SHORT[str(row.target)], row.features)), f"{row.accuracy:.2f}",
         {"paper": "the paper's"}.get(str(row.among), str(row.among)),
         f"{row.best_accuracy:.2f}", str(row.best_baseline), with_error(row.difference, row.sem)]
        for row in rows.itertuples()
    ]  # fmt: skip
    return f"Ours against the best baseline\n{aligned(lines)}" if len(lines) > 1 else ""


def claims_text(evaluation: Evaluation) -> str:
    """Return what the 2020 paper claims and what is found of it here, about all rules."""
    claims = evaluation.further["claims"]
    claims = claims[(claims["about"] == "rule") & (claims["verdict"] != "not tested")]
    lines = [["claim", "measure", "found", "criterion", "", "verdict"]]
    lines += [
        [*map(str, (row.claim, row.measure, with_error(row.value, row.sem), row.criterion)),
         f"{row.threshold:.2f}", str(row.verdict)]
        for row in claims.itertuples()
    ]  # fmt: skip
    return f"What the 2020 paper claims\n{aligned(lines)}" if len(lines) > 1 else ""


def _level(rows: pd.DataFrame, level: str) -> str:
    if level not in rows.index:
        return ""
    return with_error(rows.loc[level, "accuracy"], rows.loc[level, "accuracy_sem"])


def remarks(evaluation: Evaluation) -> list[str]:
    """Return in a line each what else was found, and what must be known to read the tables."""
    return [*_found(evaluation), *_conditions(evaluation)]


def _found(evaluation: Evaluation) -> Iterator[str]:
    further = evaluation.further
    control = evaluation.of("rule").further["control"]
    if len(control):
        yield read_control(control, "rule")
    yield from _seen_less(evaluation)
    for row in _best(further["matched"], pairs="matched"):
        loose = row.model == VALUE_ALONE and row.accuracy - 2 * row.sem > LOOSE
        yield (
            f"Two networks of a block matched in {row.matched}: told apart {row.model} "
            f"{with_error(row.accuracy, row.sem)} (chance 0.50, {row.n_pairs:,.0f} pairs a split)"
            f"{'; they are matched loosely' if loose else ''}."
        )
    calibration = further["calibration"]
    for row in calibration[calibration["target"] == "rule"].itertuples():
        error = with_error(row.error, row.error_sem)
        yield f"Calibration error, {row.model}, {row.scaled}: {error}."
    for row in further["no_learning"].itertuples():
        yield (
            f"No learning, {row.model}: {row.hits:.0%} found, {row.false_alarms:.0%} false alarms, "
            f"{row.false_alarms_unlearned:.0%} among networks that did not learn their task; AUROC "
            f"{with_error(row.auroc, row.sem)}."
        )
    yield from _sets(further["coverage"])
    yield from _novelty(further["novelty"])
    if apart := evaluation.info.get("n_held_out"):
        yield f"Set apart by the plan: {apart} networks, never trained on."


def _seen_less(evaluation: Evaluation) -> Iterator[str]:
    table = evaluation.of("rule").table
    cut = table[(table["protocol"] == "truncated") & (table["level"] == "network")]
    if len(cut):
        parts = [f"{row.variant} {row.accuracy:.2f}" for row in cut.itertuples()]
        yield f"Less of training seen, {cut['model'].iloc[0]}, networks: {', '.join(parts)}."


def _best(matched: pd.DataFrame, pairs: str) -> Iterator:
    rows = matched[(matched["pairs"] == pairs) & (matched["features"] != "curves")]
    for _, some in rows.groupby("matched", sort=False):
        yield from some.itertuples()


def _sets(coverage: pd.DataFrame) -> Iterator[str]:
    rows = coverage[
        (coverage["class"] == "all")
        & (coverage["target"] == "rule")
        & np.isclose(coverage["miscoverage"].astype(float), 0.1)
        & (coverage["by"] == "network")
    ]
    for row in rows.itertuples():
        some = "" if row.can_exclude else "; too few calibrate to exclude every rule"
        yield (
            f"90% sets, {row.model}: hold the rule of {with_error(row.covered, row.covered_sem)} "
            f"of networks, {row.size:.1f} rules on average{some}."
        )


def _novelty(novelty: pd.DataFrame) -> Iterator[str]:
    for kind, rows in novelty.groupby("kind", sort=False):
        mean = rows.groupby("score", sort=False)["auroc"].agg(["mean", "sem"])
        best = mean["mean"].idxmax()
        parts = ", ".join(f"{name} {row['mean']:.2f}" for name, row in mean.iterrows())
        yield (
            f"A {kind} never trained on, told from known ones (AUROC, mean over "
            f"{rows['held_out'].nunique()}): {parts}; {best} is best, by hindsight."
        )


def _conditions(evaluation: Evaluation) -> Iterator[str]:
    info = evaluation.info
    in_all = len(info["classes_of"]["rule"])
    many = wording("rule").many
    for protocol, variants in info.get("dropped", {}).items():
        counts = ", ".join(f"{name} {len(classes)}" for name, classes in variants.items())
        yield f"{protocol}: {many} that some split could not train on, of {in_all}: {counts}."
    for why, names in _by_value(info.get("left_out", {})).items():
        yield f"Not run: {', '.join(names)} ({why})."
    if len(evaluation.further["headline"]):
        yield (
            "Looking up: the best guess that knows which rules run in a network's block and sees "
            "no measurement."
        )


def with_error(mean: Any, error: Any) -> str:
    """Return a number as text, with its error where there is one.

    >>> with_error(0.614, 0.021), with_error(0.5, float("nan")), with_error(float("nan"), 0)
    ('0.61 ± 0.02', '0.50', '–')
    """
    if pd.isna(mean):
        return "–"
    return f"{mean:.2f}" if pd.isna(error) else f"{mean:.2f} ± {error:.2f}"


def aligned(lines: list[list[str]]) -> str:
    """Return rows of text with columns of one width each."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _by_value(texts: dict[str, str]) -> dict[str, list[str]]:
    """Return the keys of each value."""
    keys: dict[str, list[str]] = {}
    for key, value in texts.items():
        keys.setdefault(value, []).append(key)
    return keys
