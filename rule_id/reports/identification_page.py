"""Answers for recordings as a page: the verdict first, then what it rests on and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from rule_id.features import wording
from rule_id.models import Identification
from rule_id.reports.html import Page, build_page
from rule_id.reports.identification_figures import (
    evidence_figure,
    map_figure,
    map_numbers,
    probability_figure,
)
from rule_id.reports.methods import REFERENCES
from rule_id.reports.parts import (
    Bullets,
    Facts,
    Fold,
    Heading,
    Part,
    Quote,
    Reading,
    Section,
    Text,
)
from rule_id.reports.pictures import draw_picture
from rule_id.reports.tables import Table
from rule_id.version import __version__

__all__ = ["identification_page"]


def identification_page(answers: Identification | Sequence[Identification]) -> Page:
    """Return answers as a page.

    Args:
        answers: What `identify` returned, or one of it.
    """
    several = [answers] if isinstance(answers, Identification) else list(answers)
    names = ", ".join(answer.name for answer in several)
    number = f"{len(several)} recording{'s' * (len(several) != 1)}"
    sections = [
        Section(f"answer-{place}", answer.name, list(_parts(answer, f"answer-{place}")))
        for place, answer in enumerate(several, start=1)
    ]
    return build_page(
        f"Which learning rule? {names}",
        "Which learning rule?",
        f"What rule-id says of {number}.",
        [*sections, _methods(several)],
    )


def _parts(answer: Identification, name: str) -> Iterator[Part]:
    yield Text(answer.verdict, strong=True)
    yield Facts(_facts(answer))
    if answer.ranked:
        yield from _probabilities(answer, name)
    yield from _place(answer, name)
    yield from _evidence(answer, name)
    if answer.outside.features:
        yield Heading("What lies farthest outside its usual range")
        yield Bullets([str(one) for one in answer.outside.features])
    if answer.costs and not answer.outside:
        yield Heading("What was not recorded, and how many held-out networks are named with it")
        yield Bullets(
            [
                f"{what}: {accuracy:.2f} instead of {answer.held_out_accuracy:.2f}"
                for what, accuracy in answer.costs
            ]
        )
    yield Heading("To be kept in mind")
    yield Bullets(answer.warnings)


def _facts(answer: Identification) -> list[tuple[str, object]]:
    outside = answer.outside
    kept = f"{', '.join(answer.set) or 'none'} ({len(answer.set)} of {answer.n_classes})"
    alike = "much like this" if answer.seen_alike else "otherwise, for none were seen like this"
    trusted = (
        f"{answer.held_out_accuracy:.2f} of {answer.cell.n} are named rightly (chance "
        f"{answer.chance:.2f}); seen were {answer.cell.view}"
    )
    return [
        ("Seen", str(answer.view)),
        (f"{100 * answer.level:g}% set", kept if answer.ranked and not outside else None),
        (f"Held-out networks seen {alike}", None if outside else trusted),
        (
            "Distance to the networks of training",
            f"{outside.distance:.2f}; 99 in 100 held-out networks lie within {outside.edge:.2f}",
        ),
    ]


def _probabilities(answer: Identification, name: str) -> Iterator[Part]:
    words = wording(answer.target)
    yield Heading("Probabilities")
    if answer.outside:
        yield Text("Were it one of these all the same:")
    label = f"Probabilities of {words.many}, the first {answer.ranked[0][0]}; the table has them."
    numbers = pd.DataFrame(answer.ranked, columns=[words.one, "probability"])
    yield draw_picture(f"{name}-probabilities", label, probability_figure(answer), numbers)
    yield Reading(
        f"Filled bars are in the set that holds the true {words.one} of "
        f"{100 * answer.level:g}% of simulated networks.",
        "one filled bar, far to the right of the dotted line.",
        "many filled bars near the line: the data cannot say.",
    )
    tables = [_ranking(words.many.capitalize(), words.one.capitalize(), answer.ranked)]
    if answer.families:
        tables.append(_ranking("Families, sums over their rules", "Family", answer.families))
    rows = [
        [(layer.name, ""), (layer.ranked[0][0], ""), (f"{layer.ranked[0][1]:.2f}", "")]
        for layer in answer.layers
    ]
    tables.append(Table("What each layer alone says", ["Layer", "First", "Probability"], rows, 2))
    yield Fold("The numbers, families, and each layer alone", tables)


def _ranking(caption: str, head: str, ranked: list[tuple[str, float]]) -> Table:
    rows = [[(name, ""), (f"{probability:.3f}", "")] for name, probability in ranked]
    return Table(caption, [head, "Probability"], rows, 1)


def _place(answer: Identification, name: str) -> Iterator[Part]:
    yield Heading("Where it lies among simulated networks")
    if answer.place is None:
        yield Text(
            "Not shown: the classifier holds no map of simulated networks (one that is trained "
            "anew does), or nothing changes in the recording."
        )
        return
    label = (
        f"Map of {len(answer.place.labels)} simulated networks, coloured by what they learned by, "
        "with the recording as a star."
    )
    picture = draw_picture(
        f"{name}-map", label, map_figure(answer.place, answer.name), map_numbers(answer.place)
    )
    yield picture
    yield Reading(
        "Each mark is a simulated network that the classifier was not fitted to, seen through the "
        "observables that were recorded. The axes are the two in which classes differ most; the "
        "classifier uses many more. Networks far from the others are drawn at the edge.",
        "the star lies within a cloud of one colour.",
        "it lies where no network does, or where colours mix.",
    )


def _evidence(answer: Identification, name: str) -> Iterator[Part]:
    evidence = answer.evidence
    if evidence is None:
        return
    yield Heading("What spoke for it, and what against")
    numbers = pd.DataFrame(evidence.groups, columns=["statistic", "log odds"])
    label = (
        f"What each statistic adds to the log odds of {evidence.first} against {evidence.second}, "
        "the largest first; the table has all."
    )
    yield draw_picture(f"{name}-evidence", label, evidence_figure(evidence), numbers)
    yield Reading(
        f"Bars to the right spoke for {evidence.first}, bars to the left for {evidence.second}, "
        "the runner-up. Features of one statistic are summed; related statistics share what they "
        "say, so that one of them alone means little.",
        "many statistics point the same way.",
        "one statistic decides against the others; look whether it was measured well.",
    )
    rows = [[(group, ""), (f"{value:+.3f}", "")] for group, value in evidence.groups]
    yield Fold(
        "The numbers of all statistics",
        [Table("Log odds (nats) added by each statistic", ["Statistic", "Log odds"], rows, 1)],
    )


def _methods(answers: Sequence[Identification]) -> Section:
    paragraphs = dict.fromkeys(_paragraph(answer) for answer in answers)
    parts: list[Part] = [*map(Quote, paragraphs), Heading("References"), Bullets(REFERENCES)]
    return Section("methods", "Methods, to copy", parts, "Methods")


def _paragraph(answer: Identification) -> str:
    made = answer.trained
    versions = ", ".join(f"{name} {number}" for name, number in made.get("versions", {}).items())
    hashed = f", corpus hash {made['content_hash']}" if made.get("content_hash") else ""
    return (
        f"Recordings were identified with rule-id {__version__}, following Nayebi et al. (2020): a "
        f"classifier ({made.get('model', '?')}, feature set “{made.get('feature_set', '?')}”) that "
        f"was trained on simulated networks (corpus {made.get('corpus', '?')}{hashed}) named one "
        f"of {answer.n_classes} {wording(answer.target).many} under equal priors; prediction sets "
        f"at {100 * answer.level:g}% are conformal, class by class. Trained with {versions}."
    )
