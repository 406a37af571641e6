"""How files are to be read: what they do not say themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rule_id.documents import read_toml
from rule_id.errors import InputError, one_of, require_file
from rule_id.recordings.checks import CHECKPOINTS, SIGNALS

__all__ = ["Reading", "read_reading"]


@dataclass(frozen=True)
class Reading:
    """What the reader of a file is told; what is None is as the file says or its format implies.

    Attributes:
        signal: What the activations are: `model`, `rate`, `calcium` or `deconvolved`.
        tracked: Whether the units are the same at every checkpoint.
        checkpoints: What a checkpoint is: `steps`, `sessions` or `trials`.
        series: What is read of a file that holds several: `DfOverF`, `Fluorescence`,
            `Deconvolved` or `units` of NWB, `spks` or `F` of suite2p, `S`, `F_dff` or `C` of
            CaImAn; None for the first of these that every session has.
        event: The column of the trials table that trials are aligned to, a time in seconds.
        window: From when to when activity is averaged, in seconds from the event.
        condition: The column of the trials table whose values are the stimuli: trials are averaged
            within each.
        layer: The column of units or ROIs that says which layer each is in (location, region,
            depth); None for `layer` of a layers.csv, or for one layer, `all`.
        layers: Layers from first to last, each with the values of that column, or of a column of
            numbers with two: from the first to below the second. None for the values themselves,
            sorted.
        blocks: Into how many checkpoints the trials of one session are cut, 2 or more.
        frame_rate: Frames a second of imaging whose files do not say so, above 0.
        unit_id: The column of units or ROIs whose values are the same for a unit in every session;
            empty or below 0 for one that was not found again. With it, units are tracked.

    Raises:
        InputError: A value is not one of those.

    >>> Reading(signal="rate", layers={"input": ("V1", "LGN")}).signal
    'rate'
    """

    signal: str | None = None
    tracked: bool | None = None
    checkpoints: str | None = None
    series: str | None = None
    event: str = "start_time"
    window: tuple[float, float] = (0.0, 1.0)
    condition: str | None = None
    layer: str | None = None
    layers: Mapping[str, tuple[str, ...] | tuple[float, float]] | None = None
    blocks: int | None = None
    frame_rate: float | None = None
    unit_id: str | None = None

    def __post_init__(self) -> None:
        """Check each value by itself."""
        if self.signal is not None:
            one_of("signal", self.signal, SIGNALS)
        if self.checkpoints is not None:
            one_of("checkpoints", self.checkpoints, CHECKPOINTS)
        start, stop = self.window
        if not (math.isfinite(start) and math.isfinite(stop) and start < stop):
            raise InputError(f"window must be two rising numbers of seconds; got {start}, {stop}")
        if self.blocks is not None and self.blocks < 2:
            raise InputError(f"blocks must be 2 or more; got {self.blocks}")
        if self.frame_rate is not None and not 0 < self.frame_rate < math.inf:
            raise InputError(f"frame_rate must be a number above 0; got {self.frame_rate:g}")
        if self.layers is not None:
            _check_layers(self.layers)


def read_reading(path: str | Path) -> Reading:
    """Read how files are to be read from a TOML file.

    Its keys are the attributes of `Reading`::

        signal = "calcium"
        condition = "stimulus"
        layer = "region"

        [layers]
        early = ["V1"]
        late = ["LM", "AL"]

    Raises:
        InputError: The file is missing or no TOML, a key is unknown, or a value is not allowed.
    """
    source = Path(path)
    require_file(source, "how to read recordings, in TOML")
    return _checked(read_toml(source, "how to read recordings"), source)


def _checked(written: dict[str, Any], source: Path) -> Reading:
    # Here, for it takes a while: most readings are never a file.
    from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

    strict = with_config(ConfigDict(strict=True, extra="forbid"))(Reading)
    try:
        # Strict JSON takes a list for a tuple, which is all that TOML has; strict Python does not.
        return TypeAdapter(strict).validate_json(json.dumps(written, default=repr))
    except ValidationError as error:
        raise InputError(f"{source}: {_first_fault(error.errors(include_url=False))}") from None


def _first_fault(faults: list[Any]) -> str:
    # A misspelt key comes first: it may be why something else is wrong.
    fault = min(faults, key=lambda one: one["type"] != "unexpected_keyword_argument")
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "unexpected_keyword_argument":
        known = ", ".join(Reading.__dataclass_fields__)
        return f"{where} is not a key of a reading; the keys are {known}"
    if fault["type"] == "value_error":
        return str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {fault['msg']}; got {fault['input']!r:.60}"


def _check_layers(layers: Mapping[str, tuple[str, ...] | tuple[float, float]]) -> None:
    values = [one for group in layers.values() for one in group if isinstance(one, str)]
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise InputError(f"layers must name each value once; got {twice[0]!r} twice")
    empty = [layer for layer, group in layers.items() if not group]
    if empty or not layers:
        raise InputError(
            f"layers must name a value or more for each layer; got {empty[0] if empty else 'none'}"
        )
    for layer, group in layers.items():
        numbers = [one for one in group if not isinstance(one, str)]
        if numbers and not (len(numbers) == len(group) == 2 and numbers[0] < numbers[1]):
            raise InputError(
                f"layers must have values that are texts, or two rising numbers; got {group} for "
                f"{layer}"
            )
    _refuse_overlaps(layers)


def _refuse_overlaps(layers: Mapping[str, tuple[str, ...] | tuple[float, float]]) -> None:
    intervals = [(group, layer) for layer, group in layers.items() if not isinstance(group[0], str)]
    for (low, one), (high, other) in pairwise(sorted(intervals)):
        if high[0] < low[1]:
            raise InputError(
                "layers must be intervals that do not overlap, from the first number to below the "
                f"second; got {one} = {list(low)} and {other} = {list(high)}"
            )
