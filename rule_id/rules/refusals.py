"""Why a rule does not work under some conditions."""

from __future__ import annotations

from rule_id.rules.contract import Conditions

__all__ = [
    "needs_chain",
    "needs_dense",
    "needs_desired_output",
    "needs_every_unit",
    "needs_loss_of_each_example",
    "needs_plain_sums",
    "needs_separate_examples",
]


def needs_dense(conditions: Conditions) -> str | None:
    """Refuse all but dense networks: units settle as a chain of layers."""
    if conditions.architecture_group == "dense":
        return None
    return "needs dense layers, whose units settle as a chain"


def needs_chain(conditions: Conditions) -> str | None:
    """Refuse networks in which a layer is fed by several, or by itself."""
    if conditions.architecture_group in ("dense", "convolutional"):
        return None
    return "needs a chain of layers, each with one inverse"


def needs_plain_sums(conditions: Conditions) -> str | None:
    """Refuse normalisation: an energy knows W h + b alone."""
    if conditions.normalisation == "none":
        return None
    return "needs normalisation none, for its energy has no other term than W h + b"


def needs_every_unit(conditions: Conditions) -> str | None:
    """Refuse dropout."""
    return None if not conditions.dropout else "needs dropout 0, for left-out units do not settle"


def needs_separate_examples(conditions: Conditions) -> str | None:
    """Refuse batch normalisation: what settles in one example would move the others."""
    if conditions.normalisation != "batch":
        return None
    return "needs another normalisation than batch, for each example settles by itself"


def needs_loss_of_each_example(conditions: Conditions) -> str | None:
    """Refuse losses of pairs: the loss must be told for each example by itself."""
    if conditions.separable:
        return None
    return f"needs the loss of each example by itself, which {conditions.loss} does not have"


def needs_desired_output(conditions: Conditions) -> str | None:
    """Refuse losses without an output that is wanted."""
    if conditions.loss in ("cross_entropy", "squared_error"):
        return None
    return f"needs an output to clamp to, which {conditions.loss} does not have"
