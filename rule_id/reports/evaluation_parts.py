"""The sections of a page about an evaluation; those that have something to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rule_id.evaluation import Drawn, Evaluation, all_figures
from rule_id.features import wording
from rule_id.reports.further_parts import (
    alignment_parts,
    confusion_parts,
    control_parts,
    measured_parts,
    table_parts,
    truncation_parts,
    trust_parts,
)
from rule_id.reports.further_tables import further_tables, headline_table
from rule_id.reports.parts import Bullets, Facts, Fold, Notes, Part, Reading, Section, Text
from rule_id.reports.pictures import Picture, draw_picture
from rule_id.reports.reading import read_confusions, read_results
from rule_id.reports.tables import Table, result_tables

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
    one = wording(found.info["target"]).one
    sections: list[tuple[str, str, Iterable[Part], str]] = [
        ("short", "In short", _short(found), ""),
        ("done", "What was done", _done(found), ""),
        ("headline", "Headline", _headline(evaluation), ""),
        ("generalisation", "Generalisation", _generalisation(found, pictures, tables), ""),
        ("compared", "Ours and the baselines", table_parts(further, "compared"), "Baselines"),
        ("controls", "Controls", control_parts(found, further), ""),
        ("confusions", f"Which {one} is taken for which", confusion_parts(found, pictures),
         "Confusions"),
        ("measured", "With fewer units and more noise", measured_parts(pictures), "Noise"),
        ("truncation", "With less of training seen", truncation_parts(found, pictures, tables),
         "Less of training"),
        ("trust", "How far probabilities can be trusted", trust_parts(pictures, further), "Trust"),
        ("novelty", "What was never trained on", table_parts(further, "novelty"), "Novelty"),
        ("claims", "What the 2020 paper claims", table_parts(further, "claims"), "Claims"),
        ("alignment", "Accuracy against how fast feedback is learned", alignment_parts(found),
         "Learned feedback"),
    ]  # fmt: skip
    made = [Section(name, title, list(parts), link) for name, title, parts, link in sections]
    return [section for section in made if section.parts]


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
                ("Splits of each protocol, at most", info["splits"]),
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
