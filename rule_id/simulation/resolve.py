"""From a plan to ensembles: every network, its draws and its seed, before anything runs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from rule_id.networks import get_architecture
from rule_id.observables.measurement import Measurement
from rule_id.rules import NO_OPTIMIZER, get_rule, source_of
from rule_id.simulation.distributions import Distribution, parse_distribution
from rule_id.simulation.draws import generator, seed_of
from rule_id.simulation.ensembles import Ensemble, NetworkDraw, Shape, task_from
from rule_id.simulation.measurements import draw_measurements
from rule_id.simulation.plan import EnsemblePlan, Plan
from rule_id.simulation.plan_checks import check_draws, where_files_are
from rule_id.simulation.plan_keys import TUNED
from rule_id.simulation.rates import BestRates, RateKey, learning_rates
from rule_id.simulation.sizes import usual_size
from rule_id.tasks import Task

__all__ = [
    "Block",
    "blocks_of",
    "draw_hyperparameters",
    "rates_wanted",
    "resolve",
    "sources_of",
]

IMAGES = (".jpg", ".jpeg", ".png")
"""Files of a folder of images, of which there may be a million: their names and sizes must do."""

ENDS = 65_536

ALIKE = ("momentum", "weight_decay")
"""Hyperparameters that copy k of every rule that has them draws alike, where ranges are equal."""


class Block(NamedTuple):
    """One block of a plan.

    Attributes:
        number: Its place among all blocks of the plan.
        plan: The entry of the plan that it comes from.
        shape: What its networks have in common.
        measurements: What is seen of them.
        task: Its task.
        held_out: Whether the plan sets it apart.
    """

    number: int
    plan: EnsemblePlan
    shape: Shape
    measurements: tuple[Measurement, ...]
    task: Task
    held_out: bool

    @property
    def rules(self) -> list[str]:
        """The rules that work under its conditions, of those that the plan names."""
        conditions = self.shape.conditions(self.task)
        return [
            name
            for name in self.plan.named_rules
            if get_rule(name).credit_assignment.refusal(conditions) is None
        ]


def resolve(
    plan: Plan,
    *,
    base: Path = Path(),
    best: BestRates | None = None,
    size_of: Callable[[Ensemble], int] = usual_size,
) -> list[Ensemble]:
    """Resolve a plan into its ensembles.

    Networks of one rule whose blocks drew the same shapes and measurements share an ensemble.

    Args:
        plan: A checked plan.
        base: The folder that folders of data are relative to.
        best: The best learning rate of each of `rates_wanted`, where the plan says `tuned`.
        size_of: From all networks that may be simulated together to how many are.

    Returns:
        The ensembles, in an order that depends on the plan alone.

    Raises:
        InputError: What a block may draw does not go together, or a rule works under nothing that
            the plan may draw.
    """
    grouped: dict[tuple[Any, ...], list[NetworkDraw]] = defaultdict(list)
    for block in blocks_of(plan, base):
        for rule in block.rules:
            grouped[rule, block.shape, block.measurements] += [
                _draw_network(plan, block, rule, copy, best or {})
                for copy in range(block.plan.networks_per_rule)
            ]
    # Once a task: a folder may hold a million files.
    files = {task: _files(plan, task, base) for task in {shape.task for _, shape, _ in grouped}}
    together = (
        Ensemble(
            rule=rule,
            source=sources_of(rule, networks),
            shape=shape,
            checkpoints=plan.checkpoints,
            measurements=measurements,
            networks=tuple(networks),
            **files[shape.task],
        )
        for (rule, shape, measurements), networks in grouped.items()
    )
    return [part for ensemble in together for part in _parts(ensemble, size_of(ensemble))]


def rates_wanted(plan: Plan, base: Path = Path()) -> list[RateKey]:
    """Return whose best learning rates a plan needs, each once."""
    wanted = [
        RateKey(rule, get_architecture(block.shape.architecture).group, block.shape.task)
        for block in blocks_of(plan, base)
        if block.plan.learning_rate == TUNED
        for rule in block.rules
        if "learning_rate" in get_rule(rule).ranges
    ]
    return list(dict.fromkeys(wanted))


def blocks_of(plan: Plan, base: Path = Path()) -> Iterator[Block]:
    """Yield the blocks of a plan.

    Raises:
        InputError: What a block may draw does not go together, or a rule works under nothing that
            the plan may draw.
    """
    check_draws(plan, base)
    number, shapes = 0, -1
    for entry, own in enumerate(plan.ensembles):
        for index in range(own.blocks):
            shapes += index % own.blocks_per_shape == 0
            shape = _draw_shape(plan.seed, entry, index // own.blocks_per_shape, own)
            task = task_from(shape.task, **where_files_are(plan, shape.task, base))
            measurements = draw_measurements(plan.seed, shapes, plan)
            yield Block(number, own, shape, measurements, task, _held_out(plan, shape, task))
            number += 1


def _draw_shape(root: int, entry: int, number: int, own: EnsemblePlan) -> Shape:
    return Shape(
        **{
            field.name: _dealt(getattr(own, field.name), number, root, entry, field.name)
            for field in fields(Shape)
        }
    )


def _dealt(distribution: Distribution, number: int, root: int, entry: int, key: str) -> Any:
    """Draw the value of a key for the shape of this number in its entry.

    The values of a choice are dealt as from a shuffled pack, so that each comes before any comes
    again: few shapes then hold as much variety as they can.
    """
    source = generator(root, "shape", entry, number, key)
    if distribution.kind != "choice":
        return distribution.draw(source)
    values = distribution.values
    round_, place = divmod(number, len(values))
    pack = generator(root, "pack", entry, round_, key).permutation(len(values))
    value = values[pack[place]]
    return value.draw(source) if isinstance(value, Distribution) else value


def _held_out(plan: Plan, shape: Shape, task: Task) -> bool:
    group = get_architecture(shape.architecture).group
    return bool(
        {shape.architecture, group} & set(plan.held_out_architectures)
        or {shape.task, task.group} & set(plan.held_out_tasks)
    )


def _draw_network(plan: Plan, block: Block, rule: str, copy: int, best: BestRates) -> NetworkDraw:
    own, root, number = block.plan, plan.seed, block.number

    def shared(name: str) -> Any:
        """Draw what all networks of the block have in common."""
        return getattr(own, name).draw(generator(root, "block", number, name))

    def alike(name: str) -> Any:
        """Draw what this copy of every rule has in common."""
        return getattr(own, name).draw(generator(root, "copy", number, copy, name))

    ranges = _ranges(block, rule, best)
    curriculum, pretrained_by = shared("curriculum"), alike("pretrained_by")
    before = None
    if pretrained_by != NO_OPTIMIZER:
        own_ranges = get_rule(pretrained_by).ranges
        before = draw_hyperparameters(own_ranges, root, "pretraining", number, copy)
    return NetworkDraw(
        network=f"b{number:05d}.{rule}.{copy}",
        block=number,
        block_seed=seed_of(root, "block", number, "task"),
        seed=seed_of(root, "network", number, rule, copy),
        init=alike("init"),
        init_scale=alike("init_scale"),
        bias_init=alike("bias_init"),
        schedule=alike("schedule"),
        update_noise=float(alike("update_noise")),
        hyperparameters={
            **draw_hyperparameters(ranges, root, "network", number, rule, copy),
            **draw_hyperparameters(
                {name: ranges[name] for name in ALIKE if name in ranges}, root, "copy", number, copy
            ),
        },
        curriculum=curriculum,
        input_scale=float(shared("input_scale")),
        label_noise=float(shared("label_noise")),
        pretrained_by=pretrained_by,
        pretraining=before,
        held_out=block.held_out or curriculum in plan.held_out_curricula,
    )


def _ranges(block: Block, rule: str, best: BestRates) -> dict[str, Any]:
    """Return what the hyperparameters of a rule are drawn from."""
    ranges, own = get_rule(rule).ranges, block.plan
    rate, decay = own.learning_rate, own.weight_decay
    if rate == TUNED and "learning_rate" in ranges:
        group = get_architecture(block.shape.architecture).group
        rate = learning_rates(best[RateKey(rule, group, block.shape.task)])
    if get_rule(rule).decoupled_decay:
        decay = None  # the same number would be another thing
    given: dict[str, Any] = {
        "learning_rate": rate,
        "momentum": own.momentum,
        "weight_decay": decay,
        **own.hyperparameters,
    }
    # What a rule does not have it does not draw.
    return ranges | {k: one for k, one in given.items() if one is not None and k in ranges}


def draw_hyperparameters(ranges: dict[str, Any], root: int, *whose: str | int) -> dict[str, float]:
    """Draw one value from each range, a function of the seed and of whose it is."""
    return {
        name: float(_distribution(written).draw(generator(root, *whose, name)))
        for name, written in ranges.items()
    }


def _distribution(written: Any) -> Distribution:
    return written if isinstance(written, Distribution) else parse_distribution(written)


def sources_of(rule: str, networks: Sequence[NetworkDraw]) -> str:
    """Return the hashes of the user's files that rules of an ensemble come from, empty for none."""
    before = {draw.pretrained_by for draw in networks} - {NO_OPTIMIZER}
    return " ".join(filter(None, (source_of(one) for one in [rule, *sorted(before)])))


def _parts(ensemble: Ensemble, size: int) -> Iterator[Ensemble]:
    for start in range(0, len(ensemble.networks), size):
        part = ensemble.networks[start : start + size]
        yield replace(ensemble, networks=part, source=sources_of(ensemble.rule, part))


def _files(plan: Plan, task: str, base: Path) -> dict[str, Any]:
    where = where_files_are(plan, task, base)
    return where | {"data": _fingerprint(where["folder"]) if where["folder"] else ""}


def _fingerprint(folder: str) -> str:
    """Return a hash of the files in a folder: names and sizes, and of files of data their ends."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        if path.suffix.lower() not in IMAGES:
            with path.open("rb") as file:
                digest.update(file.read(ENDS))
                file.seek(max(0, path.stat().st_size - ENDS))
                digest.update(file.read())
    return digest.hexdigest()[:16]
