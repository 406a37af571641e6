"""The tables of docs/architectures.md, from the code: `python docs/studies/architectures.py`."""

from __future__ import annotations

import re
from collections import Counter

from study import DOCS

from rule_id.networks import (
    ARCHITECTURE_GROUPS,
    ARCHITECTURES,
    NORMALISATIONS,
    Network,
    build_network,
)
from rule_id.rules import CREDIT_ASSIGNMENTS, Conditions, CreditAssignment
from rule_id.tasks import get_task
from rule_id.trajectories import atomic_write

SHOWN = (3, 32, 32)
"""The input for which layers are counted."""

UNITS, CHANNELS = "units of each hidden layer", "channels of the first convolution"

SAID = {
    "dense": (UNITS, "Rumelhart et al. 1986"),
    "knet": (f"{CHANNELS}; the others have 2 w", "Nayebi et al. 2020"),
    "lenet": (f"{CHANNELS}; then 16/6 w, 20 w, 14 w", "LeCun et al. 1998"),
    "alexnet": (f"{CHANNELS}; then 3, 6, 4, 4, 64, 64 w", "Krizhevsky 2014"),
    "resnetv1": ("channels of the first stage; then 2, 4, 8 w", "He et al. 2015"),
    "resnetv2": ("channels of the first stage; then 2, 4, 8 w", "He et al. 2016"),
    "rnn": ("units of each stage", "Elman 1990"),
    "rate_rnn": ("units of each stage", "Yoder et al. 2022"),
}
"""What width means, and whose the architecture is, by what its name begins and ends with."""

LOSSES = {"contrastive loss": "contrastive_digits", "reward loss": "bandit"}
"""Losses that some rules do not work under, by tasks that have them."""


def main() -> None:
    """Write the tables into the page, each between its marks."""
    page = DOCS / "architectures.md"
    text = written(page.read_text())
    atomic_write(page, lambda target: target.write_text(text))


def written(text: str) -> str:
    """Return the page with its tables made anew."""
    for name, make in (("architectures", architectures_table), ("rules", rules_table)):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, first, rest = text.partition(begin)
        _, last, after = rest.partition(end)
        if not (first and last):
            raise ValueError(f"the page must have the marks {begin.strip()} and {end}")
        text = before + begin + make() + end + after
    return text


def architectures_table() -> str:
    """Return a row for each architecture."""
    rows = []
    for name, one in ARCHITECTURES.items():
        width, source = SAID[_family(name)]
        if name.endswith("_lrn"):
            source += ", with local response normalisation"
        cells = [f"`{name}`", one.group, _layers(name), width, ", ".join(one.normalisations)]
        rows.append([*cells, source])
    header = ["name", "group", "layers", "width w", "normalisation, its own first", "source"]
    return _table(header, rows)


def rules_table() -> str:
    """Return a row for each credit assignment, and the reasons that it refers to.

    The columns are the groups of architectures, what hidden layers may have, and losses.
    """
    columns = {
        **{group: Conditions(group) for group in ARCHITECTURE_GROUPS},
        **{f"{n} normalisation": Conditions(normalisation=n) for n in NORMALISATIONS[1:]},
        "dropout": Conditions(dropout=0.1),
        **{said: _with_loss_of(task) for said, task in LOSSES.items()},
    }
    reasons: list[str] = []
    rows = [
        [f"`{one.name}`", *(_cell(one, under, reasons) for under in columns.values())]
        for one in CREDIT_ASSIGNMENTS.values()
    ]
    notes = [f"{number}. It {reason}." for number, reason in enumerate(reasons, 1)]
    return _table(["credit assignment", *columns], rows) + "\n" + "\n".join(notes) + "\n"


def _with_loss_of(task: str) -> Conditions:
    loss = get_task(task).loss
    return Conditions(loss=loss.name, separable=loss.separable)


def _cell(one: CreditAssignment, under: Conditions, reasons: list[str]) -> str:
    reason = one.refusal(under)
    if reason is None:
        return "yes"
    if reason not in reasons:
        reasons.append(reason)
    return f"no ({reasons.index(reason) + 1})"


def _family(name: str) -> str:
    stem = re.sub(r"(_lrn|\d+)", "", name.removesuffix("v2"))
    return f"resnetv{2 if name.endswith('v2') else 1}" if stem == "resnet" else stem


def _layers(name: str) -> str:
    """Return how many layers of each kind there are.

    >>> _layers("lenet")
    '2 convolution, 3 dense'
    """
    network: Network = build_network(name, input_shape=SHOWN, n_out=10, width=6, activation="relu")
    kinds = Counter(
        "shortcut" if layer.name.endswith("shortcut") else layer.kind for layer in network.layers
    )
    return ", ".join(f"{n} {kind}" for kind, n in kinds.items())


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    main()
