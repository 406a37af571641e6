"""Recordings in HDF5, in the layout of the npz files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rule_id.recordings.hdf5_checks import claim, members, opened, read_attribute, read_dataset
from rule_id.recordings.keyed import TOP_KEYS, check_claim, check_keys, recording_from_keys
from rule_id.recordings.ordering import order_warning
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording
from rule_id.recordings.scale import KEYS

__all__ = ["read_hdf5"]


def read_hdf5(source: Path, reading: Reading | None = None) -> Recording:
    """Read a recording of one network from an HDF5 file.

    Layers stand in the order of `layers`; without it in the order in which they were made, where
    the groups were made with `track_order=True`; without that in the order of their names, with a
    warning.

    Args:
        source: A file with the keys of `recording_from_keys`: datasets in the groups `activations`,
            `weights` and `activity_change`, the others datasets or attributes of the root. Its name
            without the suffix becomes the network's.
        reading: What goes before what the file says.

    Raises:
        InputError: The file is damaged, too large, holds unknown keys, links, references, virtual
            or external arrays, or its arrays are not a recording.
    """
    with opened(source) as file:
        datasets, ordered = _datasets(file)
        attributes = [key for key in TOP_KEYS if key in file.attrs and key not in datasets]
        check_keys([*datasets, *attributes])
        check_claim(sum(claim(key, dataset) for key, dataset in datasets.items()))
        arrays = {key: read_attribute(file, key) for key in attributes}
        arrays |= {key: read_dataset(dataset) for key, dataset in datasets.items()}
    layers = [key.partition("/")[2] for key in datasets if key not in TOP_KEYS]
    certain = ordered or "layers" in arrays
    return recording_from_keys(
        source.stem, arrays, reading, warnings=[] if certain else order_warning(layers)
    )


def _datasets(file: Any) -> tuple[dict[str, Any], bool]:
    """Return what should be datasets by key, and whether the order of all layers is known."""
    import h5py

    top, _ = members(file)
    groups = {
        group: members(top[group])
        for group in KEYS.values()
        if isinstance(top.get(group), h5py.Group)
    }
    found = {key: entry for key, entry in top.items() if key not in groups}
    for group, (entries, _) in groups.items():
        found |= {f"{group}/{layer}": entry for layer, entry in entries.items()}
    return found, all(ordered for _, ordered in groups.values())
