"""The tables of a corpus, made of the dataset of the 2020 paper."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.recordings.dataset2020_content import Dataset2020
from rule_id.trajectories import NETWORK_COLUMNS, ROW_COLUMNS, STATISTICS, depth_group

__all__ = [
    "ARCHITECTURES",
    "BLOCK",
    "FAMILIES",
    "TASKS",
    "layers_of",
    "networks_table",
    "rows_table",
]

BLOCK = ("architecture", "task")
"""What the networks of a block share: the least that repeats of one training have in common."""

IDENTITY = ("rule", *BLOCK, "batch_size", "model_seed", "dataset_seed", "network")
"""What tells networks apart, where the file has it."""

ARCHITECTURES = {
    "alexnet": "alexnet", "alexnetlrn": "alexnet_lrn", "knet": "knet4", "knetlrn": "knet4_lrn",
    "knetc4": "knet5", "knetc4lrn": "knet5_lrn",
    **{f"resnet{n}{v}": f"resnet{n}{v}" for n in (18, 34) for v in ("", "v2")},
}  # fmt: skip
"""The paper's architectures by our names, `rule_id.networks.ARCHITECTURES`; others keep theirs."""

TASKS = {
    "imagenet": ("supervised", "cross_entropy"), "cifar10": ("supervised", "cross_entropy"),
    "audionet": ("supervised", "cross_entropy"), "simclr": ("self-supervised", "nt_xent"),
}  # fmt: skip
"""Group and loss of the paper's tasks."""

FAMILIES = {
    "backprop": "backprop",
    "feedback_alignment": "fixed feedback",
    "information_alignment": "learned feedback",
}


def layers_of(dataset: Dataset2020) -> pd.DataFrame:
    """Return one row a layer, with its `network`, `block`, place `layer` and `n_layers`.

    Rows are sorted by network and layer; `example` says where the layer stands in the dataset.
    """
    own = [name for name in IDENTITY if name in dataset.meta.columns]
    layers = dataset.meta.rename(columns={"layer": "layer_name"})
    layers = layers.assign(**{name: layers[name].str.lower() for name in BLOCK})
    _require_apart(layers, [*own, "layer_name"], dataset.unused)
    networks = layers[own].drop_duplicates().sort_values(own, ignore_index=True)
    networks["block"] = networks.groupby(list(BLOCK)).ngroup()
    copy = networks.groupby(["block", "rule"]).cumcount()
    names = [
        f"b{block:05d}.{rule}.{number}"
        for block, rule, number in zip(networks["block"], networks["rule"], copy, strict=True)
    ]
    layers = layers.assign(
        example=np.arange(len(layers)), place=layers["layer_name"].map(_place)
    ).merge(networks.assign(name=names), on=own)
    layers = layers.drop(columns="network", errors="ignore").rename(columns={"name": "network"})
    layers = layers.sort_values(["network", "place", "example"], ignore_index=True)
    of_network = layers.groupby("network")["example"]
    return layers.assign(layer=of_network.cumcount(), n_layers=of_network.transform("size"))


def _require_apart(layers: pd.DataFrame, keys: list[str], unused: tuple[str, ...]) -> None:
    repeated = layers.duplicated(keys)
    if repeated.any():
        what = ", ".join(layers.loc[repeated, keys].iloc[0])
        others = ", ".join(unused)[:200] or "none"
        raise InputError(
            f"meta must tell networks apart; {what} stands there more than once: say which field "
            f"does, --column network=FIELD, of those that were not read ({others})"
        )


def _place(layer: str) -> tuple[int, ...]:
    """Return what sorts the layers of one network from first to last.

    Convolutions, residual blocks, dense layers, the head of contrastive networks, each by their
    numbers; layers of other names stand last, in the order of the file.

    >>> sorted(["dense", "block_group1_0/conv2", "block_group1_0/conv1", "conv0"], key=_place)
    ['conv0', 'block_group1_0/conv1', 'block_group1_0/conv2', 'dense']
    """
    stages = (("conv",), ("block",), ("fc", "dense"), ("head",))
    stage = next((k for k, names in enumerate(stages) if layer.startswith(names)), len(stages))
    numbers = re.findall(r"\d{1,6}", layer) if stage < len(stages) else ()
    return (stage, *map(int, numbers))


def _diverged(dataset: Dataset2020, layers: pd.DataFrame, values: np.ndarray) -> pd.Series:
    """Say of each network (index) whether a mean of it is not finite."""
    means = [
        place
        for place, name in enumerate(dataset.statistics)
        if name in ("weight_raw_mean", "activation_raw_mean")
    ]
    finite = np.isfinite(values[:, :, means]).all(axis=(1, 2))
    return pd.Series(~finite).groupby(layers["network"].to_numpy()).any()


def networks_table(dataset: Dataset2020, layers: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Return one row a network; the arguments are those of `rows_table`."""
    networks = layers.drop_duplicates("network").set_index("network", drop=False)
    halves = networks["rule"].str.split("+")
    architecture = networks["architecture"].map(ARCHITECTURES)
    residual = architecture.str.startswith("resnet")
    tasks = networks["task"].map(lambda task: TASKS.get(task, (None, None)))
    known = {
        **{name: networks[name] for name in ("network", "block", "rule", "task", "n_layers")},
        "credit_assignment": halves.str[0],
        "optimizer": halves.str[1],
        "family": halves.str[0].map(FAMILIES),
        "architecture": architecture.fillna(networks["architecture"]),
        "architecture_group": residual.map({True: "residual", False: "convolutional"}),
        "task_group": tasks.str[0],
        "loss": tasks.str[1],
        "batch_size": _numbers(networks, "batch_size"),
        "seed": _numbers(networks, "model_seed"),
        "dataset_seed": _numbers(networks, "dataset_seed"),
        "held_out": False,
        "diverged": _diverged(dataset, layers, values).reindex(networks["network"]),
    }
    return (
        pd.DataFrame(known)
        .reindex(columns=[*NETWORK_COLUMNS, "dataset_seed"])
        .reset_index(drop=True)
    )


def _numbers(networks: pd.DataFrame, column: str) -> pd.Series | float:
    if column not in networks.columns:
        return np.nan
    return pd.to_numeric(networks[column], errors="coerce").astype(float)


def rows_table(dataset: Dataset2020, layers: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Return one row a (layer, checkpoint).

    Args:
        dataset: The dataset.
        layers: Some rows of `layers_of` (m).
        values: Their statistics (m, T, k), double precision.
    """
    n, n_checkpoints, _ = values.shape
    checkpoint = np.tile(np.arange(n_checkpoints), n)
    own = layers.loc[layers.index.repeat(n_checkpoints)].reset_index(drop=True)
    of_layers = (own["n_layers"] - 1).clip(lower=1)
    columns = {
        **{name: own[name] for name in ("network", "layer", "layer_name")},
        "layer_kind": np.where(own["layer_name"].str.contains("conv"), "convolution", "dense"),
        "depth": own["layer"] / of_layers,
        "depth_group": _depth_groups(dataset, own),
        "measurement": 0,
        "unit_fraction": 1.0,
        "n_units": np.nan,
        "tracked": True,
        "observation": "exact",
        "noise_std": 0.0,
        "checkpoint": checkpoint,
        # Steps are not published; checkpoints are taken to be evenly spaced.
        "step": checkpoint,
        "progress": checkpoint / (n_checkpoints - 1),
        "loss": np.nan,
        "performance": np.nan,
    }
    missing = np.full(n * n_checkpoints, np.nan, dtype=np.float32)
    statistics = dict.fromkeys(STATISTICS, missing) | _single(dataset.statistics, values)
    return pd.DataFrame(columns | statistics)[[*ROW_COLUMNS, *STATISTICS]]


def _single(statistics: tuple[str, ...], values: np.ndarray) -> dict[str, np.ndarray]:
    """Return each statistic in single precision, what is not finite missing."""
    with np.errstate(over="ignore"):
        table = values.reshape(-1, len(statistics)).astype(np.float32)
    table[~np.isfinite(table)] = np.nan
    return {name: table[:, place] for place, name in enumerate(statistics)}


def _depth_groups(dataset: Dataset2020, own: pd.DataFrame) -> Any:
    if dataset.depth_groups is not None:
        return dataset.depth_groups[own["example"]]
    return [depth_group(k, n) for k, n in zip(own["layer"], own["n_layers"], strict=True)]
