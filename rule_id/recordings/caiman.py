"""Recordings in the HDF5 files that CaImAn saves, one a session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.hdf5_checks import claim, members, opened, read_dataset
from rule_id.recordings.keyed import check_claim
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording
from rule_id.recordings.roi_sessions import Rois, common_series, recording_from_rois
from rule_id.recordings.roi_tables import roi_columns

__all__ = ["read_caiman"]

SIGNAL_OF = {"S": "deconvolved", "F_dff": "calcium", "C": "calcium"}
"""What can be read, by preference: what is deconvolved lacks the unknown offset of fluorescence."""


def read_caiman(paths: Sequence[Path], reading: Reading | None = None) -> Recording:
    """Read one animal's sessions from CaImAn's files as one recording.

    Of each file `estimates/S`, `F_dff` or `C` is read, of the components in
    `estimates/idx_components` (all, where CaImAn chose none). Beside `day1.hdf5` may be
    `day1.trials.csv` and `day1.layers.csv` (`rule_id.recordings.roi_tables` has their columns).

    Args:
        paths: One a session; their names hold dates or say the order.
        reading: What the files do not say; `series` is `S`, `F_dff` or `C`.

    Raises:
        InputError: A file is damaged, too large, holds links, has no traces or traces of another
            shape, or the sessions are no recording.
    """
    told = reading or Reading()
    stems = [path.stem for path in paths]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
    with ExitStack() as stack:
        files = [_Opened(path, stack) for path in paths]
        there = {name: file.series for name, file in zip(names, files, strict=True)}
        series = common_series(there, list(SIGNAL_OF), told.series)
        sessions = [file.rois(name, series) for name, file in zip(names, files, strict=True)]
        single = len(paths) == 1
        name = paths[0].stem if single else paths[0].resolve().parent.name
        return recording_from_rois(name, sessions, SIGNAL_OF[series], told)


class _Opened:
    """A file that is open, and what of it is read."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        top = _entries(stack.enter_context(opened(path)))
        self.estimates = _entries(top.get("estimates"))
        self.data = _entries(_entries(top.get("params")).get("data"))
        self.series = [name for name in SIGNAL_OF if _is_given(self.estimates, name)]

    def rois(self, name: str, series: str) -> Rois:
        """Return what is read of the session."""
        traces = self.estimates[series]
        check_claim(claim(f"{self.path}: estimates/{series}", traces))
        if traces.ndim != 2 or 0 in traces.shape:
            raise InputError(
                f"{self.path}: estimates/{series} must have the shape (components, frames); got "
                f"{traces.shape}"
            )
        n_rois, n_frames = traces.shape
        self._check_components(series, traces.shape)
        cells = self._cells(n_rois)
        left_out = f"{np.sum(~cells)} of {n_rois} components are left out: they are no cells"
        trials = self.path.with_suffix(".trials.csv")
        rate = self._numbers(self.data, "fr")
        return Rois(
            name,
            partial(_read, traces),
            n_frames,
            cells,
            trials if trials.is_file() else None,
            roi_columns(self.path.with_suffix(".layers.csv"), n_rois),
            float(rate[0]) if len(rate) else None,
            () if cells.all() else (left_out,),
        )

    def _check_components(self, series: str, shape: tuple[int, int]) -> None:
        """Refuse traces that are not one of each spatial component."""
        stored = self._numbers(_entries(self.estimates.get("A")), "shape")
        if len(stored) == 2 and shape[0] != stored[1]:
            turned = "; transposed?" if shape[1] == stored[1] else ""
            raise InputError(
                f"{self.path}: estimates/{series} must have the shape (components, frames), with "
                f"the {stored[1]} components of A; got {shape}{turned}"
            )

    def _cells(self, n_rois: int) -> np.ndarray:
        cells = np.zeros(n_rois, dtype=bool)
        if not _is_given(self.estimates, "idx_components"):
            return ~cells
        chosen = self._numbers(self.estimates, "idx_components").astype(np.int64)
        if not len(chosen) or chosen.min() < 0 or chosen.max() >= n_rois:
            raise InputError(
                f"{self.path}: idx_components must name one or more of the {n_rois} components; "
                f"got {chosen[:10].tolist()}"
            )
        cells[chosen] = True
        return cells

    def _numbers(self, entries: dict[str, Any], name: str) -> np.ndarray:
        if not _is_given(entries, name):
            return np.empty(0)
        check_claim(claim(f"{self.path}: {name}", entries[name]))
        return read_dataset(entries[name]).ravel()


def _entries(group: Any) -> dict[str, Any]:
    import h5py

    return members(group)[0] if isinstance(group, h5py.Group) else {}


def _is_given(entries: dict[str, Any], name: str) -> bool:
    # CaImAn writes None as the text NoneType.
    dtype = getattr(entries.get(name), "dtype", None)
    return dtype is not None and dtype.kind in "iuf"


def _read(traces: Any, low: int, high: int, rois: slice) -> np.ndarray:
    return np.asarray(traces[rois, low:high], dtype=np.float64).T
