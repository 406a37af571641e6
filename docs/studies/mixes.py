"""Which views of networks the classifiers of a menu are to learn from.

    python docs/studies/mixes.py mixes CORPUS MODELS [ENTRY ...]
    python docs/studies/mixes.py shares CORPUS MODELS [ENTRY ...]

Prints for each classifier of the menu what share of networks of new blocks it names that are seen
as those it is asked for: `mixes`, after learning from several mixes of views
(`rule_id.models.mix.Mix`), trees and linear half with equal shares in the answer; `shares`, after
learning from the mix of the menu, with several shares. Blocks on which the bundles in MODELS are
scored take no part: a quarter of the others is named by classifiers of the rest. What was computed
lies in corpora/mixes and corpora/shares and is not computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from study import markdown_table, part

from rule_id.features.material import Material, read_material
from rule_id.models import CLASSIFIERS, fit_networks, inputs_of
from rule_id.models.calibrating import HeldOut, calibrate_views, parts_of_classes
from rule_id.models.menu import MENU, Entry, read_menu
from rule_id.models.mix import Mix
from rule_id.models.patterns import PATTERNS, feature_matrix, network_ids
from rule_id.models.ranges import feature_ranges
from rule_id.models.sources import CorpusSource, texts, usable_rows, with_observables
from rule_id.models.view import Cell
from rule_id.models.views import randomised_views

__all__ = ["MIXES", "SEEN", "SHARES", "accuracies", "mixes_of", "shown"]

MODELS, BRAINS = ("exact",), ("noisy", "poisson", "calcium")
MIXES = {
    "summary": ((3, 3, MODELS), (2, 1, MODELS), (1, 0, MODELS)),
    "invariant": ((1, 3, BRAINS), (1, 5, BRAINS)),
}
"""Complete copies, random ones and the kinds of these that are tried for each feature set."""

SEEN = {"summary": MODELS, "invariant": BRAINS}
"""What kinds of recordings a feature set is asked for."""

MODEL, TESTED, SEED = "combined", 0.25, 0
SHARES = (0.0, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
TOLD = ("class", "family")


def mixes_of(entry: Entry) -> list[Mix]:
    """Return the mixes that are tried for a classifier, first that of one that stands alone.

    One of all observables has weights in every view of the others, for of recordings without
    weights another of the menu answers.
    """
    always = ("weight",) if entry.observables is None else ()
    tried = [Mix(*copies, kinds, always) for *copies, kinds in MIXES[entry.feature_set]]
    return [Mix(), *tried]


def accuracies(
    material: Material, entry: Entry, mix: Mix, apart: list[int], shares: Sequence[float] = (0.5,)
) -> list[Any]:
    """Return how networks of new blocks are named by a classifier that learned from a mix.

    Args:
        material: A corpus with all its measurements.
        entry: The classifier.
        mix: The views that it learns from.
        apart: Blocks that take no part.
        shares: Shares of its trees.

    Returns:
        For each share, a `Cell` for each way to see them, as JSON types.
    """
    blocks = np.setdiff1d(material.networks["block"], apart)
    named = np.random.default_rng(SEED).choice(blocks, round(TESTED * len(blocks)), replace=False)
    own = _of_blocks(material, np.setdiff1d(blocks, named))
    views = randomised_views(own, entry.feature_set, seed=SEED, mix=mix)
    views = with_observables(views.rows(usable_rows(views.meta)), entry.observables)
    table = inputs_of(MODEL, views)
    del views
    X, y = feature_matrix(table, table.names), texts(table.meta["rule"])
    unfitted = CLASSIFIERS[MODEL](random_state=SEED)
    classifier = fit_networks(unfitted, X, y, network_ids(table.meta))
    family = dict(zip(y.tolist(), texts(table.meta["family"]).tolist(), strict=True))
    parts = parts_of_classes(classifier.classes_.tolist(), family, "rule")
    ranges, patterns = feature_ranges(X), {name: PATTERNS[name] for name in _patterns(entry)}
    source = CorpusSource(_of_blocks(material, named), entry.feature_set, table)
    seen = [one for one in source.held_out(named.tolist()) if _asked_for(one, entry)]
    return [
        [
            cell.to_dict()
            for cell in calibrate_views(
                _with_share(classifier, share),
                seen,
                patterns,
                table.names,
                "rule",
                parts,
                ranges,
                SEED,
            ).cells
        ]
        for share in shares
    ]


def _with_share(classifier: Any, share: float) -> Any:
    return classifier.set_params(share=share) if hasattr(classifier, "share") else classifier


def _asked_for(seen: HeldOut, entry: Entry) -> bool:
    return seen.view.kind in SEEN[entry.feature_set]


def _patterns(entry: Entry) -> list[str]:
    """Return what is recorded where a classifier is asked."""
    if entry.observables is not None:
        return ["+".join(entry.observables)]
    return [list(PATTERNS)[-1], "activation+weight", "weight"]


def _of_blocks(material: Material, blocks: np.ndarray) -> Material:
    kept = material.networks["block"].isin(blocks).to_numpy()
    return replace(
        material,
        networks=material.networks[kept].reset_index(drop=True),
        panels={
            number: panel.rows(panel.meta["block"].isin(blocks).to_numpy())
            for number, panel in material.panels.items()
        },
        loss=material.loss[kept],
        performance=material.performance[kept],
    )


def shown(found: dict[str, list[Cell]], title: str = "learned from") -> str:
    """Return a table of rules and families named, a column a number of checkpoints.

    What is seen in several ways at so many checkpoints is told as their mean, and so are all ways
    in the last column, by which a mix is chosen.

    Args:
        found: What each row is of.
        title: What the rows are.
    """
    columns = sorted({_seen(cell) for cells in found.values() for cell in cells})
    rows = []
    for name, cells in found.items():
        row = [name]
        for column in columns:
            row.append(_means([cell for cell in cells if _seen(cell) == column]))
        rows.append([*row, _means(cells)])
    titles = [f"{seen.replace('+', ', ')}, {-checkpoints}" for seen, checkpoints in columns]
    return markdown_table([title, *titles, "all"], rows)


def _seen(cell: Cell) -> tuple[str, int]:
    return cell.view.observables, -cell.view.checkpoints


def _means(cells: list[Cell]) -> str:
    return " / ".join(f"{np.mean([cell.accuracy[k] for cell in cells]):.3f}" for k in TOLD)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("mixes", "shares"))
    parser.add_argument("corpus", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("entries", nargs="*", metavar="entry")
    arguments = parser.parse_args()
    apart = read_menu(arguments.models)[0].test_blocks
    material = read_material(arguments.corpus)
    for name in arguments.entries or [n for n, entry in MENU.items() if not entry.linear]:
        entry = MENU[name]
        given = [material.content_hash, name, apart]
        if arguments.what == "mixes":
            found = {
                str(mix): part(
                    "mixes", name, [*given, mix.to_dict()], _job(material, entry, mix, apart)
                )[0]
                for mix in mixes_of(entry)
            }
        else:
            settings = [*given, entry.mix.to_dict(), SHARES]
            by_share = part(
                "shares", name, settings, _job(material, entry, entry.mix, apart, SHARES)
            )
            found = dict(zip(map(str, SHARES), by_share, strict=True))
        cells = {row: [Cell.from_dict(one) for one in some] for row, some in found.items()}
        title = "learned from" if arguments.what == "mixes" else "share of the trees"
        n = next(iter(cells.values()))[0].n
        print(f"\n{name}, {n} networks:\n\n{shown(cells, title)}", flush=True)


def _job(material: Material, *given: Any) -> Callable[[], list[Any]]:
    return lambda: accuracies(material, *given)


if __name__ == "__main__":
    main()
