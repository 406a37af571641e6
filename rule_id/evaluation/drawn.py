"""Every figure of an evaluation with the numbers in it, for its folder and for reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from rule_id.evaluation.figures import (
    confusion_counts,
    confusion_figure,
    generalisation_figure,
    generalisation_rows,
    truncation_figure,
    truncation_rows,
)
from rule_id.evaluation.figures_measured import measured_cells, measured_figure
from rule_id.evaluation.figures_uncertainty import reliability_figure
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation

__all__ = ["Drawn", "all_figures"]


@dataclass(frozen=True)
class Drawn:
    """A figure, and the numbers that it shows."""

    figure: Figure
    numbers: pd.DataFrame


def all_figures(evaluation: Evaluation) -> dict[str, Drawn]:
    """Return all figures of an evaluation by name: those that its protocols give data for.

    Args:
        evaluation: What to draw; figures of one target are of that in its `info`. Beside rules the
            confusions of families are drawn, on new blocks.
    """
    target = evaluation.info["target"]
    found = evaluation.of(target)
    figures = dict(_of_protocols(found))
    if target == "rule" and "family" in evaluation.info["classes_of"]:
        families = evaluation.of("family")
        if _has_confusions(families, "grouped"):
            figures["confusion-families"] = _confusion(families, "grouped")
    return figures | dict(_further(found))


def _of_protocols(found: Evaluation) -> Iterator[tuple[str, Drawn]]:
    protocols = list(found.table["protocol"].unique())
    whole = [name for name in protocols if PROTOCOLS[name].kind == "plain"]
    for name in whole:
        yield f"confusion-{name}", _confusion(found, name)
    if whole:
        yield "generalisation", Drawn(generalisation_figure(found), generalisation_rows(found))
    if "truncated" in protocols:
        yield "truncation", Drawn(truncation_figure(found), truncation_rows(found))


def _further(found: Evaluation) -> Iterator[tuple[str, Drawn]]:
    reliability, measured = found.further["reliability"], found.further["measured"]
    groups = {
        f"{model}, {scaled}": rows
        for (model, scaled), rows in reliability.groupby(["model", "scaled"], sort=False)
    }
    if groups:
        yield "reliability", Drawn(reliability_figure(groups), reliability)
    heat_maps = measured_figure(measured)
    if heat_maps is not None:
        cells = measured_cells(measured).drop(columns=["order", "column"])
        yield "measured", Drawn(heat_maps, cells)


def _has_confusions(found: Evaluation, protocol: str) -> bool:
    rows = found.confusions
    return bool(((rows["protocol"] == protocol) & (rows["level"] == "network")).any())


def _confusion(found: Evaluation, protocol: str) -> Drawn:
    counts = confusion_counts(found, protocol)
    numbers = counts.reset_index().melt(id_vars="true", value_name="count")
    return Drawn(confusion_figure(found, protocol), numbers)
