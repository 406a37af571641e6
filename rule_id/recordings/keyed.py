"""Recordings as arrays by key, whatever the container that holds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording, recording_from_arrays
from rule_id.recordings.scale import KEYS
from rule_id.unpacking import MOST_TIMES, SMALL

__all__ = ["MAX_BYTES", "TOP_KEYS", "check_claim", "check_keys", "recording_from_keys"]

MAX_BYTES = 8 * 2**30
"""The most that the arrays of a recording may take together."""

TOP_KEYS = (
    "steps",
    "signal",
    "tracked",
    "checkpoints",
    "layers",
    "activity_change_source",
    "recurrent",
    "fed_by",
)
"""What a recording may hold beside its layers."""


OPTIONS = ("signal", "tracked", "checkpoints")
"""What a reading may say of such a file; all else is of sessions of trials."""


def check_claim(claimed: int, packed: int | None = None) -> None:
    """Refuse arrays of more bytes than a recording may take, before they are read.

    Args:
        claimed: Bytes of all arrays together, as the file claims them.
        packed: Bytes of the file, where they are packed in it.

    Raises:
        InputError: They are more than `MAX_BYTES`; or more than 256 MiB and `MOST_TIMES` times the
            file, as of nothing but zeros.
    """
    if claimed > MAX_BYTES:
        raise InputError(
            f"a recording must take at most {MAX_BYTES / 2**30:g} GiB; its arrays claim "
            f"{claimed / 2**30:.1f} GiB"
        )
    if packed is not None and claimed > max(SMALL, MOST_TIMES * packed):
        raise InputError(
            f"a recording must unpack to no more than {MOST_TIMES} times its size, {packed} bytes; "
            f"its arrays claim {claimed / 2**30:.1f} GiB"
        )


def check_keys(keys: Collection[str]) -> None:
    """Refuse keys that no recording has, before what they hold is read.

    Args:
        keys: Of `TOP_KEYS`, or `<group>/<layer>` with a group of `KEYS`.

    Raises:
        InputError: Another key is there or one that is not printable, or `steps` is not.
    """
    for key in keys:
        if not key.isprintable():
            raise InputError(f"a recording must have keys of printable characters; got {key!r}")
        if key not in TOP_KEYS and not _group_and_layer(key):
            groups = (f"{group}/<layer>" for group in KEYS.values())
            allowed = ", ".join([*TOP_KEYS, *groups])
            raise InputError(f"a recording must have the keys {allowed} alone; got {key!r}")
    if "steps" not in keys:
        raise InputError("steps must be given, one for each checkpoint; it is missing")


def recording_from_keys(
    name: str,
    arrays: Mapping[str, np.ndarray],
    reading: Reading | None = None,
    *,
    warnings: Sequence[str] = (),
) -> Recording:
    """Make a recording of one network from arrays by key.

    Args:
        name: The id of the network.
        arrays: `steps` (T,); for each layer `activations/<layer>` (T, stimuli, units) and
            optionally `weights/<layer>` (T, ...) and `activity_change/<layer>` (T, stimuli);
            optionally `signal` (`model` when absent), `tracked` (true when absent), `checkpoints`
            (`steps` when absent), `activity_change_source`, `layers`, their names from first to
            last (in order of first appearance when absent), and `recurrent`, names of those whose
            weights join their own units, with `fed_by`, the layer through which each is fed (""
            where it was not recorded).
        reading: What it says of signal, tracked and checkpoints goes before what the arrays say.
        warnings: What the reader of the container has to say of it.

    Raises:
        InputError: A key is unknown, or the arrays are not a recording (see
            `recording_from_arrays`), or `reading` has an option that is of sessions alone.
    """
    check_keys(arrays)
    told = reading or Reading()
    _refuse_session_options(told)
    tables: dict[str, dict[str, np.ndarray]] = {group: {} for group in KEYS.values()}
    for key, array in arrays.items():
        if place := _group_and_layer(key):
            tables[place[0]][place[1]] = array
    order = [place[1] for key in arrays if (place := _group_and_layer(key))]
    tracked = _flag(arrays, "tracked") if told.tracked is None else told.tracked
    recording = recording_from_arrays(
        name,
        arrays["steps"],
        tables["activations"],
        tables["weights"],
        tables["activity_change"],
        activity_change_source=_text(arrays, "activity_change_source"),
        signal=told.signal or _text(arrays, "signal") or "model",
        layers=_texts(arrays, "layers") or list(dict.fromkeys(order)),
        tracked=tracked,
        checkpoints=told.checkpoints or _text(arrays, "checkpoints") or "steps",
        recurrent=_recurrent(arrays),
    )
    return replace(recording, warnings=(*warnings, *recording.warnings))


def _refuse_session_options(told: Reading) -> None:
    for option in fields(told):
        got = getattr(told, option.name)
        if option.name not in OPTIONS and got != option.default:
            raise InputError(
                f"{option.name} must be left out: it is of sessions of trials (NWB, suite2p, "
                "CaImAn), and this file has arrays by layer, averaged by stimulus; got "
                f"{got!r:.80}"
            )


def _group_and_layer(key: str) -> tuple[str, str] | None:
    group, _, layer = key.partition("/")
    return (group, layer) if group in KEYS.values() and layer else None


def _text(arrays: Mapping[str, np.ndarray], key: str) -> str | None:
    if key not in arrays:
        return None
    array = arrays[key]
    if array.dtype.kind != "U" or array.size != 1:
        raise InputError(f"{key} must be one text; got {array.dtype} of shape {array.shape}")
    return str(array.item())


def _texts(arrays: Mapping[str, np.ndarray], key: str) -> list[str]:
    if key not in arrays:
        return []
    array = arrays[key]
    if array.dtype.kind != "U" or array.ndim > 1:
        raise InputError(f"{key} must be a list of texts; got {array.dtype} of {array.shape}")
    return [str(text) for text in np.atleast_1d(array)]


def _recurrent(arrays: Mapping[str, np.ndarray]) -> dict[str, str | None]:
    layers, feeding = _texts(arrays, "recurrent"), _texts(arrays, "fed_by")
    if len(layers) != len(feeding):
        raise InputError(
            f"fed_by must have a text for each of the {len(layers)} names in recurrent; got "
            f"{len(feeding)}"
        )
    return {layer: one or None for layer, one in zip(layers, feeding, strict=True)}


def _flag(arrays: Mapping[str, np.ndarray], key: str) -> bool:
    if key not in arrays:
        return True
    array = arrays[key]
    # MATLAB and HDF5 have no boolean of their own.
    if array.size != 1 or array.dtype.kind not in "biuf" or array.item() not in (0, 1):
        raise InputError(f"{key} must be true or false; got {array.dtype} of shape {array.shape}")
    return bool(array.item())
