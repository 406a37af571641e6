"""Which protocols a corpus allows, and which groups are held out by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.protocols import PROTOCOLS, held_out_groups, unsuitable
from rule_id.features.material import Material

__all__ = ["HOLD_OUT_KEYS", "Choice", "choose_protocols"]

HOLD_OUT_KEYS = ("architecture", "architecture_group", "task", "task_group", "curriculum")
"""What can be held out by name, by the name of its column."""

_GROUPED = {"architecture": "architecture_group", "task": "task_group"}


@dataclass(frozen=True)
class Choice:
    """The protocols to run.

    Attributes:
        protocols: Names in `PROTOCOLS`, in their order.
        named: For protocols whose groups were named, those groups.
        left_out: What is not run though nobody asked to leave it out (`held-out-curriculum`, or
            `held-out-task: words`), each with the reason.
    """

    protocols: list[str]
    named: dict[str, list[str]]
    left_out: dict[str, str]


def choose_protocols(
    protocols: Iterable[str] | None,
    hold_out: Iterable[str],
    material: Material,
    feature_set: str,
) -> Choice:
    """Choose the protocols that are asked for, or all that the corpus allows.

    Args:
        protocols: Names in `PROTOCOLS`; None for all that can hold something out here.
        hold_out: Texts such as `architecture=residual`. Its protocol is added when it was not asked
            for, and holds out what is named alone.
        material: The corpus.
        feature_set: The features that networks are seen through.

    Raises:
        InputError: A protocol or a group is unknown or named twice, or what is asked for needs what
            the networks lack.
    """
    networks = material.networks
    named = _named(hold_out, networks)
    if protocols is None:
        reasons = {name: _unsuitable(name, material, feature_set) for name in PROTOCOLS}
        asked = [name for name in PROTOCOLS if name in named or not reasons[name]]
    else:
        reasons, asked = {}, _checked(protocols)
        for name in asked:
            if why := _unsuitable(name, material, feature_set):
                raise InputError(f"protocol {name} {why}, so choose other protocols")
        asked += [name for name in named if name not in asked]
    left_out = {name: why for name, why in reasons.items() if why and name not in asked}
    for name in asked:
        if PROTOCOLS[name].held_out is not None and name not in named:
            left_out |= _groups_left_out(name, networks)
    return Choice([name for name in PROTOCOLS if name in asked], named, left_out)


def _unsuitable(protocol: str, material: Material, feature_set: str) -> str:
    """Return what a protocol needs that is not there, or nothing."""
    kind, networks = PROTOCOLS[protocol].kind, material.networks
    if kind == "plain":
        return unsuitable(protocol, networks, "rule")
    if kind in ("truncated", "measured") and feature_set == "trajectory":
        return "needs features that do not say at which checkpoints they were taken"
    if kind == "measured" and len(material.panels) < 2:
        return "needs networks that were measured in several ways; the corpus has one measurement"
    if kind == "calibrated" and networks["block"].nunique() < 3:
        return "needs 3 blocks or more"
    return ""


def _groups_left_out(protocol: str, networks: pd.DataFrame) -> dict[str, str]:
    lacks = held_out_groups(protocol, networks, "rule")
    return {f"{protocol}: {group}": f"needs {lack}" for group, lack in lacks.items() if lack}


def _checked(protocols: Iterable[str]) -> list[str]:
    names = list(protocols)
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"protocols must name each of one or more of {', '.join(PROTOCOLS)} once; "
            f"got {', '.join(names) or 'none'}"
        )
    return [one_of("protocols", name, PROTOCOLS) for name in names]


def _named(hold_out: Iterable[str], networks: pd.DataFrame) -> dict[str, list[str]]:
    """Return the groups to hold out of each protocol that is named."""
    found: dict[str, list[str]] = {}
    for text in hold_out:
        column, name = _column(text, networks)
        groups = found.setdefault(f"held-out-{column.replace('_', '-')}", [])
        if name in groups:
            raise InputError(f"hold_out must name each once; got {text} twice")
        groups.append(name)
    return found


def _column(text: str, networks: pd.DataFrame) -> tuple[str, str]:
    """Return the column and the value that a text such as `task=reward` names."""
    key, equals, name = text.partition("=")
    if not equals or key not in HOLD_OUT_KEYS:
        raise InputError(
            f"hold_out must be KEY=NAME with a key of {', '.join(HOLD_OUT_KEYS)}; got {text!r}"
        )
    columns = [key, *([_GROUPED[key]] if key in _GROUPED else [])]
    known = {
        column: sorted(networks[column].dropna().unique())
        for column in columns
        if column in networks.columns
    }
    # The name of one goes before the same name of a group: `architecture_group=` asks for that.
    for column, names in known.items():
        if name in names:
            return column, name
    held = [*dict.fromkeys(name for names in known.values() for name in names)]
    if not held:
        raise InputError(
            f"hold_out {text} needs networks with column {key}, as simulated ones have; there is "
            "none"
        )
    raise InputError(
        f"hold_out {key} must be one of those of the corpus, {', '.join(held)}; got {name!r}"
    )
