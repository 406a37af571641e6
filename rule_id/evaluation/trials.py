"""What is fitted on what, and what it is tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rule_id.evaluation.apart import require_apart
from rule_id.evaluation.baselines import BASELINES, MOST_ROWS, draw_networks
from rule_id.evaluation.choosing import Choice
from rule_id.evaluation.protocols import PROTOCOLS, Protocol, Split, split_rows
from rule_id.evaluation.tables import CURVES, PAPER_FEATURES, Tables
from rule_id.features import FeatureTable
from rule_id.models import PATTERNS, learns_networks
from rule_id.models.cuts import possible_cuts
from rule_id.models.views import ALL_OBSERVABLES, seeings_of
from rule_id.trajectories import OBSERVABLES

__all__ = ["DRAWN", "ELSEWHERE", "Test", "Trial", "richest", "trials_of"]

ELSEWHERE = 3
"""Splits of protocols that are not the headline; held-out groups take a turn each at least."""

DRAWN = "drawn"
"""Ends the name of features where fewer networks were trained on, those that baselines could be."""

LEVELS = ("layer", "network")
SEEN = (ALL_OBSERVABLES, *OBSERVABLES)
_WHO = ["block", "network"]


@dataclass(frozen=True)
class Test:
    """Rows that a fitted model is tested on.

    Attributes:
        protocol: One of `PROTOCOLS`.
        variant: What is particular about them; `all` where nothing is.
        table: Their features.
        rows: Which rows of it (n,), boolean.
        observables: The observables that are seen, a key of `PATTERNS`.
        levels: `layer` and `network`, or one of them.
        detailed: Whether all targets and kinds of networks are scored, and confusions counted.
    """

    __test__ = False  # for pytest, which takes any class of this name for one of its own

    protocol: str
    variant: str
    table: FeatureTable
    rows: np.ndarray
    observables: str = ALL_OBSERVABLES
    levels: tuple[str, ...] = LEVELS
    detailed: bool = True


@dataclass(frozen=True)
class Trial:
    """One model to fit on the rows of one table, and all that it is tested on.

    Attributes:
        split: The split that it belongs to.
        model: Name of the model.
        feature_set: Name of the features in the results.
        table: The features that are trained on.
        rows: Which rows of it (n,), boolean.
        tests: What it is tested on.
        shuffled: Whether rules are exchanged among the networks that are trained on.
    """

    split: Split
    model: str
    feature_set: str
    table: FeatureTable
    rows: np.ndarray
    tests: tuple[Test, ...]
    shuffled: bool = False

    @property
    def of_networks(self) -> bool:
        """Whether a classifier that can is to learn whole networks."""
        return learns_networks(self.model) and all("network" in test.levels for test in self.tests)

    @cached_property
    def classes(self) -> list[str]:
        """The rules that are trained on, sorted."""
        return sorted(self.table.meta.loc[self.rows, "rule"].unique())

    @cached_property
    def n_networks(self) -> int:
        """How many networks are trained on."""
        return int(self.table.meta.loc[self.rows, "network"].nunique())


@dataclass(frozen=True)
class _Context:
    tables: Tables
    models: tuple[str, ...]
    baselines: tuple[str, ...]
    splits: int
    seed: int

    @property
    def broad(self) -> str:
        """The one model that is tested on grids."""
        return richest(self.models)

    def drawn(self, protocol: str, groups: tuple[str, ...] = ()) -> Iterator[Split]:
        every = PROTOCOLS[protocol].headline or groups
        n = self.splits if every else min(self.splits, ELSEWHERE)
        meta = self.tables.main.meta
        yield from split_rows(protocol, meta, n_splits=n, seed=self.seed, groups=groups)


def richest(models: Sequence[str]) -> str:
    """Return the one of some classifiers of ours that is fitted where only one is.

    Args:
        models: Names in `CLASSIFIERS`, one or more.
    """
    return "xgboost" if "xgboost" in models else models[0]


def trials_of(
    tables: Tables,
    choice: Choice,
    models: list[str],
    splits: int,
    seed: int,
) -> Iterator[Trial]:
    """Yield everything to be fitted that has an accuracy.

    Args:
        tables: The corpus.
        choice: The protocols, and the groups that were named.
        models: Names of classifiers of ours and of `BASELINES`.
        splits: Splits of the headline protocols, or of each group that was named.
        seed: Seed of the splits.

    Raises:
        InputError: The corpus is too small or uniform for a protocol.
        Leak: A protocol trains on what it tests.
    """
    for trial in _trials(tables, choice, models, splits, seed):
        train = trial.table.meta.loc[trial.rows, _WHO]
        for test in trial.tests:
            require_apart(test.protocol, train, test.table.meta.loc[test.rows, _WHO])
        yield trial


def _trials(
    tables: Tables, choice: Choice, models: list[str], splits: int, seed: int
) -> Iterator[Trial]:
    ours = tuple(name for name in models if name not in BASELINES)
    baselines = tuple(name for name in models if name in BASELINES)
    context = _Context(tables, ours, baselines, splits, seed)
    for protocol in choice.protocols:
        kind = PROTOCOLS[protocol].kind
        if kind == "plain":
            yield from _plain(context, protocol, tuple(choice.named.get(protocol, ())))
        elif kind in _KINDS:
            yield from _KINDS[kind](context, protocol)
    grids = [name for name in choice.protocols if PROTOCOLS[name].kind in _GRIDS]
    if grids:
        yield from _grids(context, grids)


def _plain(context: _Context, protocol: str, groups: tuple[str, ...]) -> Iterator[Trial]:
    """Train and test on the rows of the split, where it is compared on the paper's features too.

    A single layer is named from its own features, a network from those of all of its layers and
    from how each differs from the others. On the paper's features no more is trained than baselines
    can be, and where that is less than there is, our classifiers are trained on the same networks
    on our features as well.
    """
    tables, chosen = context.tables, PROTOCOLS[protocol]
    every = (*context.models, *context.baselines)
    levels = tuple(_levels(chosen))
    for split in context.drawn(protocol, groups):
        if chosen.whole_networks:
            yield from _on(context.models, tables.feature_set, tables.main, split)
        if chosen.headline:
            yield from _on(context.models, tables.feature_set, tables.layers, split, ("layer",))
        if chosen.compared:
            few = _fewer(tables.main, split, context.seed)
            yield from _on(every, PAPER_FEATURES, tables.paper, few, levels)
            if few is not split:
                name = f"{tables.feature_set}-{DRAWN}"
                table = tables.main if chosen.whole_networks else tables.layers
                yield from _on(context.models, name, table, few, levels[-1:])


def _levels(protocol: Protocol) -> Iterator[str]:
    """Yield what is scored: layers in the headline, networks where none is on both sides."""
    if protocol.headline:
        yield "layer"
    if protocol.whole_networks:
        yield "network"


def _fewer(table: FeatureTable, split: Split, seed: int) -> Split:
    """Return the split with no more rows to train on than `MOST_ROWS`, of whole networks."""
    train = np.flatnonzero(split.train)
    if len(train) <= MOST_ROWS:
        return split
    some = table.meta.iloc[train]
    kept = draw_networks(
        some["rule"].to_numpy(dtype=str), some["network"].to_numpy(dtype=str), MOST_ROWS, seed
    )
    rows = np.zeros_like(split.train)
    rows[train[kept]] = True
    return replace(split, train=rows)


def _on(
    models: tuple[str, ...],
    name: str,
    table: FeatureTable,
    split: Split,
    levels: tuple[str, ...] = ("network",),
    shuffled: bool = False,
) -> Iterator[Trial]:
    """Yield a trial for each model, on tables that have the rows of the split."""
    for model in models:
        # A single layer must be named by what has learned single layers.
        for some in ((one,) for one in levels) if learns_networks(model) else (levels,):
            test = Test(split.protocol, split.variant, table, split.test, levels=some)
            yield Trial(split, model, name, table, split.train, (test,), shuffled)


def _shuffled(context: _Context, protocol: str) -> Iterator[Trial]:
    for split in context.drawn(protocol):
        tables = context.tables
        yield from _on(context.models, tables.feature_set, tables.main, split, shuffled=True)


def _alone(context: _Context, protocol: str) -> Iterator[Trial]:
    """Train and test on the features of one observable, and on depth."""
    main = context.tables.main
    for observable in OBSERVABLES:
        names = [n for n in main.names if n.startswith((f"{observable}_", "depth."))]
        table = FeatureTable(main.meta, main.values[names], main.feature_set, main.info)
        if (
            table.values.drop(columns=[n for n in names if n.startswith("depth.")])
            .isna()
            .all(axis=None)
        ):
            continue
        for split in context.drawn(protocol):
            named = replace(split, variant=observable)
            yield from _on(context.models, context.tables.feature_set, table, named)


def _curves(context: _Context, protocol: str) -> Iterator[Trial]:
    table = context.tables.curves
    for split in context.drawn(protocol):
        train, test = (_of_networks(context, table, side) for side in (split.train, split.test))
        tests = (Test(protocol, "all", table, test, levels=("network",)),)
        for model in context.models:
            yield Trial(split, model, CURVES, table, train, tests)


def _calibrated(context: _Context, protocol: str) -> Iterator[Trial]:
    """Test the halves of what is not trained on apart, each to calibrate for the other."""
    table = context.tables.main
    for split in context.drawn(protocol):
        rng = np.random.default_rng([context.seed, split.number])
        blocks = rng.permutation(np.unique(table.meta["block"][split.test]))
        first = np.isin(table.meta["block"], blocks[: len(blocks) // 2])
        tests = tuple(
            Test(protocol, half, table, split.test & side, levels=("network",))
            for half, side in (("first half", first), ("second half", ~first))
        )
        for model in context.models:
            yield Trial(
                split, model, context.tables.feature_set, table, split.train, tests
            )  # fmt: skip


def _grids(context: _Context, protocols: list[str]) -> Iterator[Trial]:
    """Train on random views; test in every window, under every measurement."""
    views = context.tables.views
    for split in context.drawn(protocols[0]):
        tests = tuple(
            test for protocol in protocols for test in _GRIDS[protocol](context, split.test)
        )
        train = _of_networks(context, views, split.train)
        yield Trial(split, context.broad, context.tables.feature_set, views, train, tests)


def _windows(context: _Context, rows: np.ndarray) -> Iterator[Test]:
    for cut in possible_cuts(context.tables.material.panel.n_checkpoints):
        yield Test(
            "truncated", cut.name, context.tables.cut(cut), rows, levels=("network",),
            detailed=False,
        )  # fmt: skip


def _measurements(context: _Context, rows: np.ndarray) -> Iterator[Test]:
    for measurement, seeing in seeings_of(context.tables.material.panels).items():
        table = context.tables.measured(measurement)
        for observables in SEEN:
            if _holds(table, observables):
                yield Test(
                    "measured", f"{seeing.name} | {observables}", table, rows, observables,
                    levels=("network",), detailed=False,
                )  # fmt: skip


def _holds(table: FeatureTable, observables: str) -> bool:
    """Say whether a table has features of every one of these observables."""
    return all(
        table.values[[n for n in table.names if n.startswith(f"{name}_")]].notna().any(axis=None)
        for name in PATTERNS[observables]
    )


def _of_networks(context: _Context, table: FeatureTable, rows: np.ndarray) -> np.ndarray:
    """Return the rows of another table that are of the same networks as `rows` of the main one."""
    networks = context.tables.main.meta["network"][rows].unique()
    return table.meta["network"].isin(networks).to_numpy()


_KINDS: dict[str, Callable[[_Context, str], Iterator[Trial]]] = {
    "alone": _alone,
    "calibrated": _calibrated,
    "curves": _curves,
    "shuffled": _shuffled,
}
_GRIDS: dict[str, Callable[[_Context, np.ndarray], Iterator[Test]]] = {
    "truncated": _windows,
    "measured": _measurements,
}
