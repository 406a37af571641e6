"""How fast trajectories become features, beside pycatch22 and tsfresh on the same series.

A series is one statistic of one trajectory, here 21 points. Ours are all twelve summaries of the
sets `summary` and `invariant`; catch22 has 22 features, tsfresh's minimal set ten. Both are slow
enough to be timed on some of the series; each number is microseconds a series, so the sizes cancel.
"""

from __future__ import annotations

import importlib.metadata
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from reporting import arguments, median, paired, report

from rule_id.features import extract
from rule_id.features.extraction import summarise_panel
from rule_id.features.panel import Panel
from rule_id.trajectories import STATISTICS, Trajectories

N_CHECKPOINTS = 21
LAYERS = 4
GAPS = 0.01
"""Share of the series that lack some checkpoints, in the rows that say so."""

AIMS = {"pycatch22": 100, "tsfresh minimal": 600}
"""How many times faster ours shall be."""

SIZES = (10_000, 30_000, 100_000)
"""Trajectories of which memory is measured."""


def main() -> None:
    """Time the sides in turn, then measure memory at three sizes."""
    options = arguments(__doc__)
    n, n_rival = (200, 90) if options.quick else (100_000, 2_000)
    panel = smooth_panel(n)
    ours, rivals = our_sides(panel), rival_sides(series_of(panel, n_rival))
    seconds = paired(ours | rivals)
    per_series = {
        name: 1e6 * median(times) / (n_rival if name in rivals else n * len(STATISTICS))
        for name, times in seconds.items()
    }
    report(
        "features",
        list(lines(per_series, rivals)),
        options.out,
        missing=[name for name in AIMS if name not in rivals],
        series={"ours": n * len(STATISTICS), "rivals": n_rival},
        memory=[memory(size) for size in ((50, 100) if options.quick else SIZES)],
        versions_of_rivals=versions("pycatch22", "tsfresh"),
    )


def lines(per_series: dict[str, float], rivals: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line a side, with how many times longer than ours each rival takes."""
    for name, microseconds in per_series.items():
        line = {"side": name, "us_per_series": round(microseconds, 4)}
        if name in rivals:
            line["times_summary"] = round(microseconds / per_series["summary"], 1)
            line["times_invariant"] = round(microseconds / per_series["invariant"], 1)
            line["aim"] = AIMS[name]
        yield line
    for name in AIMS:
        if name not in rivals:
            yield {"side": f"{name}: not installed (pip install rule-id[bench])"}


def our_sides(panel: Panel) -> dict[str, Callable[[], Any]]:
    """Return what ours are timed on: a copy as the bound, panel to values, and table to features.

    Args:
        panel: The trajectories.
    """
    gappy = Panel(panel.meta, panel.time, with_gaps(panel.values), panel.n_checkpoints)
    table = long_table(panel)
    return {
        "copy of the values": panel.values.copy,
        "summary": lambda: summarise_panel(panel, invariant=False),
        "invariant": lambda: summarise_panel(panel, invariant=True),
        "summary, gaps in 1%": lambda: summarise_panel(gappy, invariant=False),
        "extract from the long table": lambda: extract(table),
    }


def rival_sides(series: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return the other packages that are installed, each given series (m, T) as it likes them."""
    sides: dict[str, Callable[[], Any]] = {}
    for name, side in (("pycatch22", pycatch22_side), ("tsfresh minimal", tsfresh_side)):
        with suppress(ImportError):
            sides[name] = side(series)
    return sides


def pycatch22_side(series: np.ndarray) -> Callable[[], Any]:
    """Return catch22 of series (m, T), one after the other."""
    from pycatch22 import catch22_all

    lists = [list(map(float, one)) for one in series]
    return lambda: [catch22_all(one) for one in lists]


def tsfresh_side(series: np.ndarray) -> Callable[[], Any]:
    """Return tsfresh's minimal features of series (m, T), in this process."""
    from tsfresh import extract_features
    from tsfresh.feature_extraction import MinimalFCParameters

    m, n_points = series.shape
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(m), n_points),
            "time": np.tile(np.arange(n_points), m),
            "value": series.ravel(),
        }
    )

    def run() -> pd.DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return extract_features(
                table,
                column_id="id",
                column_sort="time",
                default_fc_parameters=MinimalFCParameters(),
                n_jobs=0,
                disable_progressbar=True,
            )

    return run


def memory(n: int) -> dict[str, float]:
    """Return the megabytes of n trajectories and their summaries, and the most held beside."""
    panel = smooth_panel(n)
    line: dict[str, float] = {"trajectories": n, "values_mb": round(panel.values.nbytes / 1e6, 1)}
    for name, invariant in (("summary", False), ("invariant", True)):
        tracemalloc.start()
        result = summarise_panel(panel, invariant)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        line[f"{name}_mb"] = round(result.to_numpy().nbytes / 1e6, 1)
        line[f"{name}_beside_mb"] = round((peak - result.to_numpy().nbytes) / 1e6, 1)
    return line


def smooth_panel(n: int) -> Panel:
    """Return n trajectories of positive statistics that change smoothly, at the same times."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, N_CHECKPOINTS)
    waves = np.cos(np.pi * np.arange(4)[:, None] * t)
    values = np.empty((n, N_CHECKPOINTS, len(STATISTICS)), dtype=np.float32)
    for begin in range(0, n, 1000):  # in parts, so that nothing larger than the values is held
        part = values[begin : begin + 1000]
        sizes = rng.normal(size=(len(part), len(STATISTICS), 4)) / (1 + np.arange(4))
        part[:] = np.exp(sizes @ waves).transpose(0, 2, 1)
    meta = pd.DataFrame({"n_units": np.full(n, 64)})
    return Panel(meta, np.tile(t, (n, 1)), values, np.full(n, N_CHECKPOINTS))


def with_gaps(values: np.ndarray) -> np.ndarray:
    """Return values (n, T, S) of which some series lack about three checkpoints."""
    rng = np.random.default_rng(1)
    n, n_checkpoints, n_statistics = values.shape
    row, statistic = np.nonzero(rng.random((n, n_statistics)) < GAPS)
    gone = rng.random((len(row), n_checkpoints)) < 3 / n_checkpoints
    values = values.copy()
    values[row, :, statistic] = np.where(gone, np.nan, values[row, :, statistic])
    return values


def series_of(panel: Panel, m: int) -> np.ndarray:
    """Return the first m series of a panel, (m, T) of float64."""
    rows = -(-m // len(STATISTICS))
    return panel.values[:rows].transpose(0, 2, 1).reshape(-1, N_CHECKPOINTS)[:m].astype(np.float64)


def long_table(panel: Panel) -> Trajectories:
    """Return the same as a corpus holds them: one row a checkpoint."""
    n = len(panel.values)
    layer = np.arange(n) % LAYERS
    network = np.array([f"b{index:07d}" for index in range(-(-n // LAYERS))])
    constant = {
        "measurement": 0, "layer_kind": "dense", "depth": 0.5, "depth_group": "middle",
        "unit_fraction": 1.0, "n_units": 64, "tracked": True, "observation": "exact",
        "noise_std": 0.0, "loss": 0.0, "performance": 0.0,
    }  # fmt: skip
    rows = pd.DataFrame(
        {
            "network": np.repeat(network[np.arange(n) // LAYERS], N_CHECKPOINTS),
            "layer": np.repeat(layer, N_CHECKPOINTS),
            "layer_name": "layer",
            "checkpoint": np.tile(np.arange(N_CHECKPOINTS), n),
            "step": np.tile(10 * np.arange(N_CHECKPOINTS), n),
            "progress": panel.time.ravel(),
        }
    ).assign(**constant)
    statistics = pd.DataFrame(
        np.ascontiguousarray(panel.values.reshape(-1, len(STATISTICS)).T).T,
        columns=list(STATISTICS),
        copy=False,
    )
    networks = pd.DataFrame({"network": network})
    return Trajectories(networks, pd.concat([rows, statistics], axis=1), "smooth")


def versions(*packages: str) -> dict[str, str | None]:
    """Return the installed version of each package, None where it is not installed."""
    found: dict[str, str | None] = dict.fromkeys(packages)
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
