"""Files of the structure of the dataset of the 2020 paper, with made-up values.

The structure is that of the published code, see `rule_id.recordings.dataset2020_content`. The rule
is planted in the speed at which statistics change, as in `synthetic`.
"""

from __future__ import annotations

import pickle
from itertools import product
from pathlib import Path

import numpy as np

LAYERS = {
    "knet": ["conv1", "conv2", "conv3", "fc4"],
    "knetc4lrn": ["conv1", "conv2", "conv3", "conv4", "fc5"],
    "alexnet": ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"],
}
TASKS = ("imagenet", "simclr", "cifar10")
RULES = ("sgdm", "adam", "feedback", "information")
TENSOR = ("kurtosis", "mean", "median", "norm", "skew", "thirdquartile", "var")
OBS_KEYS = [
    *(f"{o}{f}_{s}" for o, f, s in product(("weight", "act"), ("abs", "raw", "sq"), TENSOR)),
    *(f"gradavg{function}_id" for function in ("abs", "raw", "sq")),
]
FIELDS = [
    ("learning_rule", "U16"), ("task", "U16"), ("architecture", "U16"), ("layer", "U32"),
    ("batch_size", "i8"), ("model_seed", "O"), ("dataset_seed", "i8"), ("note", "U4"),
]  # fmt: skip


def published(batch_sizes=(128,), seeds=(None, 0), n_checkpoints=21, seed=0) -> dict:
    """The dictionary; layers of all networks in an order of their own."""
    rng = np.random.default_rng(seed)
    records, examples, flags = [], [], []
    for rule, task, architecture, batch_size, model_seed in product(
        RULES, TASKS, LAYERS, batch_sizes, seeds
    ):
        layers = LAYERS[architecture]
        for place, layer in enumerate(layers):
            records.append((rule, task, architecture, layer, batch_size, model_seed, 0, "-"))
            examples.append(_layer(RULES.index(rule), n_checkpoints, rng))
            group = min(place // (len(layers) // 3), 2)
            flags.append(np.tile(np.eye(3)[group], (n_checkpoints, 1)))
    order = rng.permutation(len(records))
    meta = np.array(records, dtype=FIELDS)[order].view(np.recarray)
    return {
        "X": np.array(examples)[order],
        "obs_keys": np.array(OBS_KEYS),
        "Y": np.array(meta["learning_rule"]),
        "X_cat": np.array(flags)[order],
        "meta": meta,
    }


def write_published(path: Path, content: dict, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def _layer(rule: int, n_checkpoints: int, rng: np.random.Generator) -> np.ndarray:
    progress = np.linspace(0, 1, n_checkpoints)[:, None]
    level = np.exp(0.5 * rng.normal(size=len(OBS_KEYS)))
    speed = np.exp(0.9 * rule + 0.3 * rng.normal())
    noise = 0.01 * rng.normal(size=(n_checkpoints, len(OBS_KEYS)))
    return level * (1.5 - 0.5 * np.exp(-speed * progress) + noise)
