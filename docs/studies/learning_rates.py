"""Searches the learning rates of all that the plans that ship may draw, and writes the table.

Run by `make learning-rates`. What the table holds already is kept, so that an interrupted run goes
on; delete rule_id/simulation/learning_rates.csv to search all of it anew.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from rule_id.networks import get_architecture
from rule_id.rules import get_rule
from rule_id.simulation.best_rates import search_all
from rule_id.simulation.plan import EnsemblePlan, read_plan
from rule_id.simulation.plan_checks import possible_shapes
from rule_id.simulation.rates import BestRates, RateKey, known_rates
from rule_id.tasks import TASKS

__all__ = ["keys_of", "write"]

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "rule_id" / "simulation" / "learning_rates.csv"
PLANS = ("demo", "reference")
AT_ONCE = 8


def keys_of(plan: EnsemblePlan) -> Iterator[RateKey]:
    """Yield whose rates an entry of a plan may want, whatever its blocks draw."""
    for shape in possible_shapes(plan):
        if shape.task not in TASKS:
            continue
        group = get_architecture(shape.architecture).group
        conditions = shape.conditions(TASKS[shape.task])
        for name in plan.named_rules:
            rule = get_rule(name)
            if (
                rule.credit_assignment.refusal(conditions) is None
                and "learning_rate" in rule.ranges
            ):
                yield RateKey(name, group, shape.task)


def write(rates: BestRates) -> None:
    """Write the table, sorted."""
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*RateKey._fields, "learning_rate"])
        writer.writerows([*key, f"{rate:.6g}"] for key, rate in sorted(rates.items()))


def main() -> None:
    """Search what the table lacks, a few at a time."""
    plans = [read_plan(ROOT / "rule_id" / "reference" / f"{name}.toml") for name in PLANS]
    wanted = dict.fromkeys(key for plan in plans for own in plan.ensembles for key in keys_of(own))
    rates = dict(known_rates())
    missing = [key for key in wanted if key not in rates]
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        places = [{"folder": None, "image_size": None}] * len(part)
        rates |= search_all(part, places, [], workers=-1)
        write(rates)
        print(f"{start + len(part)} of {len(missing)}", flush=True)


if __name__ == "__main__":
    main()
