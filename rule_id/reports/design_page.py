"""What to record, as a page: the answer first, then accuracy over what could be recorded."""

from __future__ import annotations

import pandas as pd

from rule_id.evaluation.designing import Design, draw_designs
from rule_id.evaluation.printing import with_error
from rule_id.features import wording
from rule_id.reports.html import Page, build_page
from rule_id.reports.methods import REFERENCES
from rule_id.reports.parts import Bullets, Facts, Fold, Heading, Part, Quote, Reading, Section, Text
from rule_id.reports.pictures import draw_picture
from rule_id.reports.tables import Table
from rule_id.version import __version__

__all__ = ["design_page"]

LABELS = {
    "design-checkpoints": "Heat maps of accuracy, units of a layer by checkpoints, a panel for "
    "each observable; the numbers are written in the cells.",
    "design-noise": "Heat maps of accuracy, units of a layer by noise, a panel for each "
    "observable; the numbers are written in the cells.",
}


def design_page(design: Design) -> Page:
    """Return a design as a page.

    Args:
        design: What was found.
    """
    info = design.info
    sections = [
        Section("answer", "The cheapest that does", _answer(design)),
        Section("maps", "What accuracy depends on", _maps(design)),
        Section("methods", "Methods, to copy", _methods(design)),
    ]
    many = wording(info["target"]).many
    return build_page(
        f"What to record: {', '.join(info['candidates'])}",
        "What must be recorded?",
        f"Which units, checkpoints and observables tell these {many} apart, and what they cost.",
        sections,
        info.get("notes", ()),
    )


def _answer(design: Design) -> list[Part]:
    info = design.info
    # The text of the command line; what follows its grid is drawn below.
    lines = str(design).splitlines()
    head = [line.strip() for line in lines if line.startswith(("Cheapest", "No measurement"))]
    answers = [line.strip() for line in lines if line.startswith("  ") and ":" in line]
    return [
        *(Text(line, strong=True) for line in head),
        Bullets(answers),
        Facts(
            [
                ("Candidates", ", ".join(info["candidates"])),
                ("Accuracy asked for", f"{info['accuracy']:.2f}"),
                ("Without a measurement", f"{info['floor']:.2f}"),
                ("Networks", info["n_networks"]),
                ("Blocks", info["n_blocks"]),
                (
                    "Prices",
                    ", ".join(f"{name} {price:g}" for name, price in info["prices"].items()),
                ),
            ]
        ),
        _table("What is cheapest at each level of noise.", design.cheapest),
        Reading(
            "A price is for one unit at one checkpoint. What is named reaches the accuracy asked "
            "for by more than one standard error, over blocks that were not trained on.",
            "several cheap measurements reach it: then the answer does not hang on one.",
            "“not reached”: no measurement of this corpus tells the candidates apart so well.",
        ),
    ]


def _maps(design: Design) -> list[Part]:
    parts: list[Part] = []
    for name, figure in draw_designs(design).items():
        parts.append(draw_picture(name, LABELS[name], figure, design.table))
    parts += [
        Reading(
            "Each cell is one way to record; outlined are those that reach the accuracy asked for.",
            "accuracy rises towards more units and checkpoints and levels off: beyond that nothing "
            "is gained.",
            "no outline where your experiment could be.",
        ),
        Fold("Every measurement, the numbers", [_table("All measurements.", design.table)]),
    ]
    return parts


def _table(caption: str, rows: pd.DataFrame) -> Table:
    lines = [
        [
            (str(row.noise), ""), (str(row.observables).replace("+", " + "), ""),
            (str(row.units), ""), (f"{row.checkpoints}", ""),
            (with_error(row.accuracy, row.accuracy_sem), ""), (f"{row.cost:,.0f}", ""),
        ]
        for row in rows.itertuples()
    ]  # fmt: skip
    columns = ["Noise", "Observables", "Units", "Checkpoints", "Accuracy", "Cost"]
    return Table(caption, columns, lines, 3)


def _methods(design: Design) -> list[Part]:
    info = design.info
    versions = ", ".join(f"{name} {number}" for name, number in info.get("versions", {}).items())
    hashed = f" (corpus hash {info['content_hash']})" if info.get("content_hash") else ""
    paragraph = (
        f"What to record was found with rule-id {__version__}, following Nayebi et al. (2020): "
        f"{info['n_networks']} simulated networks in {info['n_blocks']} blocks{hashed}, trained by "
        f"{', '.join(info['candidates'])}, were measured in several ways; classifiers "
        f"({info['model']}, feature set “{info['feature_set']}”) were tested on blocks that they "
        f"were not trained on, in {info['folds']} folds. Versions: {versions}."
    )
    return [Quote(paragraph), Heading("References"), Bullets(REFERENCES)]
