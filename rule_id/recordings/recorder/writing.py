"""What was recorded as arrays, and as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.keyed import MAX_BYTES
from rule_id.recordings.recorder.measuring import Seen
from rule_id.trajectories import atomic_write

__all__ = ["recorded_arrays", "write_recording"]

Tables = dict[str, dict[str, np.ndarray]]
"""By what a recording calls an observable, and by layer, the arrays (checkpoints, ...)."""


def recorded_arrays(layers: Mapping[str, Sequence[Seen]]) -> Tables:
    """Return what was seen of each layer at the checkpoints.

    Args:
        layers: By name, what was seen at each checkpoint. Activity changes are those of layers that
            had them at the first; where one is lacking later it is NaN.
    """
    tables: Tables = {"activations": {}, "weights": {}, "activity_change": {}}
    for layer, seen in layers.items():
        tables["activations"][layer] = np.stack([one.activation for one in seen])
        tables["weights"][layer] = np.stack([one.weight for one in seen])
        if seen[0].change is not None:
            missing = np.full_like(seen[0].change, np.nan)
            changes = [missing if one.change is None else one.change for one in seen]
            tables["activity_change"][layer] = np.stack(changes)
    return tables


def write_recording(
    path: Path, steps: np.ndarray, tables: Tables, recurrent: Mapping[str, str | None]
) -> None:
    """Write a recording as `rule_id.recordings.read_recording` reads it, all of it or nothing.

    Args:
        path: The npz file.
        steps: When each checkpoint was, (T,).
        tables: The arrays.
        recurrent: By layer that feeds its own units, the layer through which these are fed.

    Raises:
        InputError: The name has another ending, or the arrays take more than a file may.
    """
    if path.suffix != ".npz":
        raise InputError(f"path must end in .npz; got {path}")
    size = sum(array.nbytes for table in tables.values() for array in table.values())
    if size > MAX_BYTES:
        raise InputError(
            f"a recording must take at most {MAX_BYTES / 2**30:g} GiB; this one takes "
            f"{size / 2**30:.1f} GiB: lower max_units, max_stimuli or max_weights"
        )
    arrays = {"steps": steps, "signal": np.array("model")}
    if tables["activity_change"]:
        arrays["activity_change_source"] = np.array("gradient")
    if recurrent:
        arrays["recurrent"] = np.array(list(recurrent))
        arrays["fed_by"] = np.array([feeding or "" for feeding in recurrent.values()])
    # Layer by layer: the order in which layers first appear in a file is theirs.
    for layer in tables["activations"]:
        arrays |= {
            f"{group}/{layer}": table[layer] for group, table in tables.items() if layer in table
        }

    def write(target: Path) -> None:
        with target.open("wb") as file:
            # numpy types the names of arrays as its own options.
            np.savez(file, **arrays)  # type: ignore[arg-type]

    atomic_write(path, write)
