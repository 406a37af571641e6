"""How far probabilities and prediction sets can be trusted, from the protocol `calibrated`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rule_id.evaluation.answers import Answers
from rule_id.evaluation.coverage import KnownNetworks, coverage
from rule_id.evaluation.reliability import expected_calibration_error, reliability
from rule_id.evaluation.results import FURTHER
from rule_id.models.temperature import fit_temperature, tempered

__all__ = ["Halves", "calibration_tables", "coverage_table"]

Halves = dict[tuple[str, str, int], list[Answers]]
"""For a model, a target and a split, what was found for networks of the two halves."""

BY = ("network", "block")


def calibration_tables(halves: Halves) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how far the probability of the most probable class is its share of hits.

    Raw, and `tempered`: with the temperature that is best on the other half of the blocks.

    Args:
        halves: What was found.

    Returns:
        `calibration`, one row a (model, target, scaled), with the expected calibration error, its
        standard error over splits and the mean temperature; and `reliability`, one row a bin of
        the same, all splits and halves pooled.
    """
    summaries, bins = [], []
    for (model, target), group in _grouped(halves).items():
        for scaled in ("raw", "tempered"):
            parts = [part for pair in group for part in _scaled(pair, scaled)]
            errors = [
                np.mean([expected_calibration_error(p, a.true, a.classes) for p, a, _ in two])
                for two in zip(parts[::2], parts[1::2], strict=True)
            ]
            probabilities, true, classes = _pooled(parts)
            confidence = probabilities.max(axis=1)
            correct = np.array(classes)[probabilities.argmax(axis=1)] == true
            summaries.append(
                (model, target, scaled, np.mean(errors), pd.Series(errors).sem(),
                 np.exp(np.mean([np.log(t) for *_, t in parts])), confidence.mean(),
                 correct.mean(), len(true))
            )  # fmt: skip
            blocks = np.concatenate([a.blocks for _, a, _ in parts])
            table = reliability(probabilities, true, classes, blocks=blocks)
            bins.append(table.assign(model=model, target=target, scaled=scaled))
    return (
        pd.DataFrame(summaries, columns=list(FURTHER["calibration"])),
        _stacked(bins, "reliability"),
    )


def coverage_table(halves: Halves) -> pd.DataFrame:
    """Return how often sets that one half calibrated hold the true class of the other half.

    Args:
        halves: What was found.

    Returns:
        One row a (model, target, by, miscoverage, class), means over splits and halves; the error
        is the mean of theirs over blocks, for splits overlap. `can_exclude` is true where it is in
        all of them.
    """
    tables = []
    for (model, target), group in _grouped(halves).items():
        for pair in group:
            for calibrating, tested in (pair, pair[::-1]):
                for by in BY:
                    found = coverage(_known(calibrating), _known(tested), tested.classes, by=by)
                    tables.append(found.assign(model=model, target=target, by=by))
    if not tables:
        return pd.DataFrame(columns=list(FURTHER["coverage"]))
    keys = ["model", "target", "by", "miscoverage", "class"]
    every = pd.concat(tables, ignore_index=True).astype({"can_exclude": bool})
    mean = every.groupby(keys, sort=False).mean()
    mean["can_exclude"] = every.groupby(keys, sort=False)["can_exclude"].all()
    return mean.reset_index()[list(FURTHER["coverage"])]


def _grouped(halves: Halves) -> dict[tuple[str, str], list[list[Answers]]]:
    """Return the pairs of halves of all splits for each model and target."""
    groups: dict[tuple[str, str], list[list[Answers]]] = {}
    for (model, target, _), pair in halves.items():
        if all(len(half.true) for half in pair):
            groups.setdefault((model, target), []).append(pair)
    return groups


def _scaled(pair: list[Answers], scaled: str) -> Iterator[tuple[np.ndarray, Answers, float]]:
    """Yield the probabilities of both halves, and the temperature that the other half chose."""
    for own, other in (pair, pair[::-1]):
        temperature = 1.0
        if scaled == "tempered":
            temperature = fit_temperature(other.probabilities, other.true, other.classes)
        yield tempered(own.probabilities, temperature), own, temperature


def _pooled(
    parts: list[tuple[np.ndarray, Answers, float]],
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return probabilities, true classes and classes of all; classes of some have 0 elsewhere."""
    classes = sorted(set().union(*(answers.classes for _, answers, _ in parts)))
    stacked = []
    for probabilities, answers, _ in parts:
        full = np.zeros((len(probabilities), len(classes)))
        full[:, np.searchsorted(classes, answers.classes)] = probabilities
        stacked.append(full)
    true = np.concatenate([answers.true for _, answers, _ in parts])
    return np.concatenate(stacked), true, classes


def _known(answers: Answers) -> KnownNetworks:
    return KnownNetworks(answers.probabilities, answers.true, answers.blocks)


def _stacked(tables: list[pd.DataFrame], name: str) -> pd.DataFrame:
    columns = list(FURTHER[name])
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )
