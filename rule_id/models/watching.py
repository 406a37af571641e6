"""The verdict on a recording while it grows, and when it may be announced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rule_id.errors import InputError
from rule_id.models.advice import signal_warnings
from rule_id.models.bundle import Bundle
from rule_id.models.deciding import RATES, Deciding
from rule_id.models.fit import Fit, best_fit, name_classes, outside_of, sees_no_learning
from rule_id.models.identify import Model, open_menu
from rule_id.recordings import Reading, Recording, read_recordings

__all__ = ["Look", "Watch", "watch"]

PATIENCE = 60.0
"""Seconds for which a file that cannot be read may be one that is being written."""


@dataclass(frozen=True)
class Look:
    """What a recording said after one of its checkpoints.

    Attributes:
        checkpoint: Number of checkpoints seen until then, 2 or more.
        step: When the last of them was, in the recording's own unit.
        best: What ranked first; None where nothing is said.
        probability: How probable that was; 0 where nothing was ranked.
        announced: What has been announced until now, None before.
        is_new: Whether it was announced at this look.
        silent: Why nothing is said; empty where something is.
    """

    checkpoint: int
    step: float
    best: str | None
    probability: float
    announced: str | None
    is_new: bool
    silent: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        said = self.silent
        if self.best is not None:
            said = f"{self.best} {self.probability:.2f}"
        state = "undecided" if self.announced is None else f"decided for {self.announced}"
        if self.silent and self.announced is not None:
            state = f"had been decided for {self.announced}, which need not hold here"
        return f"{self.checkpoint} checkpoints, at {self.step:g}: {said}; {state}" + (
            " now" if self.is_new else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return vars(self)


@dataclass
class Watch:
    """Looks at one recording again and again, and announces once, when it may.

    A class is announced when it first ranks first with the probability that of held-out networks,
    looked at as often, a wrong one reached at most at the stated rate (`Deciding`). What is
    announced once stays announced.

    Attributes:
        menu: The classifiers; the one that is best at the first look answers at all.
        rate: Share of networks of which a wrong class may ever be announced, one of `RATES`.
    """

    menu: Sequence[Bundle]
    rate: float
    deciding: Deciding | None = None
    announced: str | None = None
    _chosen: Bundle | None = None
    _seen: int = 1
    _caveats: Sequence[str] = ()

    def looks(self, recording: Recording) -> Iterator[Look]:
        """Yield a look at each checkpoint of a recording that was not there before."""
        rows = recording.trajectories.rows
        steps = rows.drop_duplicates("checkpoint").sort_values("checkpoint")["step"].to_numpy()
        for count in range(self._seen + 1, len(steps) + 1):
            self._seen = count
            yield self._look(_until(recording, count), count, float(steps[count - 1]))

    def __str__(self) -> str:
        """Say what held-out networks say of deciding early."""
        if self.deciding is None:
            return "nothing seen yet"
        own = self.deciding
        at_rate = own.times[f"{self.rate:g}"]
        when = at_rate["progress"]
        text = (
            f"A class is announced at a probability of {own.threshold(self.rate):.3f}: of "
            f"{own.networks} held-out networks of {own.blocks} blocks, looked at {own.looks} "
            f"times, {at_rate['wrong']:.0%} were given a wrong one at some look (rate "
            f"{self.rate:g}) and {at_rate['decided']:.0%} the right one"
        )
        if own.threshold(self.rate) > 1:
            return f"Nothing is announced: {own.networks} held-out networks are too few for that."
        if when is not None:
            text += f", half of these within {when[1]:.0%} of training"
        if own.settled is not None:
            text += (
                f". Where the right one ranks first in the end, it does so for good from "
                f"{own.settled[1]:.0%} of training on (median)"
            )
        later = f"Looks after the first {own.looks} announce nothing."
        return " ".join([text + ".", later, *self._caveats])

    def _look(self, recording: Recording, count: int, step: float) -> Look:
        fit = best_fit(recording, self.menu if self._chosen is None else [self._chosen])
        self._chosen = fit.bundle
        named = name_classes(fit, recording.signal)
        key = "credit_assignment" if named.target != fit.bundle.target else "class"
        self.deciding = _deciding(fit, key)
        self._caveats = signal_warnings(recording.signal)
        silent = _why_silent(recording, fit)
        if silent:
            return Look(count, step, None, 0.0, self.announced, False, silent)
        best = int(named.network.argmax())
        probability = float(named.network[best])
        sure = probability >= self.deciding.threshold(self.rate)
        # Where networks are named by guessing, a high probability is a guess too.
        sure = sure and not fit.cell.no_better_than_guessing(key)
        # Of later looks the rate says nothing, for held-out networks were not looked at again.
        sure = sure and count - 1 <= self.deciding.looks
        is_new = self.announced is None and sure
        if is_new:
            self.announced = named.classes[best]
        return Look(count, step, named.classes[best], probability, self.announced, is_new)


def watch(
    path: str | Path,
    model: Model | None = None,
    *,
    reading: Reading | None = None,
    rate: float = 0.05,
    every: float = 2.0,
    once: bool = False,
    started: Callable[[Watch], None] | None = None,
    waiting: Callable[[str], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Look]:
    """Follow a recording while it grows: after each new checkpoint, the verdict so far.

    Each look sees only what had been recorded by then, also where the file already holds more.

    Args:
        path: A recording's file that is written anew, or a folder that sessions are added to.
        model: As in `identify`; bundles that were trained on a corpus.
        reading: How files are to be read.
        rate: Share of networks, of the simulated kind, of which a wrong class may ever be announced
            over all looks: 0.01, 0.05, 0.1 or 0.2.
        every: Seconds between two looks at the file.
        once: End with what is there, instead of waiting for more.
        started: Called with the `Watch` after the first look.
        waiting: Called with what is wrong with the file whenever that changes.
        sleep: How to wait.

    Raises:
        InputError: The rate is another, the recording cannot be read (for a minute, as a file
            cannot while it is written), or the bundles do not know times to a decision.
    """
    if rate not in RATES:
        raise InputError(f"rate must be one of {', '.join(map(str, RATES))}; got {rate}")
    if not 0 < every < float("inf"):
        raise InputError(f"every must be a number of seconds above 0; got {every:g}")
    watching = Watch(open_menu(model), rate)
    waited, complaint = 0.0, ""
    told = started is None
    while True:
        try:
            (recording,) = read_recordings([path], reading)
        except InputError as error:
            if once or waited >= PATIENCE:
                raise
            waited += every
            if waiting is not None and str(error) != complaint:
                complaint = str(error)
                waiting(complaint)
        else:
            waited = 0.0
            for look in watching.looks(recording):
                if not told and started is not None:
                    started(watching)
                    told = True
                yield look
            if once:
                return
        sleep(every)


def _until(recording: Recording, count: int) -> Recording:
    """Return what had been recorded after so many checkpoints."""
    rows = recording.trajectories.rows
    seen = rows[rows["checkpoint"] < count].reset_index(drop=True)
    return replace(recording, trajectories=replace(recording.trajectories, rows=seen))


def _why_silent(recording: Recording, fit: Fit) -> str:
    if sees_no_learning(recording, fit.bundle):
        return "nothing has changed yet"
    return "outside what was simulated" if outside_of(fit) else ""


def _deciding(fit: Fit, key: str) -> Deciding:
    by_kind = fit.bundle.decisions
    if not by_kind:
        raise InputError(
            "model must be a bundle that was trained on a corpus folder: one that was trained on a "
            "feature table does not know when a verdict may be announced"
        )
    kinds = [fit.view.kind, *by_kind]
    found = (
        by_kind[kind].get(key, {}).get(fit.view.observables) for kind in kinds if kind in by_kind
    )
    for deciding in found:
        if deciding is not None:
            return deciding
    raise InputError(
        f"model must know times to a decision from {fit.view.observables}; it has none"
    )
