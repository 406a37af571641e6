"""The sections of a page about an evaluation; those that have something to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rule_id.evaluation import PROTOCOLS, Drawn, Evaluation, all_figures
from rule_id.features import wording
from rule_id.reports.further_tables import further_tables, headline_table
from rule_id.reports.parts import Bullets, Facts, Fold, Notes, Part, Reading, Section, Text
from rule_id.reports.pictures import Picture, draw_picture
from rule_id.reports.reading import read_confusions, read_results
from rule_id.reports.tables import (
    Table,
    alignment_table,
    confusion_table,
    control_table,
    result_tables,
)

__all__ = ["evaluation_sections"]

LABELS = {
    "generalisation": "Accuracy of each classifier under each protocol, with chance as a dotted "
    "and the floor as a dashed line; the table of generalisation has the numbers.",
    "truncation": "Accuracy for whole networks against the part of training that is seen; the "
    "table of truncated trajectories has the numbers.",
    "reliability": "Share of networks named correctly against how sure the classifier was, with "
    "the line of perfect probabilities; below, how many networks were in each bin.",
    "measured": "Heat maps of accuracy, units of a layer by noise, a panel for each set of "
    "observables; the numbers are written in the cells.",
    "confusion-families": "Confusion matrix of families on new blocks.",
}


def evaluation_sections(evaluation: Evaluation) -> list[Section]:
    """Return what a page shows of an evaluation, for the target in its `info`.

    Args:
        evaluation: What was found.
    """
    found = evaluation.of(evaluation.info["target"])
    pictures = {name: _picture(name, drawn) for name, drawn in all_figures(evaluation).items()}
    tables, further = result_tables(found), further_tables(found)
    sections = [
        Section("short", "In short", list(_short(found))),
        Section("done", "What was done", _done(found)),
        Section("headline", "Headline", list(_headline(evaluation))),
        Section("generalisation", "Generalisation", list(_generalisation(found, pictures, tables))),
        Section("controls", "Controls", list(_controls(found, further))),
        Section(
            "confusions",
            f"Which {wording(found.info['target']).one} is taken for which",
            list(_confusions(found, pictures)),
            "Confusions",
        ),
        Section("measured", "With fewer units and more noise", list(_measured(pictures)), "Noise"),
        Section(
            "truncation", "With less of training seen", list(_truncation(found, pictures, tables)),
            "Less of training",
        ),
        Section("trust", "How far probabilities can be trusted", list(_trust(pictures, further)),
                "Trust"),
        Section("novelty", "What was never trained on", list(_novelty(further)), "Novelty"),
        Section("claims", "What the 2020 paper claims", list(_claims(further)), "Claims"),
        Section(
            "alignment", "Accuracy against how fast feedback is learned", list(_alignment(found)),
            "Learned feedback",
        ),
    ]  # fmt: skip
    return [section for section in sections if section.parts]


def _picture(name: str, drawn: Drawn) -> Picture:
    label = LABELS.get(name) or f"Confusion matrix, {name.removeprefix('confusion-')}."
    return draw_picture(name, label, drawn.figure, drawn.numbers)


def _short(found: Evaluation) -> Iterator[Part]:
    one = wording(found.info["target"]).one
    yield Text(
        f"Share of networks (or layers) whose {one} is named correctly, mean ± s.e.m. over splits:"
    )
    yield Facts(read_results(found), wide=True)
    if confused := read_confusions(found):
        yield Text(f"Most often confused on new blocks, in percent of the true {one}'s networks:")
        yield Bullets(confused)


def _done(found: Evaluation) -> list[Part]:
    info, words = found.info, wording(found.info["target"])
    features = info["n_features"].get(info["feature_set"], "?")
    tuned = "chosen within the training part of each split"
    return [
        Text(
            "Networks were trained by known learning rules and measured at checkpoints over "
            f"training. Classifiers learned to name the {words.one} of a single layer from its "
            "features; the layers of a network were then combined. Each protocol below decides "
            "which networks a classifier learns from and which it is tested on."
        ),
        Facts(
            [
                ("Corpus", info["corpus"]),
                ("Networks", info["n_networks"]),
                ("Diverged, left out", info["n_diverged"]),
                ("Set apart by the plan, never trained on", info.get("n_held_out") or None),
                ("Blocks", info["n_blocks"]),
                ("Layers", info["n_layers"]),
                (words.many.capitalize(), ", ".join(info["classes"])),
                ("Feature set", f"{info['feature_set']} ({features} features a layer)"),
                ("Classifiers", ", ".join(info["models"])),
                ("Splits of each protocol", info["splits"]),
                (
                    "Hyperparameters",
                    tuned if info["tune"] else "defaults, the same in every split",
                ),
            ]
        ),
        Text(
            "A block is one draw of what its networks share (architecture, task, steps, batch "
            "size); every rule that supports it is trained in every block."
        ),
    ]


def _headline(found: Evaluation) -> Iterator[Part]:
    if (table := headline_table(found)) is None:
        return
    yield table
    yield Reading(
        "Each row is a classifier on its features, each column a question. “Guessing” looks at "
        "nothing; “looking up” also knows which rules run in a network's block. Rows named "
        "“curves” and “shuffled rules” are controls, others below ours are baselines.",
        "our rows lie well above both last rows, and above the curves, by more than two errors.",
        "a row of shuffled rules above guessing: then something leaks.",
    )
    for subset in ("learned", "learning rules"):
        if (table := headline_table(found, subset)) is not None:
            yield Fold(f"Networks counted: {subset}", [table])


def _generalisation(
    found: Evaluation, pictures: Mapping[str, Picture], tables: Mapping[str, Table]
) -> Iterator[Part]:
    many = wording(found.info["target"]).many
    if "generalisation" in pictures:
        yield pictures["generalisation"]
        yield Reading(
            "Every row is a protocol, a way to choose who is tested; a fall from network to "
            "grouped is what sharing a block is worth. Protocol paper splits single layers, so "
            "that layers of one network stand on both sides: compare it with the 2020 paper, and "
            "with nothing else.",
            "marks stay well to the right of the dotted line, chance, and of the dashed one, the "
            "floor, in every row.",
            "marks that drop to the lines when an architecture or a task is held out: the "
            f"architectures or tasks were learned rather than the {many}.",
        )
    shown = [tables[name] for name in ("network", "layer", "paper") if name in tables]
    yield from shown
    if shown:
        yield Reading(
            "In brackets stands chance, what a classifier reaches that does not look at the "
            "features; beside it, of accuracies, stands the floor, what the best guess reaches "
            f"that knows which {many} occur in a network's block. Where every block has all of "
            "them the two are one. d′ is 0 for guessing and grows with the distance between hits "
            "and false alarms. The splits of one corpus overlap, so the s.e.m. says how much "
            "splits differ; it is no confidence interval for networks of another corpus."
        )
    if "held-out" in tables:
        yield Fold("By what was held out", [tables["held-out"]])
    left_out = found.info.get("left_out", {})
    yield Fold(
        "What each protocol trains on and tests",
        [
            Notes(
                [
                    *found.info["protocols"].items(),
                    *((f"{name}, not run", f"It {why}.") for name, why in left_out.items()),
                ]
            )
        ],
    )


def _controls(found: Evaluation, further: Mapping[str, Table]) -> Iterator[Part]:
    control, nuisances = control_table(found), found.info.get("nuisances", [])
    if control is not None:
        yield control
        yield Reading(
            f"This classifier sees no measurement, only {', '.join(nuisances)}.",
            "no more than the floor over all blocks, and no more than chance within blocks.",
            "anything more than three errors above the floor: part of what the other classifiers "
            "find may then be how networks were made.",
        )
    if "matched" in further:
        yield further["matched"]
        yield Reading(
            "Pairs of networks that performed alike, or whose weights moved as far. “Value alone” "
            "sees only what they were matched in.",
            "pairs are told apart about as well matched as not, and the value alone is at 0.50.",
            "matched pairs fall to 0.50: rules are then told by how well, or far, they learned.",
        )
    if "no_learning" in further:
        yield further["no_learning"]
        yield Reading(
            "Whether something learned at all.",
            "nearly all found, few false alarms even among networks that learned nothing.",
            "false alarms among networks that failed at their task as often as hits.",
        )


def _confusions(found: Evaluation, pictures: Mapping[str, Picture]) -> Iterator[Part]:
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


def _measured(pictures: Mapping[str, Picture]) -> Iterator[Part]:
    if "measured" in pictures:
        yield pictures["measured"]
        yield Reading(
            "Share of networks of new blocks named correctly. Few units are at the top, much noise "
            "at the right; shades begin at the floor. One classifier is tested in all cells, "
            "trained on networks seen in random ways.",
            "cells stay dark where your recording would lie.",
            "the cell of your recording is nearly white: such a recording cannot say.",
        )


def _truncation(
    found: Evaluation, pictures: Mapping[str, Picture], tables: Mapping[str, Table]
) -> Iterator[Part]:
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


def _trust(pictures: Mapping[str, Picture], further: Mapping[str, Table]) -> Iterator[Part]:
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
    if "coverage" in further:
        yield further["coverage"]
        yield Reading(
            "A set is promised to hold the true class with the probability in the first column of "
            "numbers.",
            "kept is about what is promised, and sets hold few classes.",
            "kept below promised by more than two errors, or sets that exclude nothing.",
        )


def _novelty(further: Mapping[str, Table]) -> Iterator[Part]:
    if "novelty" in further:
        yield further["novelty"]
        yield Reading(
            "Whether a score notices networks of a kind that was never trained on.",
            "well above 0.50 for whatever is left out.",
            "about 0.50, or below: an unknown rule is then taken for a known one, unnoticed.",
        )


def _claims(further: Mapping[str, Table]) -> Iterator[Part]:
    if "claims" in further:
        yield further["claims"]
        yield Reading(
            "Each claim was made testable before it was tested: a measure, and what it has to "
            "exceed.",
            "a verdict that does not hang on one error more or less.",
            "a claim whose measures disagree: it holds of some of them alone.",
        )


def _alignment(found: Evaluation) -> Iterator[Part]:
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
