"""Recordings in the folders that suite2p writes, one a session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rule_id.errors import InputError, first_line
from rule_id.recordings.npz import NPY_DAMAGED
from rule_id.recordings.ordering import natural
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording
from rule_id.recordings.roi_sessions import EVERY, Rois, common_series, recording_from_rois
from rule_id.recordings.roi_tables import roi_columns

__all__ = ["planes_of", "read_suite2p"]

SIGNAL_OF = {"spks": "deconvolved", "F": "calcium"}
"""What can be read, by preference: what is deconvolved lacks the unknown offset of fluorescence."""

NEUROPIL = 0.7
"""The share of the neuropil's fluorescence that is taken off; suite2p's own default."""

OWN_FOLDERS = re.compile(r"suite2p|combined|plane\d+")


def planes_of(folder: Path) -> list[Path]:
    """Return the folders of a session's planes: none where it is not suite2p's.

    Args:
        folder: A session's, its `suite2p`, or that of a plane. `combined` is read where no single
            plane is there.
    """
    for root in (folder, folder / "suite2p"):
        single = sorted(root.glob("plane*"), key=lambda path: natural(path.name))
        for candidates in ([root], single, [root / "combined"]):
            planes = [one for one in candidates if _series(one)]
            if planes:
                return planes
    return []


def read_suite2p(folders: Sequence[Path], reading: Reading | None = None) -> Recording:
    """Read one animal's sessions from suite2p's folders as one recording.

    Of each folder `spks.npy` is read, or `F.npy` less 0.7 of `Fneu.npy`, of the ROIs that
    `iscell.npy` calls cells; never `stat.npy` and `ops.npy`, which are pickles. Beside them may be
    `trials.csv` and `layers.csv` (`rule_id.recordings.roi_tables` has their columns); planes are
    one layer unless `reading.layer` is `plane` or a column of `layers.csv`.

    Args:
        folders: One a session; their names hold dates or say the order.
        reading: What the files do not say; `series` is `spks` or `F`.

    Raises:
        InputError: A folder has no traces, files do not fit each other or are pickles, or the
            sessions are no recording.
    """
    told = reading or Reading()
    roots = [_session_folder(folder) for folder in folders]
    names = [root.name for root in roots]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    planes = {name: _checked_planes(folder) for name, folder in zip(names, folders, strict=True)}
    there = {name: set.intersection(*map(_series, some)) for name, some in planes.items()}
    series = common_series(
        {name: sorted(some) for name, some in there.items()}, list(SIGNAL_OF), told.series
    )
    sessions = [
        _rois(name, root, planes[name], series) for name, root in zip(names, roots, strict=True)
    ]
    parents = {root.parent.name for root in roots}
    name = parents.pop() if len(roots) > 1 and len(parents) == 1 else roots[0].name
    return recording_from_rois(name, sessions, SIGNAL_OF[series], told)


@dataclass(frozen=True, eq=False)
class _Plane:
    traces: np.ndarray
    neuropil: np.ndarray | None
    cells: np.ndarray

    def read(self, low: int, high: int, rois: slice) -> np.ndarray:
        # What is not finite is a gap, whatever kind of NaN it is.
        with np.errstate(invalid="ignore"):
            frames = self.traces[rois, low:high].astype(np.float64)
            if self.neuropil is not None:
                frames -= NEUROPIL * self.neuropil[rois, low:high]
        return frames.T


def _series(folder: Path) -> set[str]:
    return {name for name in SIGNAL_OF if (folder / f"{name}.npy").is_file()}


def _session_folder(folder: Path) -> Path:
    root = folder.resolve()
    while OWN_FOLDERS.fullmatch(root.name):
        root = root.parent
    return root


def _checked_planes(folder: Path) -> list[Path]:
    planes = planes_of(folder)
    if not planes:
        raise InputError(f"{folder} must have spks.npy or F.npy of suite2p; it has neither")
    return planes


def _rois(name: str, root: Path, folders: list[Path], series: str) -> Rois:
    planes = [_plane(folder, series) for folder in folders]
    cells = np.concatenate([plane.cells for plane in planes])
    if not cells.any():
        raise InputError(f"{root}: iscell.npy must call a ROI or more a cell; it calls none so")
    of_plane = np.repeat([folder.name for folder in folders], [len(p.cells) for p in planes])
    columns = {"plane": of_plane, **roi_columns(root / "layers.csv", len(cells))}
    own = [
        roi_columns(f / "layers.csv", len(p.cells)) for f, p in zip(folders, planes, strict=True)
    ]
    for column in set.intersection(*(set(table) for table in own)):
        columns[column] = np.concatenate([table[column] for table in own])
    trials = [f / "trials.csv" for f in (root, folders[0].parent, folders[0])]
    return Rois(
        name,
        partial(_read, planes),
        # Planes are imaged in turn: the last may lack a frame.
        min(plane.traces.shape[1] for plane in planes),
        cells,
        next((path for path in trials if path.is_file()), None),
        columns,
        warnings=_notes(cells, folders),
    )


def _notes(cells: np.ndarray, folders: list[Path]) -> tuple[str, ...]:
    notes = [f"there is no iscell.npy in {f.name}; every ROI is used" for f in folders
             if not (f / "iscell.npy").is_file()]  # fmt: skip
    if not cells.all():
        notes.append(f"{np.sum(~cells)} of {len(cells)} ROIs are left out: they are no cells")
    return tuple(notes)


def _read(planes: list[_Plane], low: int, high: int, rois: slice) -> np.ndarray:
    if rois != EVERY:
        return planes[0].read(low, high, rois)
    return np.concatenate([plane.read(low, high, rois) for plane in planes], axis=1)


def _plane(folder: Path, series: str) -> _Plane:
    traces = _array(folder / f"{series}.npy")
    cells = np.ones(len(traces), dtype=bool)
    if (folder / "iscell.npy").is_file():
        marks = _array(folder / "iscell.npy")
        # The second column is the probability of being a cell.
        cells = marks.reshape(len(marks), -1)[:, 0] > 0
    if traces.ndim != 2 or len(traces) != len(cells):
        turned = "; transposed?" if len(cells) in traces.shape else ""
        raise InputError(
            f"{folder / series}.npy must have the shape (ROIs, frames) with the {len(cells)} ROIs "
            f"of iscell.npy; got {traces.shape}{turned}"
        )
    neuropil = None
    if series == "F" and (folder / "Fneu.npy").is_file():
        neuropil = _array(folder / "Fneu.npy")
        if neuropil.shape != traces.shape:
            raise InputError(
                f"{folder / 'Fneu.npy'} must have the shape of F.npy, {traces.shape}; got "
                f"{neuropil.shape}"
            )
    return _Plane(traces, neuropil, cells)


def _array(path: Path) -> np.ndarray:
    """Map an array into memory, without a look at anything but its header."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except NPY_DAMAGED as error:
        reason = first_line(error)
        raise InputError(
            f"{path} must be a plain array, complete and no pickle: {reason}"
        ) from None
    if array.dtype.kind not in "iufb" or not array.size or not array.ndim:
        raise InputError(f"{path} must hold numbers; got {array.dtype} of {array.shape}")
    return array
