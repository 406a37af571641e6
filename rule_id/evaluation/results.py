"""What an evaluation found, and its summary over splits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from rule_id.evaluation.control import CONTROL_COLUMNS, read_control
from rule_id.evaluation.floor import FLOORED
from rule_id.evaluation.metrics import METRICS
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.features import wording

__all__ = [
    "ALIGNMENT_COLUMNS",
    "CONFUSION_COLUMNS",
    "RESULT_COLUMNS",
    "Evaluation",
    "summarise",
    "table_columns",
]

KEYS = ("protocol", "variant", "feature_set", "model", "level")
SIZES = ("n_train_networks", "n_test_networks", "n_classes")
RESULT_COLUMNS = (*KEYS, "split", "metric", "value", "chance", "floor", *SIZES)
CONFUSION_COLUMNS = (*KEYS, "true", "predicted", "count")
ALIGNMENT_COLUMNS = ("model", "credit_assignment", "bin", "n", "accuracy")
READABLE = (
    ("layers: accuracy", "layer", "accuracy"),
    ("networks: accuracy", "network", "accuracy"),
    ("networks: d-prime", "network", "d_prime"),
)
TRUNCATED = tuple(name for name, protocol in PROTOCOLS.items() if protocol.truncated)


@dataclass(frozen=True, repr=False)
class Evaluation:
    """How well the classes of a target were identified under each protocol.

    Splits of one corpus overlap, so a standard error of the mean over splits describes their
    spread; it is not a confidence interval for networks of another corpus.

    Attributes:
        results: One row a (protocol, variant, feature_set, model, level, split, metric), with
            `value`, `chance`, `floor` (missing for metrics other than accuracy and balanced
            accuracy), `n_train_networks`, `n_test_networks`, `n_classes`. `level` is `layer`, or
            `network` for the layers of one network combined.
        table: The results over splits: one row a (protocol, variant, feature_set, model, level),
            and for each metric its mean, standard error (`<metric>_sem`), mean chance
            (`<metric>_chance`) and, of accuracies, mean floor (`<metric>_floor`). The variant `all`
            of a protocol that holds groups out covers all of its splits.
        confusions: One row a (protocol, variant, feature_set, model, level, true, predicted),
            with `count` summed over splits.
        info: `target`, `classes`, `feature_set`, `models`, `protocols` with their descriptions,
            `splits`, `tune`, `seed`, `corpus`, numbers of networks and blocks, versions; `left_out`
            (protocols and groups that were not run, with the reason) and `dropped` (for a protocol
            and what it held out, the classes that only one side had); JSON types only.
        alignment: Accuracy for whole networks that learn their feedback, under `grouped`: one row
            a (model, credit_assignment, bin), with `n` and `accuracy` pooled over splits. `bin` is
            one of `ALIGNMENT_BINS`, the share of training after which learned feedback came
            within 45 degrees of its fixed point. Without a row where there are no such networks,
            and for the targets `family` and `optimizer`.
        control: How well the nuisances alone do, as of `nuisance_control`.
    """

    results: pd.DataFrame
    table: pd.DataFrame
    confusions: pd.DataFrame
    info: dict[str, Any]
    alignment: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(ALIGNMENT_COLUMNS))
    )
    control: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(CONTROL_COLUMNS))
    )

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
        ]
        return str(rows.groupby("model")["accuracy"].mean().idxmax())

    def readable(self) -> pd.DataFrame:
        """Return the table as text for people, `mean ± s.e.m. (chance, floor)` in each cell.

        Returns:
            One row a (protocol, variant, features, model): accuracy for single layers, accuracy
            and d-prime for whole networks; empty where a protocol has no such level.
        """
        keys = list(KEYS[:-1])
        cells = self.table[keys].drop_duplicates().set_index(keys)
        for name, level, metric in READABLE:
            rows = self.table[self.table["level"] == level]
            parts = (rows[f"{metric}{part}"] for part in ("", "_sem", *_beside(metric)))
            text = [_cell(*values) for values in zip(*parts, strict=True)]
            cells[name] = pd.Series(text, index=pd.MultiIndex.from_frame(rows[keys]))
        return cells.fillna("").reset_index().rename(columns={"feature_set": "features"})

    def remarks(self) -> list[str]:
        """Return what must be known to read the table, in a line each.

        Returns:
            What stands in brackets, the control, and how many classes and networks and which
            protocols were left out.
        """
        info = self.info
        many, in_all = wording(info["target"]).many, len(info["classes"])
        lines = ["In brackets: chance; of accuracies also the floor, which needs no measurement."]
        if len(self.control):
            lines.append(read_control(self.control, info["target"]))
        if info.get("n_held_out"):
            lines.append(f"Set apart by the plan: {info['n_held_out']} networks, never trained on.")
        for protocol, variants in info.get("dropped", {}).items():
            counts = ", ".join(f"{name} {len(classes)}" for name, classes in variants.items())
            lines.append(f"{protocol}: {many} on one side alone, left out of {in_all}: {counts}.")
        for why, names in _by_value(info.get("left_out", {})).items():
            lines.append(f"Not run: {', '.join(names)} ({why}).")
        return lines

    def __str__(self) -> str:
        """Return the table as aligned text."""
        table = self.readable()
        lines = [list(table.columns), *table.itertuples(index=False, name=None)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def table_columns() -> list[str]:
    """Return the columns of `Evaluation.table`."""
    metrics = [f"{name}{part}" for name in METRICS for part in ("", "_sem", *_beside(name))]
    return [*KEYS, "splits", *SIZES, *metrics]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard error over splits, one row a (protocol, ..., level).

    The standard error is std / sqrt(splits), with the sample standard deviation; NaN for a single
    split.

    Args:
        results: `Evaluation.results`.

    Returns:
        `Evaluation.table`, in the order of `PROTOCOLS`.
    """
    held_out = (results["variant"] != "all") & ~results["protocol"].isin(TRUNCATED)
    rows = pd.concat([results[held_out].assign(variant="all"), results], ignore_index=True)
    rank = {name: place for place, name in enumerate(PROTOCOLS)}
    rows = rows.sort_values("protocol", key=lambda names: names.map(rank), kind="stable")
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


def _beside(metric: str) -> tuple[str, ...]:
    """Return the ends of the names of what stands beside a metric, to compare it with."""
    return ("_chance", "_floor") if metric in FLOORED else ("_chance",)


def _cell(mean: float, sem: float, *beside: float) -> str:
    spread = "" if pd.isna(sem) else f" ± {sem:.2f}"
    known = [f"{value:.2f}" for value in beside if not pd.isna(value)]
    return f"{mean:.2f}{spread} ({', '.join(known)})"


def _by_value(texts: dict[str, str]) -> dict[str, list[str]]:
    """Return the keys of each value."""
    keys: dict[str, list[str]] = {}
    for key, value in texts.items():
        keys.setdefault(value, []).append(key)
    return keys
