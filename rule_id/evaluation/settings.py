"""Settings of baselines: chosen once an evaluation, on what one split trains on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from rule_id.evaluation.baselines import BASELINES, choose
from rule_id.evaluation.describing import versions
from rule_id.evaluation.fitting import Progress, run_all
from rule_id.evaluation.protocols import split_rows
from rule_id.evaluation.store import Fingerprints, Store
from rule_id.evaluation.tables import Tables
from rule_id.models import network_ids

__all__ = ["SETTINGS", "baseline_settings"]

SETTINGS = "settings"
"""What stands for a protocol where settings are chosen."""


class _Choice:
    """The choice of one baseline's setting, as a job."""

    protocol = SETTINGS

    def __init__(self, model: str, tables: Tables, train: np.ndarray, seed: int) -> None:
        self.model, self.table, self.train, self.seed = model, tables.paper, train, seed
        one = BASELINES[model]
        tried = (one.grid, one.start, one.searched, one.meanwhile)
        about = (model, tried, seed, sorted(versions().items()), "choice")
        what = hashlib.blake2b(repr(about).encode())
        what.update(Fingerprints().of(self.table).encode() + np.packbits(train).tobytes())
        self.key = what.hexdigest()[:32]

    def run(self) -> list[np.ndarray]:
        train = self.table.rows(self.train)
        chosen = choose(
            self.model,
            train.matrix(),
            train.meta["rule"].to_numpy(dtype=str),
            train.meta["block"].to_numpy(),
            networks=network_ids(train.meta),
            n_checkpoints=int(train.info["n_checkpoints"]),
            seed=self.seed,
        )
        return [np.array(json.dumps(chosen))]


def baseline_settings(
    tables: Tables,
    models: Iterable[str],
    seed: int,
    store: Store,
    progress: Progress | None,
    threads: int = -1,
) -> dict[str, dict[str, Any]]:
    """Choose a setting of each baseline's grid, on the training blocks of the first split.

    The same setting is taken in all splits, so that it has seen blocks that other splits test. That
    favours the baselines a little, and spares nine tenths of a search that takes longer than all
    fits of ours.

    Args:
        tables: The corpus.
        models: Names of classifiers, of which those in `BASELINES` count.
        seed: Seed of the split and of the search.
        store: Where results are looked up and kept.
        progress: Called as progress("settings", done, total).
        threads: Choices at once; -1 for all cores.

    Returns:
        A setting for each baseline.
    """
    names = [name for name in models if name in BASELINES]
    if not names:
        return {}
    split = next(split_rows("grouped", tables.main.meta, n_splits=1, seed=seed))
    jobs = [_Choice(name, tables, split.train, seed) for name in names]
    found = run_all(jobs, store, progress, "settings", threads)
    return {name: json.loads(str(text)) for name, (text,) in zip(names, found, strict=True)}
