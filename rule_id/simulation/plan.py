"""The plan: what to simulate, as TOML, every key checked before anything runs."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from rule_id.documents import read_toml
from rule_id.errors import InputError, one_of, require_file
from rule_id.observables.measurement import COUNTS, Measurement
from rule_id.reference import plan_path
from rule_id.schema import MOST_COMPARED
from rule_id.simulation.distributions import Distribution, parse_distribution
from rule_id.simulation.plan_keys import (
    NAMED,
    NUMBERS,
    OWN_NORMALISATION,
    TUNED,
    check_draw,
    names_of,
)

__all__ = [
    "OWN_NORMALISATION",
    "TUNED",
    "EnsemblePlan",
    "MeasurementPlan",
    "Plan",
    "folder_of",
    "read_plan",
]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True
    )


def _choice(*values: Any) -> Distribution:
    return Distribution("choice", values)


class EnsemblePlan(_Strict):
    """Blocks, and the networks of each rule in each block.

    Rules are named one by one (`rules`), or as all pairs of `optimizers` with credit assignments
    that are named themselves or by their family. A block draws what its networks share, the shape
    (`rule_id.simulation.ensembles.Shape`) once for `blocks_per_shape` blocks; every rule that works
    under it runs the block. Copy k of each rule draws the same for what is left, so that nothing of
    it tells the rules of a block apart, but for the hyperparameters, which each network draws for
    itself: what is left out of `learning_rate`, `momentum`, `weight_decay` and `hyperparameters`
    from its rule's own range.
    """

    rules: list[str] = []
    families: list[str] = []
    credit_assignments: list[str] = []
    optimizers: list[str] = []
    blocks: int = Field(ge=1)
    networks_per_rule: int = Field(ge=1)
    blocks_per_shape: int = Field(default=1, ge=1)
    architecture: Distribution = _choice("dense1", "dense2", "dense3", "dense4")
    task: Distribution = _choice("digits", "breast_cancer", "teacher_student")
    width: Distribution = _choice(32, 64, 128)
    activation: Distribution = _choice("relu", "tanh")
    normalisation: Distribution = _choice(OWN_NORMALISATION)
    dropout: Distribution = _choice(0.0)
    bias: Distribution = _choice(True)
    steps: Distribution = _choice(400)
    batch_size: Distribution = _choice(32)
    stimuli: Distribution = _choice(64)
    pretraining_steps: Distribution = _choice(100)
    curriculum: Distribution = _choice("shuffled")
    input_scale: Distribution = _choice(1.0)
    label_noise: Distribution = _choice(0.0)
    pretrained_by: Distribution = _choice("none")
    init: Distribution = _choice("he_normal", "pytorch_uniform", "xavier_uniform")
    init_scale: Distribution = Distribution("uniform", (0.7, 1.4))
    bias_init: Distribution = _choice("zero", "uniform")
    learning_rate: Distribution | Literal["tuned"] | None = None
    momentum: Distribution | None = None
    weight_decay: Distribution | None = None
    schedule: Distribution = _choice("constant")
    update_noise: Distribution = _choice(0.0)
    hyperparameters: dict[str, Distribution] = {}

    @property
    def named_rules(self) -> list[str]:
        """The names of all its rules, each once."""
        from rule_id.rules import rules_of

        optimizers = self.optimizers or ["momentum"]
        chosen = rules_of(self.families, self.credit_assignments, optimizers)
        return list(dict.fromkeys([*self.rules, *chosen]))

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, rules: list[str]) -> list[str]:
        from rule_id.rules import get_rule

        for rule in rules:
            get_rule(rule)
        if len(set(rules)) < len(rules):
            raise InputError(f"must name each rule once; got {', '.join(rules)}")
        return rules

    @model_validator(mode="after")
    def _some_rules(self) -> Self:
        if not self.named_rules:
            raise InputError("rules, families or credit_assignments must name a rule; got none")
        paired = self.families or self.credit_assignments
        if self.optimizers and not paired:
            raise InputError(
                "optimizers must come with families or credit_assignments; rules name their own"
            )
        return self

    @model_validator(mode="after")
    def _hyperparameters_of_some_rule(self) -> Self:
        from rule_id.rules import get_rule

        rules = [get_rule(rule) for rule in self.named_rules]
        for rule in rules:
            for name, written in rule.ranges.items():
                check_draw(f"rule {rule.name}: range of {name}", name, written, rule.limits)
        known = {name for rule in rules for name in rule.ranges}
        for name, drawn in self.hyperparameters.items():
            one_of("hyperparameters", name, sorted(known))
            if name in ("learning_rate", "momentum", "weight_decay"):
                raise InputError(f"hyperparameters may not hold {name}, which is a key of its own")
            for rule in rules:
                if name in rule.ranges:
                    check_draw(f"hyperparameters.{name}", name, drawn, rule.limits)
        return self

    @field_validator(*NAMED, mode="before")
    @classmethod
    def _known_names(cls, written: Any, info: ValidationInfo) -> Distribution:
        distribution = parse_distribution(written)
        for value in distribution.support():
            one_of(str(info.field_name), value, names_of(str(info.field_name)))
        return distribution

    @field_validator(*NUMBERS, mode="before")
    @classmethod
    def _valid_numbers(cls, written: Any, info: ValidationInfo) -> Any:
        if info.field_name == "learning_rate" and written == TUNED:
            return written
        valid, allowed = NUMBERS[str(info.field_name)]
        distribution = parse_distribution(written)
        for value in distribution.support():
            if not valid(value):
                raise InputError(f"must be {allowed}; got {value!r}")
        return distribution

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _valid_hyperparameters(cls, written: Any) -> dict[str, Distribution]:
        if not isinstance(written, dict):
            raise InputError(f"must be a table of hyperparameters and their draws; got {written!r}")
        return {name: parse_distribution(value) for name, value in written.items()}

    @field_serializer("hyperparameters")
    def _each_as_written(self, drawn: dict[str, Distribution]) -> dict[str, Any]:
        return {name: distribution.written() for name, distribution in drawn.items()}

    @field_serializer(*NAMED, *NUMBERS)
    def _as_written(self, drawn: Distribution | str | None) -> Any:
        return drawn.written() if isinstance(drawn, Distribution) else drawn


class MeasurementPlan(_Strict):
    """What an experimenter could see (`rule_id.observables.measurement.Measurement`).

    `units` is a fraction (1.0) or a number (100). `units` and `noise_std` may be drawn, once for
    each shape, and an entry with `{ each = [...] }` for one or both stands for one measurement of
    each value, or of each of both. With `pairs` each two checkpoints are compared too.
    """

    units: Distribution = _choice(1.0)
    noise_std: Distribution = _choice(0.0)
    tracked: bool = True
    observation: Literal["exact", "gaussian", "poisson", "calcium"] = "exact"
    counts: float = COUNTS
    pairs: bool = False

    @field_validator("units", "noise_std", mode="before")
    @classmethod
    def _drawn(cls, written: Any) -> Distribution:
        return parse_distribution(written)

    @model_validator(mode="after")
    def _whatever_is_drawn_can_be_measured(self) -> Self:
        for units, noise_std in product(self.units.support(), self.noise_std.support()):
            Measurement(units, noise_std, self.tracked, self.observation, self.counts)
        return self

    @field_serializer("units", "noise_std")
    def _as_written(self, distribution: Distribution) -> Any:
        return distribution.written()


class Plan(_Strict):
    """What to simulate and how to measure it."""

    schema_: Literal[1] = Field(alias="schema")
    seed: int = Field(ge=0)
    checkpoints: int = Field(default=21, ge=2)
    data: dict[str, str] = {}
    image_size: int = Field(default=32, ge=8)
    ensemble_size: int | None = Field(default=None, ge=1)
    held_out_architectures: list[str] = []
    held_out_tasks: list[str] = []
    held_out_curricula: list[str] = []
    ensembles: list[EnsemblePlan] = Field(min_length=1)
    measurements: list[MeasurementPlan] = Field(default=[MeasurementPlan()], min_length=1)

    def scaled(self, scale: float) -> Plan:
        """Return the plan with this share of the blocks of each entry, one or more.

        Raises:
            InputError: `scale` is not above 0.
        """
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"scale must be a number above 0; got {scale:g}")
        ensembles = [
            own.model_copy(update={"blocks": max(1, round(scale * own.blocks))})
            for own in self.ensembles
        ]
        return self.model_copy(update={"ensembles": ensembles})

    @model_validator(mode="after")
    def _known_groups(self) -> Self:
        from rule_id.networks import ARCHITECTURE_GROUPS
        from rule_id.tasks import FILE_TASKS, TASK_GROUPS

        for key, values, allowed in (
            ("held_out_architectures", self.held_out_architectures,
             [*names_of("architecture"), *ARCHITECTURE_GROUPS]),
            ("held_out_tasks", self.held_out_tasks, [*names_of("task"), *TASK_GROUPS]),
            ("held_out_curricula", self.held_out_curricula, names_of("curriculum")),
            ("data", self.data, FILE_TASKS),
        ):  # fmt: skip
            for value in values:
                one_of(key, value, allowed)
        return self

    @model_validator(mode="after")
    def _few_enough_to_compare(self) -> Self:
        compared = any(one.pairs for one in self.measurements)
        if compared and self.checkpoints > MOST_COMPARED:
            raise InputError(
                f"checkpoints must be at most {MOST_COMPARED} where pairs are measured; got "
                f"{self.checkpoints}"
            )
        return self

    @model_validator(mode="after")
    def _room_for_checkpoints(self) -> Self:
        for index, ensemble in enumerate(self.ensembles):
            shortest = min(ensemble.steps.support())
            if shortest < self.checkpoints - 1:
                raise InputError(
                    f"ensembles[{index}].steps must be {self.checkpoints - 1} or more for "
                    f"{self.checkpoints} checkpoints; got {shortest}"
                )
        return self


def read_plan(
    plan: str | Path | dict[str, Any], measurements: str | Path | dict[str, Any] | None = None
) -> Plan:
    """Read and check a plan.

    Args:
        plan: A TOML file, `demo`, `reference` or `paper` for one that ships, or what such a file
            would hold.
        measurements: What to measure instead of what the plan says: a TOML file that holds
            `[[measurements]]` alone, `grid` for the one that ships, or what such a file would hold.

    Raises:
        InputError: The file is missing or no TOML, a key is unknown, a name is not in its table,
            or a range is impossible; the message says where.
    """
    written, source = _written(plan, "plan")
    if measurements is not None:
        instead, what = _written(measurements, "measurements")
        if set(instead) != {"measurements"}:
            raise InputError(
                f"{what} must hold [[measurements]] and nothing else; got "
                f"{', '.join(map(str, instead)) or 'nothing'}"
            )
        written, source = {**written, **instead}, f"{source} with {what}"
    return _check(written, source)


def _written(plan: str | Path | dict[str, Any], what: str) -> tuple[dict[str, Any], str]:
    """Return what a file or a dictionary says, and what to call it."""
    if isinstance(plan, dict):
        return plan, what
    path = plan_path(plan)
    require_file(path, f"{'a plan' if what == 'plan' else what} in TOML")
    return read_toml(path, "a plan" if what == "plan" else what), str(path)


def folder_of(plan: str | Path | dict[str, Any]) -> Path:
    """Return the folder that a plan's folders of data are relative to."""
    return Path() if isinstance(plan, dict) else plan_path(plan).parent


def _check(written: dict[str, Any], source: str) -> Plan:
    try:
        return Plan.model_validate(_each_measurement(_with_defaults(written, source)))
    except ValidationError as error:
        raise InputError(f"{source}: {_first_fault(error)}") from None


def _with_defaults(written: dict[str, Any], source: str) -> dict[str, Any]:
    """Give each entry of `ensembles` the keys of `defaults` that it leaves out."""
    rest = {key: value for key, value in written.items() if key != "defaults"}
    defaults, entries = written.get("defaults", {}), written.get("ensembles")
    if not isinstance(defaults, dict):
        raise InputError(f"{source}: defaults must be a table of keys of ensembles")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        return rest  # which the model refuses, saying where
    return {**rest, "ensembles": [{**defaults, **one} for one in entries]}


def _each_measurement(written: dict[str, Any]) -> dict[str, Any]:
    """Write an entry of `measurements` that names several values of a key as one entry a value."""
    entries = written.get("measurements")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        return written  # which the model refuses, saying where
    expanded: list[dict[str, Any]] = []
    for entry in entries:
        several = {key: value["each"] for key, value in entry.items() if _is_each(value)}
        expanded += [
            {**entry, **dict(zip(several, values, strict=True))}
            for values in product(*several.values())
        ]
    return {**written, "measurements": expanded}


def _is_each(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"each"}:
        return False
    # An empty list would leave the entry out; the model refuses it, saying where.
    return isinstance(value["each"], list) and len(value["each"]) > 0


def _first_fault(error: ValidationError) -> str:
    """Say in one line what is wrong first, and where."""
    faults = error.errors(include_url=False)
    # A misspelt key comes first: it is also why another one is missing.
    fault = min(faults, key=lambda one: one["type"] != "extra_forbidden")
    # Union branches and wrappers add parts to the location that a plan's author never wrote.
    path = [p for p in fault["loc"] if isinstance(p, int) or (p.isidentifier() and p.islower())]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    where = where.lstrip(".") or "plan"
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a key of a plan; {_keys_near(path)}"
    if fault["type"] == "missing":
        return f"{where} is missing; it must be given"
    if fault["type"] == "value_error":  # one of our own messages, which says what arrived
        message = fault["msg"].removeprefix("Value error, ")
        return message if where == "plan" else f"{where}: {message}"
    return f"{where}: {fault['msg']}; got {_short(fault['input'])}"


def _keys_near(path: list[Any]) -> str:
    nested: dict[Any, type[_Strict]] = {
        "ensembles": EnsemblePlan,
        "measurements": MeasurementPlan,
    }
    model = nested[path[0]] if len(path) > 1 else Plan
    names = [field.alias or name for name, field in model.model_fields.items()]
    return f"the keys here are {', '.join(names)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
