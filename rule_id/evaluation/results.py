"""What an evaluation found, and its summary over splits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from rule_id.errors import one_of
from rule_id.evaluation.floor import FLOORED
from rule_id.evaluation.metrics import METRICS
from rule_id.evaluation.protocols import PROTOCOLS

__all__ = [
    "CONFUSION_COLUMNS",
    "FURTHER",
    "RESULT_COLUMNS",
    "Evaluation",
    "empty_table",
    "in_order",
    "summarise",
    "table_columns",
]

KEYS = ("protocol", "variant", "feature_set", "model", "level", "target", "subset")
SIZES = ("n_train_networks", "n_test_networks", "n_classes")
RESULT_COLUMNS = (*KEYS, "split", "metric", "value", "chance", "floor", *SIZES)
CONFUSION_COLUMNS = (*KEYS[:-1], "true", "predicted", "count")

FURTHER: dict[str, tuple[str, ...]] = {
    "headline": (
        "model", "features", "target", "subset", "level", "accuracy", "sem", "chance", "floor",
        "n_networks", "n_classes", "splits",
    ),
    "compared": (
        "protocol", "target", "subset", "level", "model", "features", "among", "accuracy",
        "best_baseline", "best_accuracy", "difference", "sem", "splits",
    ),
    "control": (
        "target", "protocol", "accuracy", "accuracy_sem", "accuracy_chance", "accuracy_floor",
        "n_networks", "n_blocks",
    ),
    "alignment": ("model", "credit_assignment", "bin", "n", "accuracy"),
    "no_learning": (
        "model", "hits", "false_alarms", "false_alarms_unlearned", "auroc", "sem", "n_still",
        "n_learning",
    ),
    "matched": ("matched", "model", "features", "pairs", "n_pairs", "accuracy", "sem"),
    "calibration": (
        "model", "target", "scaled", "error", "error_sem", "temperature", "confidence",
        "accuracy", "n",
    ),
    "reliability": (
        "model", "target", "scaled", "low", "high", "n", "confidence", "accuracy", "accuracy_sem",
    ),
    "coverage": (
        "model", "target", "by", "miscoverage", "class", "covered", "covered_sem", "size",
        "empty", "full", "n", "n_blocks", "n_calibration", "can_exclude",
    ),
    "novelty": (
        "kind", "held_out", "model", "score", "auroc", "sem", "n_novel", "n_known", "n_blocks",
    ),
    "measured": (
        "measurement", "name", "observation", "units", "share", "noise_std", "tracked",
        "observables",
        "model", "target", "accuracy", "sem", "chance", "floor", "n_networks",
    ),
    "claims": ("claim", "about", "measure", "value", "sem", "criterion", "threshold", "verdict"),
    "cost": ("protocol", "model", "fits", "seconds"),
}  # fmt: skip
"""Tables beside results, table and confusions, with their columns; see docs/evaluation.md."""


def empty_table(name: str) -> pd.DataFrame:
    """Return a table of `FURTHER` without rows."""
    return pd.DataFrame(columns=list(FURTHER[name]))


@dataclass(frozen=True, repr=False)
class Evaluation:
    """How well rules, and what they are of, were identified under each protocol.

    Splits of one corpus overlap, so a standard error of the mean over splits describes their
    spread; it is not a confidence interval for networks of another corpus.

    Attributes:
        results: One row a (protocol, variant, feature_set, model, level, target, subset, split,
            metric), with `value`, `chance`, `floor` (missing for metrics other than accuracy and
            balanced accuracy), `n_train_networks`, `n_test_networks`, `n_classes`. `level` is
            `layer`, or `network` for the layers of one network combined; `target` one of
            `EVALUATED`; `subset` the kind of networks that are counted, one of `SUBSETS`.
        table: The results over splits: one row a (protocol, variant, feature_set, model, level,
            target, subset), and for each metric its mean, standard error (`<metric>_sem`), mean
            chance (`<metric>_chance`) and, of accuracies, mean floor (`<metric>_floor`). The
            variant `all` of a protocol that holds groups out covers all of its splits.
        confusions: One row a (protocol, variant, feature_set, model, level, target, true,
            predicted) that occurred, with `count` summed over splits.
        info: `target` (what tables are of that show one), `classes` of every target,
            `feature_set`, `models`, `protocols` with their descriptions, `splits`, `tune`, `seed`,
            `corpus`, numbers of networks and blocks, versions; `left_out` (protocols and groups
            that were not run, with the reason) and `dropped` (for a protocol and what it held out,
            the rules that could not be tested); JSON types only.
        further: The tables of `FURTHER`, by name; without rows where there is nothing to say.
    """

    results: pd.DataFrame
    table: pd.DataFrame
    confusions: pd.DataFrame
    info: dict[str, Any]
    further: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let tables that were not made have no rows."""
        empty = {name: empty_table(name) for name in FURTHER}
        object.__setattr__(self, "further", empty | self.further)

    def of(self, target: str = "rule", subset: str = "all") -> Evaluation:
        """Return what was found of one target and one kind of networks alone.

        Args:
            target: One of those evaluated.
            subset: One of `SUBSETS`; confusions are of all networks.

        Raises:
            InputError: The target was not evaluated, or not for such networks.
        """
        one_of("target", target, list(self.info["classes_of"]))
        one_of("subset", subset, dict.fromkeys(["all", *self.table["subset"].unique()]))
        kept = (
            table[(table["target"] == target) & (table["subset"] == subset)].reset_index(drop=True)
            for table in (self.results, self.table)
        )
        confusions = self.confusions[self.confusions["target"] == target].reset_index(drop=True)
        info = {**self.info, "target": target, "classes": self.info["classes_of"][target]}
        return replace(
            self,
            results=next(kept),
            table=next(kept),
            confusions=confusions,
            info=info,
            further={name: _about(table, target) for name, table in self.further.items()},
        )

    def __str__(self) -> str:
        """Return the tables as aligned text."""
        from rule_id.evaluation.printing import printed

        return printed(self)

    def best_model(self, protocol: str, level: str) -> str:
        """Return the model with the highest mean accuracy under a protocol.

        Args:
            protocol: A protocol that was evaluated.
            level: `layer` or `network`.
        """
        rows = self.table[
            (self.table["protocol"] == protocol)
            & (self.table["level"] == level)
            & (self.table["feature_set"] == self.info["feature_set"])
            & (self.table["target"] == self.info["target"])
            & (self.table["subset"] == "all")
        ]
        if rows.empty:
            return ""
        return str(rows.groupby("model")["accuracy"].mean().idxmax())


def table_columns() -> list[str]:
    """Return the columns of `Evaluation.table`."""
    metrics = [f"{name}{part}" for name in METRICS for part in ("", "_sem", *_beside(name))]
    return [*KEYS, "splits", *SIZES, *metrics]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard error over splits, one row a (protocol, ..., subset).

    The standard error is std / sqrt(splits), with the sample standard deviation; NaN for a single
    split. Halves of one split that are tested in turn are one result.

    Args:
        results: `Evaluation.results`.

    Returns:
        `Evaluation.table`, in the order of `PROTOCOLS`.
    """
    if results.empty:
        return pd.DataFrame(columns=table_columns())
    kinds = results["protocol"].map({name: one.kind for name, one in PROTOCOLS.items()})
    held_out = (results["variant"] != "all") & (kinds == "plain")
    halves = kinds == "calibrated"
    rows = pd.concat(
        [results[held_out].assign(variant="all"), results[~halves], _whole(results[halves])],
        ignore_index=True,
    )
    rows = in_order(rows)
    groups = rows.groupby([*KEYS, "metric"], sort=False)
    chance, floor = groups["chance"].mean(), groups["floor"].mean()
    parts = {
        "": groups["value"].mean(), "_sem": groups["value"].sem(), "_chance": chance,
        "_floor": floor,
    }  # fmt: skip
    wide = pd.concat(
        [series.unstack("metric").add_suffix(part) for part, series in parts.items()], axis=1
    )
    by_setting = rows.groupby(list(KEYS), sort=False)
    sizes = by_setting[list(SIZES)].mean()
    sizes.insert(0, "splits", by_setting["split"].nunique())
    return sizes.join(wide).reset_index()[table_columns()]


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order of `PROTOCOLS`, those of one protocol as they were.

    Args:
        rows: Rows with a `protocol`; what is none of `PROTOCOLS` comes last.
    """
    rank = {name: place for place, name in enumerate(PROTOCOLS)}
    return rows.sort_values(
        "protocol", key=lambda names: names.map(rank), kind="stable", ignore_index=True
    )


def _about(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows about a target, of a table that has several."""
    if "target" not in table.columns:
        return table
    return table[table["target"] == target].reset_index(drop=True)


def _whole(halves: pd.DataFrame) -> pd.DataFrame:
    """Return one row for the halves of each split."""
    keys = [name for name in RESULT_COLUMNS if name not in ("variant", "value", "chance", "floor")]
    keys = [name for name in keys if name not in SIZES]
    mean = halves.groupby(keys, sort=False)[["value", "chance", "floor", *SIZES]].mean()
    return mean.reset_index().assign(variant="all")[list(RESULT_COLUMNS)]


def _beside(metric: str) -> tuple[str, ...]:
    """Return the ends of the names of what stands beside a metric, to compare it with."""
    return ("_chance", "_floor") if metric in FLOORED else ("_chance",)
