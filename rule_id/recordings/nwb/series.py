"""Which of a file's series of ROIs is which, and what they and their ROIs hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.keyed import check_claim
from rule_id.recordings.nwb.columns import column, loaded, rows_of

__all__ = ["SERIES", "SIGNAL_OF", "Traces", "kinds_in", "roi_values", "series_of", "traces_of"]

SIGNAL_OF = {
    "DfOverF": "calcium",
    "Fluorescence": "calcium",
    "Deconvolved": "deconvolved",
    "units": "rate",
}

SERIES = tuple(SIGNAL_OF)
"""What can be read of a file; the first that every session has is read when none is named."""

_KINDS = {
    "dfoverf": "DfOverF",
    "dff": "DfOverF",
    "fluorescence": "Fluorescence",
    "deconvolved": "Deconvolved",
    "neuropil": "",
    "baseline": "",
    "background": "",
    "denoised": "",
}
"""How names begin, without case and punctuation, of each kind of series, and of those that are none
of ours though they lie in the same containers (as NeuroConv and suite2p write them)."""


@dataclass(frozen=True, eq=False)
class Traces:
    """The traces of one series.

    Attributes:
        data: As stored, to be multiplied by `conversion` and raised by `offset`.
        times: When each sample was, (samples,) in seconds.
        n_rois: How many ROIs there are.
        transposed: Whether `data` is ROIs by samples.
        warnings: What is odd about its shape.
    """

    data: Any
    times: np.ndarray
    n_rois: int
    transposed: bool
    conversion: float
    offset: float
    warnings: tuple[str, ...]

    def read(self, start: int, stop: int, rois: slice = slice(None)) -> np.ndarray:
        """Return samples from one index to below another, (some, ROIs)."""
        n = self.n_rois if rois == slice(None) else rois.stop
        check_claim((stop - start) * n * self.data.dtype.itemsize)
        if self.data.ndim == 1:
            stored = self.data[start:stop][:, None]
        elif self.transposed:
            stored = self.data[rois, start:stop].T
        else:
            stored = self.data[start:stop, rois]
        return np.asarray(stored * self.conversion + self.offset)


def kinds_in(nwb: Any) -> list[str]:
    """Return which of `SERIES` a file has, in their order."""
    found = {kind for kind, _ in _all_series(nwb)}
    units = nwb.units is not None and "spike_times" in nwb.units.colnames
    return [kind for kind in SERIES if kind in found or (kind == "units" and units)]


def series_of(nwb: Any, kind: str) -> list[Any]:
    """Return the series of one kind: one, or one for each plane.

    Args:
        nwb: The `pynwb.NWBFile`.
        kind: One of `SERIES`, or the name of a series.

    Raises:
        InputError: There is none, or two are of the same ROIs.
    """
    everything = list(_all_series(nwb))
    of_kind = [one for its_kind, one in everything if kind in (its_kind, one.name)]
    if not of_kind:
        there = dict.fromkeys([*kinds_in(nwb), *(one.name for _, one in everything)])
        raise InputError(f"series {kind} is not there; it has {', '.join(there) or 'none'}")
    for one, other in combinations(of_kind, 2):
        same_table = one.rois.table is other.rois.table
        if same_table and np.intersect1d(loaded(one.rois.data), loaded(other.rois.data)).size:
            raise InputError(
                f"series must name one of those of the same ROIs that are {kind}; got "
                f"{one.name} and {other.name}"
            )
    return of_kind


def traces_of(series: Any) -> Traces:
    """Return the traces of a series, the right way round.

    Older exports of suite2p are transposed: the length of `rois` tells.

    Raises:
        InputError: Neither axis has the length of `rois`, or the times do not fit.
    """
    shape, n_rois = series.data.shape, len(series.rois.data)
    warnings = []
    transposed = len(shape) == 2 and shape[1] != n_rois and shape[0] == n_rois
    if transposed:
        warnings.append(
            f"{series.name} is stored as ROIs by samples, {shape}, and was turned: NWB has samples "
            "by ROIs"
        )
    elif shape not in ((shape[0], n_rois), (shape[0],) if n_rois == 1 else ()):
        raise InputError(
            f"{series.name} must have the shape (samples, ROIs), with {n_rois} ROIs; got {shape}"
        )
    elif shape == (n_rois, n_rois) and n_rois > 1:
        warnings.append(
            f"{series.name} has as many samples as ROIs, {n_rois}; it was read as samples by ROIs, "
            "as NWB has it"
        )
    n_samples = shape[1] if transposed else shape[0]
    times = _times(series, n_samples)
    scale = float(series.conversion), float(series.offset or 0)
    return Traces(series.data, times, n_rois, transposed, *scale, tuple(warnings))


def roi_values(series: Any, name: str) -> np.ndarray:
    """Return what a column of the ROIs' table holds of each ROI of a series.

    Args:
        series: A `RoiResponseSeries`.
        name: A column, or `location` for that of the imaging plane.

    Raises:
        InputError: It is neither.
    """
    table, rows = series.rois.table, rows_of(series.rois)
    if name in table.colnames:
        return column(table, name)[rows]
    if name == "location":
        return np.full(len(rows), str(table.imaging_plane.location))
    raise InputError(
        f"layer and unit_id must be location (of the imaging plane) or a column of {table.name}, "
        f"which has {', '.join(table.colnames)}; got {name}"
    )


def _all_series(nwb: Any) -> Iterator[tuple[str, Any]]:
    """Yield each series of ROIs and its kind, empty for one that is none of `SERIES`."""
    for module in nwb.processing.values():
        for held in module.data_interfaces.values():
            if held.neurodata_type == "RoiResponseSeries":
                yield _kind(held.name) or "", held
            for one in getattr(held, "roi_response_series", {}).values():
                names = (one.name, held.name, held.neurodata_type)
                kinds = [kind for name in names if (kind := _kind(name)) is not None]
                yield (kinds or [""])[0], one


def _kind(name: str) -> str | None:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return next((kind for begin, kind in _KINDS.items() if plain.startswith(begin)), None)


def _times(series: Any, n_samples: int) -> np.ndarray:
    if series.timestamps is None:
        rate = series.rate
        if not (rate and 0 < rate < math.inf):
            raise InputError(f"{series.name} must have timestamps or a rate above 0; got {rate}")
        check_claim(8 * n_samples)
        return np.asarray((series.starting_time or 0.0) + np.arange(n_samples) / rate)
    times = loaded(series.timestamps).astype(np.float64)
    if times.shape != (n_samples,):
        raise InputError(
            f"{series.name} must have one timestamp a sample, {n_samples}; got {times.shape}"
        )
    return times
