"""Made-up corpora with a known answer: no simulation, so that tests of what follows are fast.

Learned feedback comes near its fixed point sooner or later, from network to network, or never.
The rule of a network is planted in the speed at which its statistics change, the architecture and
the task in their level. `signal=0` plants nothing, so that every classifier must be at chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.trajectories import NETWORK_COLUMNS, STATISTICS, Trajectories, depth_group

RULES = {
    "backprop+momentum": "backprop",
    "backprop+adam": "backprop",
    "feedback_alignment+momentum": "fixed feedback",
    "information_alignment+momentum": "learned feedback",
}
ALIGNMENT_TIMES = (0.02, 0.07, 0.15, 0.3, 0.4, 0.8, np.nan)
COLUMNS = list(dict.fromkeys([*NETWORK_COLUMNS, "delta_readout"]))


def synthetic_trajectories(
    n_blocks: int = 12,
    networks_per_rule: int = 2,
    n_checkpoints: int = 21,
    signal: float = 3.0,
    seed: int = 0,
) -> Trajectories:
    rng = np.random.default_rng(seed)
    networks, rows = [], []
    for block in range(n_blocks):
        n_layers = 2 + block % 4
        task = ("digits", "breast_cancer", "teacher_student")[block % 3]
        steps = int(rng.choice([200, 400]))
        for k, rule in enumerate(RULES):
            for copy in range(networks_per_rule):
                network = f"b{block:04d}.{rule}.{copy}"
                networks.append(_network(network, block, rule, n_layers, task, steps, copy))
                for layer in range(n_layers):
                    rows.append(
                        _layer(network, layer, n_layers, n_checkpoints, steps, k, signal, rng)
                    )
    return Trajectories(
        pd.DataFrame(networks)[COLUMNS].sort_values("network", ignore_index=True),
        _table(rows).sort_values(
            ["network", "measurement", "layer", "checkpoint"], ignore_index=True
        ),
        "synthetic",
    )


def with_variety(trajectories: Trajectories, apart: bool = True) -> Trajectories:
    """The same with groups and curricula to hold out, and two blocks that the plan set apart."""
    networks = trajectories.networks
    block = networks["block"]
    return Trajectories(
        networks.assign(
            architecture_group=np.where(block % 4 < 2, "dense", "recurrent"),
            task_group=np.where(networks["task"] == "teacher_student", "reward", "supervised"),
            curriculum=np.array(["shuffled", "class_by_class", "growing_noise"])[block // 2 % 3],
            held_out=apart & block.isin([1, 6]),
        ),
        trajectories.rows,
        "varied",
    )


def _network(
    network: str, block: int, rule: str, n_layers: int, task: str, steps: int, copy: int
) -> dict:
    credit_assignment, optimizer = rule.split("+")
    learned = RULES[rule] == "learned feedback"
    time = ALIGNMENT_TIMES[(block + copy) % len(ALIGNMENT_TIMES)] if learned else np.nan
    return {
        "network": network, "block": block, "rule": rule,
        "credit_assignment": credit_assignment, "optimizer": optimizer, "family": RULES[rule],
        "architecture": f"dense{n_layers - 1}", "architecture_group": "dense", "task": task,
        "task_group": "supervised", "loss": "cross_entropy", "curriculum": "shuffled",
        "activation": "relu", "normalisation": "none", "dropout": 0.0, "bias": True,
        "init": "he_normal", "init_scale": 1.0, "bias_init": "zero", "learning_rate": 0.01,
        "momentum": 0.9, "weight_decay": 0.0, "schedule": "constant", "update_noise": 0.0,
        "input_scale": 1.0, "label_noise": 0.0, "stimuli": 64, "batch_size": 32, "steps": steps,
        "width": 64, "n_layers": n_layers, "n_parameters": 1000, "pretrained_by": "none",
        "pretraining_steps": 0, "held_out": False, "seed": block, "alignment_time": time,
        "chance": 0.1, "initial_performance": 0.1, "final_loss": 0.3, "final_performance": 0.9,
        "weight_change": 0.1 + 0.02 * copy,
        "diverged": False, "delta_readout": False,
    }  # fmt: skip


def _layer(
    network: str, layer: int, n_layers: int, n: int, steps: int, rule: int, signal: float,
    rng: np.random.Generator,
) -> dict:  # fmt: skip
    progress = np.linspace(0, 1, n)
    row = {
        "network": network, "layer": layer, "layer_name": f"layer{layer + 1}",
        "layer_kind": "dense", "depth": layer / (n_layers - 1),
        "depth_group": depth_group(layer, n_layers), "measurement": 0, "unit_fraction": 1.0,
        "n_units": 64, "tracked": True, "observation": "exact", "noise_std": 0.0,
        "checkpoint": np.arange(n), "step": np.round(progress * steps).astype(int),
        "progress": progress, "loss": np.exp(-progress), "performance": progress,
    }  # fmt: skip
    speed = np.exp(signal * 0.3 * rule + 0.3 * rng.normal())
    for index, statistic in enumerate(STATISTICS):
        level = np.exp(0.5 * rng.normal() + 0.1 * (index % 7))
        change = 1 + 0.5 * (1 - np.exp(-speed * progress)) + 0.01 * rng.normal(size=n)
        row[statistic] = (level * change).astype(np.float32)
    return row


def _table(layers: list[dict]) -> pd.DataFrame:
    """One table of all layers: a table of each would cost most of the time of the tests."""
    n = len(layers[0]["checkpoint"])
    return pd.DataFrame(
        {
            name: np.concatenate([layer[name] for layer in layers])
            if isinstance(value, np.ndarray)
            else np.repeat([layer[name] for layer in layers], n)
            for name, value in layers[0].items()
        }
    )
