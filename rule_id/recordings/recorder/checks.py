"""What must be true of a checkpoint, and what is worth a warning of the first."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from rule_id.errors import InputError
from rule_id.recordings.keyed import MAX_BYTES
from rule_id.recordings.recorder.layers import Layer
from rule_id.recordings.recorder.measuring import Seen

__all__ = ["require_layers", "require_same_shapes", "warn_of"]

USUAL = 21
"""Checkpoints of a recording, for the size that is warned of."""


def require_layers(
    chosen: Sequence[Layer], named: bool, seen: Mapping[str, Seen], left_out: Mapping[str, str]
) -> None:
    """Refuse a model that does not run the layers that are recorded.

    Args:
        chosen: The layers.
        named: Whether they were named, so that all of them must run; else one is enough.
        seen: What was recorded, by layer.
        left_out: Why a layer was not.

    Raises:
        InputError: A layer that was named is not recorded, or none is.
    """
    missing = [key for layer in chosen for key in layer.weights if key not in seen]
    if missing and (named or not seen):
        raise InputError(
            f"model must run {'each layer that is named' if named else 'a layer'}; "
            + "; ".join(f"{key}: {left_out[key]}" for key in missing)
        )


def require_same_shapes(before: Mapping[str, Sequence[Seen]], seen: Mapping[str, Seen]) -> None:
    """Refuse a checkpoint at which a layer is another than at the first.

    Args:
        before: What was recorded at earlier checkpoints, by layer.
        seen: What was at this one.

    Raises:
        InputError: A layer is missing, or its activations or weights have another shape.
    """
    for layer, (first, *_) in before.items():
        if layer not in seen:
            raise InputError(f"model must run the same layers at every checkpoint; not {layer}")
        for what in ("activation", "weight"):
            was, got = getattr(first, what).shape, getattr(seen[layer], what).shape
            if was != got:
                raise InputError(
                    f"model must give the same shapes at every checkpoint, {what} of {layer} "
                    f"{was}; got {got}"
                )


def warn_of(left_out: Mapping[str, str], seen: Mapping[str, Seen]) -> None:
    """Warn, where `Recorder.checkpoint` was called, of what is left out and of too large a file.

    Args:
        left_out: What is not recorded, and why.
        seen: What is recorded of each layer at one checkpoint.
    """
    if left_out:
        each = "; ".join(f"{what} ({why})" for what, why in left_out.items())
        warnings.warn(f"not recorded: {each}", stacklevel=4)
    size = sum(array.nbytes for one in seen.values() for array in one if array is not None)
    if USUAL * size > MAX_BYTES:
        warnings.warn(
            f"a checkpoint takes {size / 2**30:.1f} GiB and a recording must take at most "
            f"{MAX_BYTES / 2**30:g}: lower max_units, max_stimuli or max_weights",
            stacklevel=4,
        )
