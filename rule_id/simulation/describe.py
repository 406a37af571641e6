"""What became of the networks of a corpus: how fast, who learned, who diverged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rule_id.documents import read_json
from rule_id.errors import InputError
from rule_id.storage import local_copy
from rule_id.trajectories import atomic_write, learned, read_corpus

__all__ = ["Description", "describe", "write_timing"]


@dataclass(frozen=True)
class Description:
    """Three tables.

    Attributes:
        architectures: For each architecture its networks, how many were simulated in a minute by
            one process, and the shares that learned and diverged.
        curricula: The same shares for each curriculum.
        rules: The same shares for each rule.
    """

    architectures: pd.DataFrame
    curricula: pd.DataFrame
    rules: pd.DataFrame

    def __str__(self) -> str:
        """Say it as tables of text."""
        return "\n\n".join(map(_text, (self.architectures, self.curricula, self.rules)))


def describe(corpus: str | Path) -> Description:
    """Describe a corpus.

    Args:
        corpus: The corpus folder.

    Raises:
        InputError: It is no complete corpus of simulated networks.
    """
    corpus = local_copy(corpus)
    trajectories = read_corpus(corpus)
    networks = trajectories.networks
    needed = {"chance", "initial_performance", "architecture", "curriculum", "rule"}
    # Networks that somebody else trained have columns without a value.
    lacking = needed - set(networks.dropna(axis=1, how="all").columns)
    if lacking:
        raise InputError(f"{corpus} must hold simulated networks; it lacks {sorted(lacking)[0]}")
    best = trajectories.rows.groupby("network")["performance"].max()
    table = networks.assign(
        learned=learned(networks, networks["network"].map(best)),
        seconds=networks["network"].map(_seconds(corpus)),
    )
    speed = 60 / table.groupby("architecture")["seconds"].mean()
    return Description(
        _shares(table, "architecture").assign(**{"networks a minute": speed.round(1)}),
        _shares(table, "curriculum"),
        _shares(table, "rule"),
    )


def write_timing(corpus: Path, key: str, networks: list[str], seconds: float) -> None:
    """Keep how long a part took, beside the corpus's tables, which no time is part of."""
    text = json.dumps({"networks": networks, "seconds": round(seconds, 2)})
    atomic_write(corpus / "timings" / f"part-{key}.json", lambda path: path.write_text(text))


def _seconds(corpus: Path) -> dict[str, float]:
    """Return the seconds that each network took, its share of its part's."""
    found: dict[str, float] = {}
    for path in sorted((corpus / "timings").glob("*.json")):
        try:
            part = read_json(path, "the time of a part")
            networks, seconds = part["networks"], float(part["seconds"])
            found |= {str(network): seconds / len(networks) for network in networks}
        except (InputError, KeyError, TypeError, ValueError, OverflowError):
            continue  # of a damaged file no time is known, and no number depends on it
    return found


def _shares(table: pd.DataFrame, column: str) -> pd.DataFrame:
    grouped = table.groupby(column)
    return pd.DataFrame(
        {
            "networks": grouped.size(),
            "learned": grouped["learned"].mean().round(2),
            "diverged": grouped["diverged"].mean().round(2),
        }
    )


def _text(table: pd.DataFrame) -> str:
    return str(table.rename_axis(columns=str(table.index.name)).rename_axis(None).to_string())
