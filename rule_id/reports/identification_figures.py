"""Figures of an answer: probabilities, the map of simulated networks, and what spoke for it."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rule_id.evaluation.style import STYLE, look_of
from rule_id.models import Identification
from rule_id.models.evidence import Evidence
from rule_id.models.network_map import Place

__all__ = ["evidence_figure", "map_figure", "map_numbers", "probability_figure"]

_MOST_BARS = 12
_FOR, _AGAINST = "#0072B2", "#D55E00"


def probability_figure(answer: Identification) -> Figure:
    """Draw the probabilities of the first 12 classes, filled where in the set."""
    shown = answer.ranked[:_MOST_BARS]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 0.7 + 0.24 * len(shown)), layout="constrained")
        axes = figure.subplots()
        for place, (name, probability) in enumerate(shown):
            colour = look_of(name).colour
            kept = name in answer.set
            axes.barh(
                place, probability, height=0.7, ec=colour, color=colour if kept else "white",
                lw=1.2,
            )  # fmt: skip
        axes.axvline(1 / answer.n_classes, color="black", ls=":", lw=1)
        axes.set_yticks(range(len(shown)), [name for name, _ in shown])
        axes.set(xlabel="probability (dotted: by guessing)", xlim=(0, 1))
        axes.set_ylim(len(shown) - 0.5, -0.5)
    return figure


def evidence_figure(evidence: Evidence, number: int = 12) -> Figure:
    """Draw what statistics add to the log odds of the first class against the second.

    Args:
        evidence: What to draw.
        number: The most statistics to draw.
    """
    shown = evidence.groups[:number]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 0.8 + 0.22 * len(shown)), layout="constrained")
        axes = figure.subplots()
        values = [value for _, value in shown]
        axes.barh(
            range(len(shown)), values, height=0.7,
            color=[_FOR if value > 0 else _AGAINST for value in values],
        )  # fmt: skip
        axes.axvline(0, color="black", lw=0.8)
        axes.set_yticks(range(len(shown)), [name.replace("_", " ") for name, _ in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlabel(f"← {evidence.second}    log odds (nats)    {evidence.first} →")
    return figure


def map_figure(place: Place, name: str) -> Figure:
    """Draw a recording among the simulated networks.

    Networks far from the others are drawn at the edge, or these would share one spot.

    Args:
        place: Where it lies.
        name: What the recording is called.
    """
    labels = np.array(place.labels)
    classes = sorted(set(place.labels))
    low, high = _window(place)
    others = place.others.clip(low, high)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.8))
        axes = figure.subplots()
        for one in classes:
            look, own = look_of(one), others[labels == one]
            axes.plot(
                own[:, 0], own[:, 1], ls="", marker=look.marker, ms=4.5, color=look.colour,
                alpha=0.75, mew=0, label=one,
            )  # fmt: skip
        _draw_recording(axes, place)
        axes.set(xlabel="first axis (s.d.)", ylabel="second axis (s.d.)")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=1 + len(classes) // 18)
    return figure


def _window(place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Return where the axes begin and end, around the bulk of networks and the recording."""
    low, high = np.quantile(place.others, [0.1, 0.9], axis=0)
    margin = high - low
    return np.minimum(low - margin, place.point), np.maximum(high + margin, place.point)


def _draw_recording(axes: Axes, place: Place) -> None:
    axes.plot(
        *place.point, ls="", marker="*", ms=16, color="white", mec="black", mew=1.4,
        label="this recording", zorder=5,
    )  # fmt: skip


def map_numbers(place: Place) -> pd.DataFrame:
    """Return what `map_figure` draws, the recording first."""
    points = np.concatenate([place.point[None], place.others])
    return pd.DataFrame(
        {"class": ["this recording", *place.labels], "first": points[:, 0], "second": points[:, 1]}
    )
