"""What the columns of a corpus are called."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "ACTIVITY_STATISTICS",
    "COMPACT_VERSION",
    "DEPTH_GROUPS",
    "FUNCTIONS",
    "NETWORK_COLUMNS",
    "NUISANCES",
    "MOST_COMPARED",
    "NUMBERS_VERSION",
    "OBSERVABLES",
    "PAIRS",
    "ROW_COLUMNS",
    "ROW_ORDER",
    "SCHEMA_VERSION",
    "STATISTICS",
    "TENSOR_STATISTICS",
    "pair_column",
    "pair_columns",
]

SCHEMA_VERSION = 4

NUMBERS_VERSION = 3
"""Raised whenever the same plan gives other numbers, as when a rule is put right: a corpus that was
begun before is read, and not gone on with."""

COMPACT_VERSION = 4
"""Of the way in which trajectories are kept in a compact corpus."""

OBSERVABLES = ("weight", "activation", "activity_change")
FUNCTIONS = ("raw", "abs", "sq")
TENSOR_STATISTICS = ("norm", "mean", "median", "third_quartile", "var", "skew", "kurtosis")
ACTIVITY_STATISTICS = tuple(f"activity_change_{function}_mean" for function in FUNCTIONS)

STATISTICS = (
    *(
        f"{observable}_{function}_{statistic}"
        for observable in ("weight", "activation")
        for function in FUNCTIONS
        for statistic in TENSOR_STATISTICS
    ),
    *ACTIVITY_STATISTICS,
)
"""The 45 statistics, named `<observable>_<function>_<statistic>`."""

PAIRS = (
    "weight_distance",
    "activation_distance",
    "weight_gain",
    "weight_row_evenness",
    "weight_column_evenness",
    "weight_effective_rank",
    "weight_entry_evenness",
    "weight_change_gain",
    "weight_agreement",
    "weight_unit_agreement",
    "weight_sign_contrast",
    "weight_inverse_contrast",
    "activation_agreement",
)
"""What a corpus may say of each two checkpoints of a layer (`rule_id.observables.pairs`)."""

MOST_COMPARED = 64
"""Checkpoints that are compared with each other, at most: pairs grow with their square."""

DEPTH_GROUPS = ("early", "middle", "deep")

_SET_UP = (
    "architecture",
    "architecture_group",
    "task",
    "task_group",
    "loss",
    "curriculum",
    "activation",
    "normalisation",
    "dropout",
    "bias",
    "init",
    "init_scale",
    "bias_init",
)
"""What a network is and learns before its rule comes in."""

NETWORK_COLUMNS = (
    "network",
    "block",
    "rule",
    "credit_assignment",
    "optimizer",
    "family",
    *_SET_UP,
    "learning_rate",
    "momentum",
    "weight_decay",
    "schedule",
    "update_noise",
    "input_scale",
    "label_noise",
    "stimuli",
    "batch_size",
    "steps",
    "width",
    "n_layers",
    "n_parameters",
    "pretrained_by",
    "pretraining_steps",
    "held_out",
    "seed",
    "delta_readout",
    "alignment_time",
    "chance",
    "initial_performance",
    "final_loss",
    "final_performance",
    "weight_change",
    "diverged",
)

# Learning rate and what else only some rules have are not among them: they belong to the rule, and
# so do momentum and weight decay, which are missing where a rule has none and would give it away.
NUISANCES = (
    *_SET_UP,
    "batch_size",
    "steps",
    "width",
    "n_layers",
    "n_parameters",
    "input_scale",
    "label_noise",
    "stimuli",
    "schedule",
    "update_noise",
    "pretrained_by",
    "pretraining_steps",
)
"""Columns that say how a network was made and that its rule must not depend on."""

ROW_COLUMNS = (
    "network",
    "layer",
    "layer_name",
    "layer_kind",
    "depth",
    "depth_group",
    "measurement",
    "unit_fraction",
    "n_units",
    "tracked",
    "observation",
    "noise_std",
    "checkpoint",
    "step",
    "progress",
    "loss",
    "performance",
)

ROW_ORDER = ["network", "measurement", "layer", "checkpoint"]


def pair_column(pair: str, checkpoint: int) -> str:
    """Return the name of the column that compares with a checkpoint.

    In the row of that checkpoint it holds what is said of that one alone, such as the size where
    rows of later ones hold distances; in the rows of earlier ones nothing.

    Args:
        pair: One of `PAIRS`.
        checkpoint: Its number.

    >>> pair_column("weight_distance", 3)
    'weight_distance_03'
    """
    return f"{pair}_{checkpoint:02}"


def pair_columns(columns: Iterable[str]) -> dict[str, dict[int, str]]:
    """Return which of some columns compare checkpoints: of `PAIRS` the column of each checkpoint.

    >>> pair_columns(["step", "weight_distance_00"])
    {'weight_distance': {0: 'weight_distance_00'}}
    """
    found: dict[str, dict[int, str]] = {}
    for name in columns:
        if parts := _PAIR.fullmatch(name):
            found.setdefault(parts[1], {})[int(parts[2])] = name
    return found


_PAIR = re.compile(rf"({'|'.join(PAIRS)})_(\d{{2,6}})")
