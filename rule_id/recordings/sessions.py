"""Sessions of trials, as one recording: a checkpoint a session, or a block of trials of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.equalising import condition_averages, layers_in_all, without_gaps
from rule_id.recordings.recording import Recording, recording_from_arrays
from rule_id.recordings.session_times import days, order_in_time
from rule_id.recordings.unit_choice import all_units, drawn_units, tracked_units

__all__ = ["Session", "recording_from_sessions"]


@dataclass(frozen=True, eq=False)
class Session:
    """One session of recording: how each unit responded in each trial.

    Attributes:
        name: What messages call it.
        responses: Mean activity of each unit in the window of each trial, (trials, units), in any
            unit that is the same in all sessions; NaN where it was not recorded. Trials stand in
            order of time.
        conditions: The condition of each trial, (trials,) of str.
        layers: The layer of each unit, (units,) of str; empty for a unit of none.
        start: When it began, with its time zone; None where sessions are given in order.
        units: The id of each unit, (units,) of str, the same in every session; empty for a unit
            that was not found again. None where units were not registered.
        z_scored: Whether the activity of every unit was z-scored within the session.
        warnings: What was left out on reading, a sentence each.

    Raises:
        InputError: The shapes do not fit each other.
    """

    name: str
    responses: np.ndarray
    conditions: np.ndarray
    layers: np.ndarray
    start: datetime | None = None
    units: np.ndarray | None = None
    z_scored: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arrays that disagree."""
        n_units = len(self.layers if self.units is None else self.units)
        shape = (len(self.conditions), len(self.layers))
        if self.responses.shape != shape or n_units != len(self.layers):
            raise InputError(
                f"session {self.name}: responses must have the shape (trials, units), with a "
                f"condition for each trial and a layer for each unit, {shape}; got "
                f"{self.responses.shape}"
            )


def recording_from_sessions(
    name: str,
    sessions: Sequence[Session],
    signal: str,
    *,
    layers: Sequence[str] | None = None,
    seed: int = 0,
    blocks: int | None = None,
    tracked: bool | None = None,
) -> Recording:
    r"""Make a recording of sessions, with one checkpoint for each.

    What is compared over sessions must be measured alike in each, so that only conditions and
    layers of every session are used. In session t, with r the responses,

    .. math:: x_{t c u} = \frac{1}{n_c} \sum_{k \in K_{t c}} r_{t k u}

    over `K`, as many trials of condition c as the session has that has fewest of it, `n_c`, drawn
    at random. Of each layer, each session has as many units as the session that has fewest, drawn
    at random too, since statistics depend on their number; with `tracked` the units are those that
    have the same id in every session. `Recording.warnings` says what was left out.

    Args:
        name: The id of the network.
        sessions: Two or more; sorted by `start` where they have one, else in the order given. With
            `blocks`, one.
        signal: `rate`, `calcium`, `deconvolved` or `model`.
        layers: The layers to use, from first to last; None for all, sorted by name.
        seed: Which trials and units are drawn.
        blocks: Into how many checkpoints the trials of one session are cut, by time, as evenly as
            can be.
        tracked: Whether the units are the same in every session, by their ids. None for true with
            `blocks`, where they are, and false without.

    Returns:
        A recording whose steps are days since the first session, numbers of sessions without a
        `start`, or numbers of blocks.

    Raises:
        InputError: There are too few sessions, their times cannot be compared, no layer, condition
            or tracked unit is in all, a layer is silent throughout a session, or the activity is
            z-scored within sessions.
    """
    warnings: list[str] = []
    parts, steps = _checkpoints(sessions, blocks, tracked, warnings)
    names = [part.name for part in parts]
    members = [part.layers for part in parts]
    used = layers_in_all(names, members, layers, warnings)
    _refuse_silent(parts, used)
    trials, units = np.random.default_rng(seed).spawn(2)
    conditions = [part.conditions for part in parts]
    averages = condition_averages(
        names, [part.responses for part in parts], conditions, trials, warnings
    )
    if blocks is not None:
        chosen = all_units(members, used)
    elif tracked:
        chosen = tracked_units(names, members, [part.units for part in parts], used, warnings)
    else:
        chosen = drawn_units(members, used, units, warnings)
    recording = recording_from_arrays(
        name,
        steps,
        {
            layer: np.stack([x[:, at] for x, at in zip(averages, chosen[layer], strict=True)])
            for layer in used
        },
        signal=signal,
        layers=used,
        tracked=bool(tracked) or blocks is not None,
        checkpoints="sessions" if blocks is None else "trials",
    )
    return replace(recording, warnings=(*warnings, *recording.warnings))


def _checkpoints(
    sessions: Sequence[Session], blocks: int | None, tracked: bool | None, warnings: list[str]
) -> tuple[list[Session], np.ndarray]:
    """Return what is seen at each checkpoint, without gaps, and when each was."""
    if blocks is None:
        order = order_in_time([one.name for one in sessions], [one.start for one in sessions])
        ordered = [sessions[k] for k in order]
        _refuse_z_scored(ordered)
    else:
        # z-scored over a whole session, its blocks still compare.
        ordered = [_the_one(sessions, blocks, tracked)]
    warnings += [f"session {one.name}: {warning}" for one in ordered for warning in one.warnings]
    whole = [_without_gaps(one, warnings) for one in ordered]
    if blocks is None:
        return whole, days([one.start for one in whole])
    return _blocks(whole[0], blocks), np.arange(blocks, dtype=np.float64)


def _the_one(sessions: Sequence[Session], blocks: int, tracked: bool | None) -> Session:
    if len(sessions) != 1:
        raise InputError(f"blocks must come with one session; got {len(sessions)}")
    if blocks < 2:
        raise InputError(f"blocks must be 2 or more; got {blocks}")
    if tracked is False:
        raise InputError("tracked must be true with blocks: one session has the same units in each")
    return sessions[0]


def _blocks(session: Session, blocks: int) -> list[Session]:
    n_trials = len(session.conditions)
    if n_trials < blocks:
        raise InputError(
            f"blocks must be at most the number of trials of {session.name}, {n_trials}; got "
            f"{blocks}"
        )
    return [
        replace(
            session,
            name=f"{session.name}, block {k}",
            responses=session.responses[trials],
            conditions=session.conditions[trials],
        )
        for k, trials in enumerate(np.array_split(np.arange(n_trials), blocks))
    ]


def _without_gaps(session: Session, warnings: list[str]) -> Session:
    trials, units = without_gaps(session.name, session.responses, session.layers, warnings)
    return replace(
        session,
        responses=session.responses[np.ix_(trials, units)],
        conditions=session.conditions[trials],
        layers=session.layers[units],
        units=None if session.units is None else session.units[units],
    )


def _refuse_z_scored(sessions: Sequence[Session]) -> None:
    if all(one.z_scored for one in sessions):
        raise InputError(
            "activity must keep its scale from session to session; every unit has mean 0 and "
            "standard deviation 1 in each: it is z-scored and its trajectory is lost"
        )


def _refuse_silent(sessions: Sequence[Session], layers: Sequence[str]) -> None:
    for one in sessions:
        for layer in layers:
            if not one.responses[:, one.layers == layer].any():
                raise InputError(
                    f"session {one.name}: layer {layer} must have a response that is not 0; all "
                    "its units are silent in every trial; leave out the session or the layer"
                )
