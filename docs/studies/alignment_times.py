"""How long learned feedback takes to come within 45 degrees of its fixed point.

`make alignment-times` runs it: it writes docs/alignment-times.md from parts in
corpora/alignment-times/, one a rule, and goes on where it was stopped.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd
import torch
from study import DOCS, markdown_table, part, versions

from rule_id.rules import CREDIT_ASSIGNMENTS
from rule_id.simulation.ensemble import run_ensemble
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.plan import read_plan
from rule_id.simulation.resolve import resolve
from rule_id.trajectories import atomic_write

SEED, BLOCKS, STEPS = 2028, 96, 400
ARCHITECTURES = ("dense1", "dense2", "dense3", "dense4")
TASKS = ("digits", "breast_cancer", "teacher_student")
WANTED = (0.05, 0.5)
"""Shares of training between which feedback is to come within 45 degrees."""


def main() -> None:
    """Compute what is missing and write the page."""
    torch.set_num_threads(1)
    names = [n for n, one in CREDIT_ASSIGNMENTS.items() if one.family == "learned feedback"]
    tables = {name: pd.DataFrame(times_of(f"{name}+momentum")) for name in names}
    atomic_write(DOCS / "alignment-times.md", lambda target: target.write_text(page(tables)))


def times_of(rule: str) -> list[dict[str, Any]]:
    """Return architecture, task and alignment time of each network of a rule."""
    ensembles = ensembles_of(rule)
    settings = [asdict(ensemble) for ensemble in ensembles]
    return part("alignment-times", rule, settings, lambda: _simulate(ensembles))


def ensembles_of(rule: str) -> list[Ensemble]:
    """Return the networks of a rule: all hyperparameters from its own ranges."""
    ensemble = {
        "rules": [rule],
        "blocks": BLOCKS,
        "networks_per_rule": 1,
        "architecture": {"choice": list(ARCHITECTURES)},
        "task": {"choice": list(TASKS)},
        "width": 64,
        "steps": STEPS,
    }
    return resolve(read_plan({"schema": 1, "seed": SEED, "ensembles": [ensemble]}))


def _simulate(ensembles: list[Ensemble]) -> list[dict[str, Any]]:
    columns = ["architecture", "task", "alignment_time", "diverged"]
    networks = pd.concat([run_ensemble(ensemble)[0][columns] for ensemble in ensembles])
    times = (
        networks["alignment_time"].astype(object).where(networks["alignment_time"].notna(), None)
    )
    return networks.assign(alignment_time=times).to_dict("records")


def summary(times: pd.Series) -> list[str]:
    """Return cells: quantiles of the times, the share within `WANTED`, and of those never there.

    >>> summary(pd.Series([0.1, 0.2, 0.6, None]))
    ['0.12', '0.20', '0.52', '0.50', '0.25']
    """
    known = times.dropna()
    quantiles = [f"{known.quantile(q):.2f}" if len(known) else "" for q in (0.1, 0.5, 0.9)]
    inside = times.between(*WANTED).mean()
    return [*quantiles, f"{inside:.2f}", f"{times.isna().mean():.2f}"]


def page(tables: dict[str, pd.DataFrame]) -> str:
    """Return the page."""
    times = {name: table["alignment_time"].astype(float) for name, table in tables.items()}
    header = ["credit assignment", "networks", "10%", "median", "90%", "within 5 to 50%", "never"]
    whole = markdown_table(header, [[f"`{n}`", str(len(t)), *summary(t)] for n, t in times.items()])
    groups = [("architecture", name) for name in ARCHITECTURES] + [("task", name) for name in TASKS]
    parts = markdown_table(
        ["credit assignment", *(name for _, name in groups)],
        [
            [f"`{name}`", *(_inside(table, *group) for group in groups)]
            for name, table in tables.items()
        ],
    )
    n_diverged = sum(int(table["diverged"].sum()) for table in tables.values())
    return TEXT.format(
        blocks=BLOCKS, steps=STEPS, seed=SEED, versions=versions(), whole=whole, parts=parts,
        n_diverged=n_diverged,
    )  # fmt: skip


def _inside(table: pd.DataFrame, column: str, value: str) -> str:
    times = table.loc[table[column] == value, "alignment_time"].astype(float)
    return f"{times.between(*WANTED).mean():.2f}" if len(times) else ""


TEXT = """# How fast feedback is learned

<!-- Written by `make alignment-times`; change docs/studies/alignment_times.py instead. -->

The share of training after which the feedback weights B of a network came within 45 degrees of
their fixed point, mean over layers, while W learned (column `alignment_time`). {blocks} networks a
rule, momentum, {steps} steps, 64 units, every architecture and task, hyperparameters from each
rule's own ranges. The fixed point is that of the weights and the activity of the moment, so that it
moves; for `kolen_pollack` it is W^T. {n_diverged} networks diverged.

What is wanted is 5 to 50% of training: sooner, the rule is backprop under another name, later it
is feedback alignment. A network that never got there counts as outside.

{whole}

Share within 5 to 50%, by architecture and task:

{parts}

Where it falls short: `kolen_pollack` aligns only as far as the learned part of the weights outgrows
what has decayed, which takes longest in the deep networks whose weights change least; stronger
decay would align them sooner and keep them from learning the task. The fixed points of
`information_alignment` and `target_propagation` are regularised inverses of W on the layer's
activity: both move while a deep network learns, and B runs after them.

Seed {seed}; {versions}.
"""


if __name__ == "__main__":
    main()
