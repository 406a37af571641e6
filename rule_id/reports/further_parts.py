"""What a page shows of an evaluation beside accuracies: controls, confusions, trust, claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rule_id.evaluation import PROTOCOLS, Evaluation
from rule_id.features import wording
from rule_id.reports.parts import Fold, Part, Reading
from rule_id.reports.pictures import Picture
from rule_id.reports.tables import Table, alignment_table, confusion_table, control_table

__all__ = [
    "alignment_parts",
    "confusion_parts",
    "control_parts",
    "measured_parts",
    "table_parts",
    "truncation_parts",
    "trust_parts",
]

_READINGS = {
    "compared": Reading(
        "The best baseline of a row is chosen by what it reached there, ours is the same in all.",
        "ahead by more than two errors in every row, and by more where something was held out.",
        "a row in which a baseline is level with ours: nothing was gained there.",
    ),
    "matched": Reading(
        "Pairs of networks that performed alike, or whose weights moved as far. “Value alone” "
        "sees only what they were matched in.",
        "pairs are told apart about as well matched as not, and the value alone is at 0.50.",
        "matched pairs fall to 0.50: rules are then told by how well, or far, they learned.",
    ),
    "no_learning": Reading(
        "Whether something learned at all.",
        "nearly all found, few false alarms even among networks that learned nothing.",
        "false alarms among networks that failed at their task as often as hits.",
    ),
    "coverage": Reading(
        "A set is promised to hold the true class with the probability in the first column of "
        "numbers.",
        "kept is about what is promised, and sets hold few classes.",
        "kept below promised by more than two errors, or sets that exclude nothing.",
    ),
    "novelty": Reading(
        "Whether a score notices networks of a kind that was never trained on.",
        "well above 0.50 for whatever is left out.",
        "about 0.50, or below: an unknown rule is then taken for a known one, unnoticed.",
    ),
    "claims": Reading(
        "Each claim was made testable before it was tested: a measure, and what it has to exceed.",
        "a verdict that does not hang on one error more or less.",
        "a claim whose measures disagree: it holds of some of them alone.",
    ),
}
"""How to read each table of `further_tables` that is shown open."""


def table_parts(further: Mapping[str, Table], name: str) -> Iterator[Part]:
    """Yield a table, if it is there, and how to read it."""
    if name in further:
        yield further[name]
        yield _READINGS[name]


def control_parts(found: Evaluation, further: Mapping[str, Table]) -> Iterator[Part]:
    """Yield what nuisances alone reach, matched pairs, and networks that do not learn."""
    control, nuisances = control_table(found), found.info.get("nuisances", [])
    if control is not None:
        yield control
        yield Reading(
            f"This classifier sees no measurement, only {', '.join(nuisances)}.",
            "no more than the floor over all blocks, and no more than chance within blocks.",
            "anything more than three errors above the floor: part of what the other classifiers "
            "find may then be how networks were made.",
        )
    yield from table_parts(further, "matched")
    yield from table_parts(further, "no_learning")


def confusion_parts(found: Evaluation, pictures: Mapping[str, Picture]) -> Iterator[Part]:
    """Yield the matrices, the first of new blocks, open, and the others folded."""
    words = wording(found.info["target"])
    # The first is shown open: no number says more about what to expect of new networks.
    ordered = sorted(PROTOCOLS, key=lambda protocol: protocol != "grouped")
    shown = [name for name in ordered if f"confusion-{name}" in pictures]
    if not shown:
        return
    yield pictures[f"confusion-{shown[0]}"]
    yield Reading(
        f"Rows are true {words.many} and add up to 100%; the strip at the left has the colour that "
        "the class has in every figure. Each matrix is of the most accurate classifier under its "
        "protocol, summed over splits.",
        "a dark diagonal.",
        f"an even row, of a {words.one} that leaves no trace the classifier can use; two dark "
        f"cells off the diagonal, mirrored, of two {words.many} that cannot be told apart.",
    )
    yield Fold(f"{shown[0]}, the numbers", [confusion_table(found, shown[0])])
    if "confusion-families" in pictures:
        yield pictures["confusion-families"]
        yield Reading(
            "The same of families, whose probabilities are sums over their rules.",
            "rules are mistaken within their family, so that this diagonal is darker.",
            "families that are mistaken for each other as often as rules are.",
        )
    for name in shown[1:]:
        yield Fold(name, [pictures[f"confusion-{name}"], confusion_table(found, name)])


def measured_parts(pictures: Mapping[str, Picture]) -> Iterator[Part]:
    """Yield the heat maps over units and noise."""
    if "measured" in pictures:
        yield pictures["measured"]
        yield Reading(
            "Share of networks of new blocks named correctly. Few units are at the top, much noise "
            "at the right; shades begin at the floor. One classifier is tested in all cells, "
            "trained on networks seen in random ways.",
            "cells stay dark where your recording would lie.",
            "the cell of your recording is nearly white: such a recording cannot say.",
        )


def truncation_parts(
    found: Evaluation, pictures: Mapping[str, Picture], tables: Mapping[str, Table]
) -> Iterator[Part]:
    """Yield accuracy against the part of training that is seen."""
    if "truncation" in pictures:
        yield pictures["truncation"]
        yield Reading(
            "Left, a window of training is seen; in the middle and at the right recording is "
            "sparser. Networks are of new blocks.",
            "a flat curve: the missing sessions would not have helped.",
            f"a curve that starts at chance: the {wording(found.info['target']).one} shows only "
            "late, or only in many sessions.",
        )
        yield Fold("The numbers", [tables["truncation"]] if "truncation" in tables else [])


def trust_parts(pictures: Mapping[str, Picture], further: Mapping[str, Table]) -> Iterator[Part]:
    """Yield reliability, calibration and the coverage of prediction sets."""
    if "reliability" in pictures:
        yield pictures["reliability"]
        yield Reading(
            "Networks in bins by their largest probability; the bars below say how many there are.",
            "points on the dotted line: of networks named with 0.8, eight in ten are right.",
            "points below it, where the classifier is too sure, or far above it, where it is not "
            "sure enough.",
        )
    if "calibration" in further:
        yield Fold("Calibration, the numbers", [further["calibration"]])
    yield from table_parts(further, "coverage")


def alignment_parts(found: Evaluation) -> Iterator[Part]:
    """Yield accuracy against how fast feedback was learned."""
    if (table := alignment_table(found)) is not None:
        yield table
        yield Reading(
            "Feedback that is learned soon makes a network learn much as its fixed point does, and "
            "feedback that is never learned much as random feedback does. A share of few tests "
            "says little.",
            "accuracy that does not depend on the time.",
            "accuracy that does: it is then about the speed of learning feedback as much as about "
            "the rule.",
        )
