"""One session from what its units did in the window of each trial."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.checks import is_z_scored
from rule_id.recordings.sessions import Session
from rule_id.recordings.trials import Responses, Trials

__all__ = ["LOOKED_AT", "session_of_responses", "z_scored_traces"]

LOOKED_AT = 8
"""How many units' whole traces are read to see whether they are z-scored."""


def session_of_responses(
    name: str,
    trials: Trials,
    responses: Responses,
    layers: np.ndarray,
    *,
    start: datetime | None = None,
    units: np.ndarray | None = None,
    z_scored: bool = False,
    warnings: Sequence[str] = (),
) -> Session:
    """Make a session of the trials whose window lies in the recording.

    Args:
        name: What messages call it.
        trials: The windows.
        responses: What units did in them.
        layers: The layer of each unit, (units,) of str.
        start: When the session began.
        units: The id of each unit over sessions, (units,) of str.
        z_scored: Whether the activity of every unit was z-scored.
        warnings: What was left out so far.

    Raises:
        InputError: No trial's window lies in the recording.
    """
    inside = responses.inside
    if not inside.any():
        low, high = responses.span
        raise InputError(
            f"the window of a trial or more must lie in the recording, which runs from {low:g} to "
            f"{high:g} s; the first trial's runs from {trials.starts[0]:g} to "
            f"{trials.stops[0]:g} s"
        )
    said = [*warnings, *trials.warnings]
    if not inside.all():
        said.append(
            f"{np.sum(~inside)} of {len(inside)} trials are left out: their window leaves the "
            "recording"
        )
    return Session(
        name,
        responses.values[inside],
        trials.conditions[inside],
        layers,
        start,
        units,
        z_scored,
        tuple(said),
    )


def z_scored_traces(traces: np.ndarray) -> bool:
    """Say whether every unit was z-scored over the session, gaps aside.

    Args:
        traces: Of `LOOKED_AT` units or fewer, (samples, units).
    """
    return is_z_scored(traces[np.isfinite(traces).all(axis=1)])
