"""Evaluations of one corpus that were run at different times, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from rule_id.errors import InputError
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.claims import claims_of
from rule_id.evaluation.compared import compared_of
from rule_id.evaluation.describing import all_notes
from rule_id.evaluation.headline import headline_of
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import Evaluation, in_order, summarise
from rule_id.evaluation.trials import richest

__all__ = ["added", "lacking", "require_addable"]

_SAME = ("content_hash", "feature_set", "tune", "seed", "versions")
"""What must not differ: else numbers in one table would not be comparable."""

_MADE_OF = {
    "alignment": "grouped",
    "no_learning": "grouped",
    "matched": "grouped",
    "calibration": "calibrated",
    "reliability": "calibrated",
    "coverage": "calibrated",
    "novelty": "novel",
    "measured": "measured",
}
"""The protocol that decides whose table is taken; tables not named here are computed again."""


def require_addable(held: Evaluation, options: Mapping[str, Any]) -> None:
    """Refuse to put together what cannot be compared.

    Args:
        held: An evaluation.
        options: What is about to be run: corpus, features, seed and versions, as in
            `Evaluation.info`.

    Raises:
        InputError: They differ.
    """
    if not options["content_hash"]:
        raise InputError(
            "only evaluations of complete corpora can be added to: networks lack columns, so that "
            "nobody can tell whether the corpus is the same"
        )
    for name in _SAME:
        old, new = held.info.get(name), options[name]
        if old != new:
            raise InputError(
                f"only an evaluation with the same {name} can be added to; that one has {old}, "
                f"this one {new}"
            )


def lacking(held: Evaluation, protocols: Iterable[str], models: Iterable[str]) -> list[str]:
    """Return those protocols of which an evaluation has nothing of a model that is asked for.

    Args:
        held: An evaluation.
        protocols: Names in `PROTOCOLS`.
        models: Names of classifiers of ours and of baselines.

    Raises:
        InputError: A protocol would have to be run again, and models that it has are not asked for.
    """
    asked = list(models)
    of = held.results.groupby("protocol")["model"].agg(set).to_dict()
    found = []
    for protocol in protocols:
        there = of.get(protocol, set())
        lacks = _wanted(protocol, asked) - there
        if not lacks or (protocol == "novel" and protocol in held.info["protocols"]):
            continue
        if lost := there - {*asked, "combined"}:
            raise InputError(
                f"protocol {protocol} lacks {', '.join(sorted(lacks))} and has "
                f"{', '.join(sorted(lost))}, which running it again would lose: ask for both"
            )
        found.append(protocol)
    return found


def _wanted(protocol: str, models: list[str]) -> set[str]:
    """Return the models that a protocol fits, of those asked for."""
    ours = [name for name in models if name not in BASELINES]
    if PROTOCOLS[protocol].kind in ("truncated", "measured"):
        return {richest(ours)}
    return set(models) if PROTOCOLS[protocol].compared else set(ours)


def added(held: Evaluation, new: Evaluation) -> Evaluation:
    """Return an evaluation with the protocols of both; of those in both, the new one's.

    It is the evaluation that would have been made at once, but for `matched`, which compares
    networks under `grouped` and `curves` and has what was run together. Every row says of how many
    splits it is: protocols of few splits and of many may stand side by side.

    Args:
        held: An evaluation.
        new: Another of the same corpus with the same features and seed; protocols, models and
            splits may differ.

    Raises:
        InputError: Corpus, features, seed or versions differ.
    """
    require_addable(held, new.info)
    again = set(new.info["protocols"])
    results = _either(held.results, new.results, again)
    table, feature_set = summarise(results), new.info["feature_set"]
    further = dict(new.further)
    for name, protocol in _MADE_OF.items():
        if protocol not in again:
            further[name] = held.further[name]
    further["cost"] = _either(
        held.further["cost"], new.further["cost"], again | set(new.further["cost"]["protocol"])
    )
    further["headline"] = headline_of(table)
    further["compared"] = compared_of(results, feature_set)
    further["claims"] = claims_of(results, further["measured"], feature_set)
    return Evaluation(
        results, table, _either(held.confusions, new.confusions, again), _info(held, new), further
    )


def _either(held: pd.DataFrame, new: pd.DataFrame, again: set[str]) -> pd.DataFrame:
    """Return the rows of protocols that are not run again, and the new ones."""
    kept = held[~held["protocol"].isin(again)]
    parts = [part for part in (kept, new) if len(part)]
    return in_order(pd.concat(parts)) if parts else new


def _info(held: Evaluation, new: Evaluation) -> dict[str, Any]:
    old, info = held.info, dict(new.info)
    again = set(info["protocols"])
    protocols = old["protocols"] | info["protocols"]
    info["protocols"] = {name: protocols[name] for name in PROTOCOLS if name in protocols}
    info["models"] = [*dict.fromkeys([*old["models"], *info["models"]])]
    named = [text for text in old["hold_out"] if not _protocols_of(text) & again]
    info["hold_out"] = [*dict.fromkeys([*named, *info["hold_out"]])]
    info["splits"] = max(old["splits"], info["splits"])
    info["baseline_settings"] = old["baseline_settings"] | info["baseline_settings"]
    counts = old["n_features"], info["n_features"]
    info["n_features"] = {
        name: max(count.get(name, 0) for count in counts) for name in sorted(counts[0] | counts[1])
    }
    for name in ("left_out", "dropped"):
        kept = {key: value for key, value in old[name].items() if _protocol(key) not in again}
        info[name] = dict(sorted((kept | info[name]).items(), key=_place))
    info["left_out"] = {
        key: why for key, why in info["left_out"].items() if key not in info["protocols"]
    }
    return info | {"notes": all_notes(info["dropped"])}


def _protocol(key: str) -> str:
    """Return the protocol of what was left out: `held-out-task: words` is of `held-out-task`."""
    return key.partition(":")[0]


def _protocols_of(text: str) -> set[str]:
    """Return the protocols that `task=words` may belong to: one holds out each, one each group."""
    key = text.partition("=")[0].replace("_", "-")
    return {f"held-out-{key}", f"held-out-{key}-group"}


def _place(item: tuple[str, Any]) -> int:
    return list(PROTOCOLS).index(_protocol(item[0]))
