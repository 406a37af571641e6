"""What is evaluated: networks that did not diverge, a row for each of their trajectories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rule_id.batches import read_batches
from rule_id.content import ContentHash
from rule_id.errors import InputError
from rule_id.features import FeatureTable, Panel, join_panels, pivot
from rule_id.features.rows import rows_of_times, summarise_rows
from rule_id.features.summaries import summary_names
from rule_id.features.time_axis import time_axis
from rule_id.trajectories import NETWORK_COLUMNS, Trajectories, learned, set_apart

__all__ = ["CURVES", "Material", "gather", "read_material"]

CURVES = "curves"
"""Name in the results of what is made of loss and performance alone."""

BATCH_ROWS = 200_000
NEEDED = ("block", "rule", "credit_assignment", "optimizer", "family", "diverged")


@dataclass(frozen=True)
class Material:
    """A corpus as evaluation takes it.

    Attributes:
        networks: One row a network that did not diverge, sorted, with `learned` where that can be
            said.
        panels: For each measurement of the corpus the trajectories under it, the same layers of
            the same networks in the same order in all.
        loss: Loss at the checkpoints (networks, T), NaN behind the last.
        performance: The same of performance.
        source: Where it comes from.
        n_diverged: Networks that were left out.
        content_hash: Hash of all that the corpus says, as in the info of its feature tables.
    """

    networks: pd.DataFrame
    panels: dict[int, Panel]
    loss: np.ndarray
    performance: np.ndarray
    source: str
    n_diverged: int
    content_hash: str

    @property
    def panel(self) -> Panel:
        """The trajectories under the first measurement, on which most protocols run."""
        return self.panels[min(self.panels)]

    @property
    def n_checkpoints(self) -> int:
        """The most checkpoints of a trajectory."""
        return int(self.panel.n_checkpoints.max())

    def curves(self) -> FeatureTable:
        """Return what a classifier sees of loss and performance alone, one row a network.

        The values at each checkpoint, and the summaries that statistics of layers get.
        """
        first = self.panel.meta["network"].drop_duplicates().index
        time, lengths = self.panel.time[first], self.panel.n_checkpoints[first]
        series = np.stack([self.loss, self.performance], axis=-1).astype(np.float32)
        values = {
            f"{name}.checkpoint_{k:02}": series[:, k, place]
            for place, name in enumerate(("loss", "performance"))
            for k in range(series.shape[1])
        }
        summaries = np.empty((len(time), 2, len(summary_names())), dtype=np.float32)
        for rows in rows_of_times(time):
            n = int(lengths[rows[0]])
            axis = time_axis(time[rows[0], :n, None])
            summaries[rows] = summarise_rows(axis, series[rows, :n])
        for place, name in enumerate(("loss", "performance")):
            for column, summary in enumerate(summary_names()):
                values[f"{name}.{summary}"] = summaries[:, place, column]
        meta = self.networks.assign(layer=0, measurement=min(self.panels))
        return FeatureTable(meta, pd.DataFrame(values), CURVES)


def read_material(corpus: str | Path | Trajectories) -> Material:
    """Read a corpus for evaluation, some parts at a time.

    Args:
        corpus: A corpus folder, or trajectories in memory.

    Raises:
        InputError: It is no corpus of simulated networks, its measurements are of different layers,
            or fewer than two rules are left without what diverged and what the plan set apart.
    """
    if isinstance(corpus, Trajectories):
        return gather([corpus])
    return gather(read_batches(corpus, BATCH_ROWS))


def gather(batches: Iterable[Trajectories]) -> Material:
    """Put trajectories together that come in batches of different networks."""
    networks, parts, curves = [], defaultdict(list), []
    source, n_diverged = "", 0
    content, complete = ContentHash(), True
    for batch in batches:
        source = batch.source
        _require_columns(batch.networks, source)
        # Corpora on disk have every column; what is made in memory need not.
        complete &= set(NETWORK_COLUMNS) <= set(batch.networks)
        if complete:
            content.update(batch)
        kept = ~batch.networks["diverged"].astype(bool)
        n_diverged += int((~kept).sum())
        if not kept.any():
            continue
        some = batch.select(batch.networks["network"][kept])
        networks.append(some.networks)
        curves.append(_curves(some.rows))
        panel = pivot(some)
        for measurement in np.unique(panel.meta["measurement"]):
            parts[int(measurement)].append(
                panel.rows((panel.meta["measurement"] == measurement).to_numpy())
            )
    _require_rules(networks, n_diverged, source)
    panels = {name: _sorted(join_panels(parts[name])) for name in sorted(parts)}
    _require_same_layers(panels, source)
    loss, performance = (pd.concat([c[k] for c in curves]).sort_index() for k in (0, 1))
    table = pd.concat(networks).sort_values("network", ignore_index=True)
    return Material(
        _with_learned(table, performance),
        {name: _knowing_learned(panel, table, performance) for name, panel in panels.items()},
        loss.to_numpy(dtype=float),
        performance.to_numpy(dtype=float),
        source,
        n_diverged,
        content.hexdigest() if complete else "",
    )


def _sorted(panel: Panel) -> Panel:
    return panel.rows(panel.meta.sort_values(["network", "layer"]).index.to_numpy())


def _curves(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return loss and performance, networks by checkpoints."""
    first = rows.drop_duplicates(["network", "checkpoint"])
    return tuple(
        first.pivot(index="network", columns="checkpoint", values=name)
        for name in ("loss", "performance")
    )  # type: ignore[return-value]


def _with_learned(networks: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Return the networks with `learned`, where chance and the beginning are known."""
    known = networks.reindex(columns=["chance", "initial_performance"]).notna()
    if not known.any().all():
        return networks
    best = performance.max(axis=1).reindex(networks["network"]).set_axis(networks.index)
    return networks.assign(learned=learned(networks, best))


def _knowing_learned(panel: Panel, networks: pd.DataFrame, performance: pd.DataFrame) -> Panel:
    known = _with_learned(networks, performance)
    if "learned" in known:
        panel.meta["learned"] = panel.meta["network"].map(known.set_index("network")["learned"])
    return panel


def _require_same_layers(panels: dict[int, Panel], source: str) -> None:
    """Refuse measurements of other layers, whose rows would be taken for those of the first."""
    keys = ["network", "layer"]
    first = next(iter(panels.values())).meta[keys]
    for measurement, panel in panels.items():
        if not panel.meta[keys].equals(first):
            raise InputError(
                f"{source}: every measurement must be of the same layers; measurement "
                f"{measurement} has {len(panel)}, measurement {min(panels)} {len(first)}"
            )


def _require_columns(networks: pd.DataFrame, source: str) -> None:
    missing = [name for name in NEEDED if name not in networks.columns]
    if missing:
        raise InputError(
            f"{source}: networks must be simulated ones to be evaluated; "
            f"column {', '.join(missing)} is missing"
        )


def _require_rules(networks: list[pd.DataFrame], n_diverged: int, source: str) -> None:
    usable = [table.loc[~set_apart(table), "rule"] for table in networks]
    found = sorted(set().union(*usable)) if usable else []
    if len(found) < 2:
        raise InputError(
            f"{source}: networks of 2 rules or more must not have diverged or been set apart; got "
            f"{', '.join(found) or 'none'} ({n_diverged} diverged)"
        )
