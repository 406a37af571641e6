"""Every figure of an evaluation, those that a report shows and those for use elsewhere."""

from __future__ import annotations

from matplotlib.figure import Figure

from rule_id.evaluation.figures import draw_figures
from rule_id.evaluation.figures_measured import measured_figure
from rule_id.evaluation.figures_uncertainty import reliability_figure
from rule_id.evaluation.results import Evaluation

__all__ = ["all_figures"]


def all_figures(evaluation: Evaluation) -> dict[str, Figure]:
    """Return all figures of an evaluation by name: those that its protocols give data for.

    Args:
        evaluation: What to draw; figures of one target are of that in its `info`.
    """
    found = evaluation.of(evaluation.info["target"])
    figures = draw_figures(found)
    reliability = found.further["reliability"]
    groups = {
        f"{model}, {scaled}": rows
        for (model, scaled), rows in reliability.groupby(["model", "scaled"], sort=False)
    }
    if groups:
        figures["reliability"] = reliability_figure(groups)
    measured = measured_figure(found.further["measured"])
    return figures if measured is None else figures | {"measured": measured}
