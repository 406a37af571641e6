"""What the dataset of the 2020 paper holds, checked, in the words of this package.

Known from the published code (github.com/neuroailab/lr-identify at commit 22089c0):

- The file is a pickled dictionary with `X` (examples, 21, observables), `obs_keys`, `Y`, `meta`
  and, if included, `X_cat`; an example is a layer (`README.md`, `utils.py`).
- `obs_keys` are 45 names at most, such as `weightabs_thirdquartile` (`observable_names.py`), of
  the statistics in `tensorflow/Metrics/observables_config.py` and `functions.py`.
- `Y` has a label for each example, names or numbers (`fit_pipeline.py`); `meta` is a NumPy record
  array of which the field `learning_rule` is read (`cross_validation.py`, `fit_pipeline.py`).
- `X_cat` (examples, 21, 3) says early, middle, deep, the same at each checkpoint (`utils.py`,
  `observable_names.py`).
- The learning rules are `adam`, `sgdm`, `information` and `feedback`; tasks, architectures, batch
  sizes and seeds are listed too (`observables_config.py`), and the names of layers
  (`tensorflow/Models/model_layer_names.py`).

Assumed, since neither the file nor what wrote it was to be had: the names of all fields of `meta`
but `learning_rule`, see `COLUMNS`; that feedback and information alignment are followed by SGD with
momentum; that checkpoints are evenly spaced; that those of the code's statistics that are vectors
(norms of slices of weights, activations by stimulus) were averaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.recordings.plain_pickle import read_plain_pickle
from rule_id.trajectories import DEPTH_GROUPS, STATISTICS

__all__ = ["COLUMNS", "RULES", "Dataset2020", "read_dataset", "statistic_of"]

RULES = {
    "sgdm": "backprop+momentum",
    "adam": "backprop+adam",
    "feedback": "feedback_alignment+momentum",
    "information": "information_alignment+momentum",
}
"""The learning rules of the paper, by the names that its code gives them."""

COLUMNS = {
    "learning_rule": ("learning_rule",),
    "architecture": ("architecture", "arch", "model", "model_name", "model_type"),
    "task": ("task", "task_name", "dataset", "dataset_name"),
    "layer": ("layer", "layer_name"),
    "batch_size": ("batch_size", "batchsize"),
    "model_seed": ("model_seed", "seed"),
    "dataset_seed": ("dataset_seed", "data_seed"),
    "network": ("network", "network_id", "model_id"),
}
"""What is looked for in `meta`, and the names of fields that count as it."""

NEEDED = ("learning_rule", "architecture", "task", "layer")
LONGEST_NAME = 100
MAX_ROWS = 2_000_000
"""Checkpoints of layers, four times what can have been published."""

_OBSERVABLES = {"weight": "weight", "act": "activation"}


@dataclass(frozen=True)
class Dataset2020:
    """The published dataset.

    Attributes:
        values: Statistics (n, T, k), float.
        statistics: Which of `STATISTICS` the k are.
        depth_groups: Early, middle or deep, of each layer (n,); None where the file does not say.
        meta: One row a layer (n rows) of text: those of `COLUMNS` that there are, the learning rule
            by our name as `rule`.
        unused: Fields of `meta` in the file that were not read.
    """

    values: np.ndarray
    statistics: tuple[str, ...]
    depth_groups: np.ndarray | None
    meta: pd.DataFrame
    unused: tuple[str, ...]


def read_dataset(path: str | Path, columns: Mapping[str, str] | None = None) -> Dataset2020:
    """Read and check the dataset.

    Args:
        path: `dataset.pkl`; it is read by `rule_id.recordings.plain_pickle`, which can run nothing.
        columns: Names of fields of `meta` that are not those of `COLUMNS`, by what they are.

    Raises:
        InputError: The file cannot be read or is of another structure, a field is missing, or a
            statistic or learning rule is unknown.
    """
    content = read_plain_pickle(path)
    try:
        return _checked(content, columns or {})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def statistic_of(key: str) -> str:
    """Return the statistic that a published name stands for.

    Raises:
        InputError: It stands for none.

    >>> statistic_of("actabs_thirdquartile"), statistic_of("gradavgsq_id")
    ('activation_abs_third_quartile', 'activity_change_sq_mean')
    """
    match = re.fullmatch(r"(weight|act)(raw|abs|sq)_([a-z]+)", key)
    change = re.fullmatch(r"gradavg(raw|abs|sq)_id", key)
    statistic = f"activity_change_{change[1]}_mean" if change else ""
    if match:
        last = match[3].replace("thirdquartile", "third_quartile")
        statistic = f"{_OBSERVABLES[match[1]]}_{match[2]}_{last}"
    if statistic not in STATISTICS:
        raise InputError(
            f"obs_keys must be names of statistics such as weightabs_mean; got {key[:60]!r}"
        )
    return statistic


def _checked(content: Any, columns: Mapping[str, str]) -> Dataset2020:
    needed = ("X", "obs_keys", "Y", "meta")
    if type(content) is not dict or any(name not in content for name in needed):
        got = f"one with {len(content)} others" if type(content) is dict else type(content).__name__
        raise InputError(f"a dataset must be a dictionary with {', '.join(needed)}; got {got}")
    x = content["X"]
    if not isinstance(x, np.ndarray) or x.ndim != 3 or x.dtype.kind not in "fiu" or not x.size:
        raise InputError(f"X must be numbers (examples, checkpoints, observables); got {_kind(x)}")
    if x.shape[1] < 2 or x.shape[0] * x.shape[1] > MAX_ROWS or x.shape[2] > len(STATISTICS):
        raise InputError(
            f"X must have 2 checkpoints or more, {len(STATISTICS)} observables at most, and "
            f"{MAX_ROWS} checkpoints of layers at most; got the shape {x.shape}"
        )
    keys = _texts("obs_keys", content["obs_keys"], x.shape[2])
    statistics = tuple(map(statistic_of, keys))
    if len(set(statistics)) < len(statistics):
        raise InputError("obs_keys must name each observable once; one is repeated")
    meta, unused = _meta(content["meta"], columns, len(x))
    labels = _texts("Y", content["Y"], len(x))
    groups = _depth_groups(content["X_cat"], x.shape) if "X_cat" in content else None
    return Dataset2020(x, statistics, groups, _with_rules(meta, labels), unused)


def _meta(meta: Any, columns: Mapping[str, str], n: int) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the known fields as text by their names of `COLUMNS`, and the names of the others."""
    fields = meta.dtype.names if isinstance(meta, np.ndarray) and meta.ndim == 1 else None
    if fields is None:
        raise InputError(f"meta must be an array of records; got {_kind(meta)}")
    _texts("the names of fields of meta", fields, len(fields))
    found = {
        name: next((one for one in names if one in fields), None) for name, names in COLUMNS.items()
    }
    for name, given in columns.items():
        one_of("column", name, COLUMNS)
        found[name] = one_of(f"field of meta for {name}", given, fields)
    missing = [name for name in NEEDED if found[name] is None]
    if missing:
        raise InputError(
            f"meta must have a field for {', '.join(missing)}; it has "
            f"{', '.join(fields)[:300]}, so say which: --column {missing[0]}=FIELD"
        )
    used = {name: field for name, field in found.items() if field is not None}
    table = pd.DataFrame(
        {name: _texts(f"meta['{field}']", meta[field], n) for name, field in used.items()}
    )
    return table, tuple(field for field in fields if field not in used.values())


def _with_rules(meta: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """Return the layers with `rule`, which the labels must not contradict."""
    names = meta["learning_rule"].str.lower()
    unknown = sorted(set(names) - set(RULES))
    if unknown:
        raise InputError(f"learning_rule must be one of {', '.join(RULES)}; got {unknown[0]!r}")
    pairs = pd.DataFrame({"name": names, "label": labels}).drop_duplicates()
    if pairs["name"].duplicated().any() or pairs["label"].duplicated().any():
        raise InputError(
            "Y must have a label of its own for each learning_rule of meta; "
            f"{len(pairs)} pairs of {pairs['name'].nunique()} rules and {pairs['label'].nunique()} "
            "labels are there"
        )
    return meta.drop(columns="learning_rule").assign(rule=names.map(RULES))


def _depth_groups(flags: Any, shape: tuple[int, ...]) -> np.ndarray:
    expected = (*shape[:2], len(DEPTH_GROUPS))
    if not isinstance(flags, np.ndarray) or flags.dtype.kind not in "fiub":
        raise InputError(f"X_cat must be numbers; got {_kind(flags)}")
    if flags.shape not in (expected, (expected[0], expected[2])):
        raise InputError(f"X_cat must have the shape {expected}; got {flags.shape}")
    first = flags[:, 0] if flags.ndim == 3 else flags
    if not (np.isin(first, (0, 1)).all() and (first.sum(axis=1) == 1).all()):
        raise InputError(f"X_cat must say one of {', '.join(DEPTH_GROUPS)} of each layer, by a 1")
    return np.array(DEPTH_GROUPS)[first.argmax(axis=1)]


def _texts(name: str, values: Any, n: int) -> list[str]:
    """Return the n entries of a list or of an array with one axis as short printable text."""
    if not (type(values) in (list, tuple) or isinstance(values, np.ndarray) and values.ndim == 1):
        raise InputError(f"{name} must be a list of names; got {_kind(values)}")
    if len(values) != n:
        raise InputError(f"{name} must have {n} entries, as X has; got {len(values)}")
    entries = values.tolist() if isinstance(values, np.ndarray) else values
    texts = [_text(entry) for entry in entries]
    for entry, text in zip(entries, texts, strict=True):
        if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
            shown = repr(text[:30]) if text else _kind(entry)
            raise InputError(f"{name} must hold names of 1 to {LONGEST_NAME} letters; got {shown}")
    return texts


def _text(value: Any) -> str:
    if type(value) is bytes:
        return value.decode("latin-1")
    if type(value) is int and abs(value) > 2**63:
        return ""
    return str(value) if type(value) in (str, bool, int, float, type(None)) else ""


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{'records' if value.dtype.names else value.dtype} of shape {value.shape}"
    return type(value).__name__
