from __future__ import annotations

import os
import pickle
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation import fitting, trials
from rule_id.evaluation import novel as novel_module
from rule_id.evaluation.fitting import trial_key
from rule_id.evaluation.novel import NovelTrial
from rule_id.evaluation.protocols import Split
from rule_id.evaluation.store import Fingerprints, Kept, Store
from rule_id.evaluation.trials import Trial
from rule_id.features import FeatureTable
from rule_id.models import LinearClassifier

ARRAYS = [
    np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3),
    np.zeros((0, 2)),
    np.array(["b0001.backprop", "é"]),
    *[np.full(1, k) for k in range(9)],
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "fits")


def test_what_was_put_is_got_in_order(store: Store) -> None:
    assert store.get("a") is None
    store.put("a", Kept(ARRAYS, 2.5))
    store.put("b", Kept([], 1.0))
    found = Store(store.folder).get("a")
    assert found is not None and len(found.arrays) == len(ARRAYS) == 12
    assert found.seconds == 2.5
    for one, other in zip(found.arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert store.get("b") is None and store.get("c") is None


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(None)
    store.put("a", Kept(ARRAYS, 1.0))
    assert store.get("a") is None and list(tmp_path.iterdir()) == []


def test_a_file_is_complete_or_not_there(store: Store, monkeypatch) -> None:
    store.put("a", Kept(ARRAYS, 1.0))

    def fail(*given, **further):
        given[0].write(b"half")
        raise OSError("no space")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space"):
        store.put("b", Kept(ARRAYS, 1.0))
    assert [path.name for path in store.folder.iterdir()] == ["a.npz"]


def test_a_damaged_file_counts_as_none(store: Store) -> None:
    kept = [np.arange(3.0), np.array(["ab"])]
    store.put("a", Kept(kept, 1.0))
    path = store.folder / "a.npz"
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        assert store.get("a") is None, length
    nothing = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        found = store.get("a")
        nothing += found is None
        # What is still read is what was written: not every byte of an archive matters.
        for one, other in zip(found.arrays if found else kept, kept, strict=True):
            np.testing.assert_array_equal(one, other)
    assert nothing > len(whole) / 2
    store.put("a", Kept(kept, 1.0))
    assert store.get("a") is not None


@pytest.mark.parametrize("content", [b"", b"text", np.zeros(3), {"other": np.zeros(3)}])
def test_a_file_of_something_else_counts_as_none(store: Store, content) -> None:
    store.put("a", Kept(ARRAYS, 1.0))
    path = store.folder / "a.npz"
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        elif isinstance(content, dict):
            np.savez(file, **content)
        else:
            np.save(file, content)
    assert store.get("a") is None


class Planted:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_nothing_read_from_disk_is_executed(store: Store, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    planted = np.array([Planted(trace)], dtype=object)
    path = store.folder / "a.npz"
    store.folder.mkdir()
    np.savez(path, **{"0 of 1": planted, "seconds": np.array(1.0)}, allow_pickle=True)
    assert store.get("a") is None
    path.write_bytes(pickle.dumps(Planted(trace)))
    assert store.get("a") is None
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("0 of 1.npy", pickle.dumps(Planted(trace)))
        file.writestr("seconds.npy", pickle.dumps(Planted(trace)))
    store.get("a")
    assert not trace.exists()
    pickle.loads(pickle.dumps(Planted(trace)))  # who unpickles runs it
    assert trace.exists()


def table(**changes: object) -> FeatureTable:
    n = 8
    meta = pd.DataFrame(
        {
            "network": [f"n{k // 2}" for k in range(n)], "layer": [0, 1] * 4,
            "rule": ["a", "a", "b", "b"] * 2, "block": [0, 0, 0, 0, 1, 1, 1, 1],
            "family": ["f", "f", "g", "g"] * 2, "measurement": 0,
        }
    )  # fmt: skip
    values = pd.DataFrame(np.arange(16, dtype=np.float32).reshape(n, 2), columns=["x.a", "x.b"])
    made = FeatureTable(meta, values, "summary", {"n_checkpoints": 5})
    for name, value in changes.items():
        if name == "names":
            made = replace(made, values=values.set_axis(value, axis=1))
        elif name == "value":
            made = replace(made, values=values.replace(15.0, value))
        else:
            column = meta[name].tolist()
            made = replace(made, meta=meta.assign(**{name: [value, *column[1:]]}))
    return made


@pytest.mark.parametrize(
    "changes",
    [{"names": ["x.a", "x.c"]}, {"value": 15.5}, {"value": np.nan}, {"network": "n9"},
     {"layer": 7}, {"rule": "b"}, {"block": 3}],
)  # fmt: skip
def test_a_fingerprint_is_of_values_names_and_whose_they_are(changes) -> None:
    prints = Fingerprints()
    assert prints.of(table()) == prints.of(table()) == Fingerprints().of(table())
    assert prints.of(table(**changes)) != prints.of(table())


def test_a_fingerprint_is_taken_once(monkeypatch) -> None:
    one = table()
    prints = Fingerprints()
    first = prints.of(one)
    monkeypatch.setattr(FeatureTable, "matrix", None)
    assert prints.of(one) == first


FIRST, SECOND = np.arange(8) < 4, np.arange(8) >= 4
SPLIT = Split("grouped", "all", 0, FIRST, SECOND)


def trial(**changes: object) -> Trial:
    one = table()
    tested = changes.pop("test", {})
    test = replace(trials.Test("grouped", "all", one, SECOND), **tested)
    return replace(Trial(SPLIT, "linear", "summary", one, FIRST, (test,)), **changes)


def key(
    given: Trial, tune: bool = False, seed: int = 0, setting: dict[str, float] | None = None
) -> str:
    return trial_key(given, Fingerprints(), tune, seed, setting or {})


def test_a_key_differs_with_everything_that_probabilities_depend_on(monkeypatch) -> None:
    other = table(value=3.5)
    few = SECOND & (np.arange(8) != 5)
    keys = [
        key(trial()), key(trial(), tune=True), key(trial(), seed=1), key(trial(model="xgboost")),
        key(trial(model="a baseline")), key(trial(model="a baseline"), setting={"C": 1.0}),
        key(trial(table=other)), key(trial(rows=few)),
        key(trial(test={"rows": few})), key(trial(test={"table": other})),
        key(trial(test={"observables": "weight"})), key(trial(tests=())),
        key(trial(tests=2 * trial().tests)), key(trial(shuffled=True)),
        key(trial(shuffled=True, split=replace(SPLIT, number=1))),
    ]  # fmt: skip
    monkeypatch.setattr(fitting, "__version__", "0.0.0")
    keys.append(key(trial()))
    # A linear classifier learns networks where these are scored.
    keys.append(key(trial(test={"levels": ("layer",)})))
    monkeypatch.setattr(fitting.sklearn, "__version__", "0.0.0")
    keys.append(key(trial()))
    monkeypatch.setattr(fitting.xgboost, "__version__", "0.0.0")
    keys.append(key(trial()))
    monkeypatch.setitem(fitting.CLASSIFIERS, "linear", partial(LinearClassifier, C=0.5))
    keys.append(key(trial()))
    keys.append(key(trial(), tune=True))
    monkeypatch.setitem(fitting.GRIDS, "linear", ({"C": 1.0},))
    keys.append(key(trial(), tune=True))
    assert len(set(keys)) == len(keys)


def test_a_key_does_not_differ_with_anything_else() -> None:
    same = [
        trial(), trial(test={"variant": "else", "protocol": "curves"}),
        trial(feature_set="called otherwise"), trial(split=replace(SPLIT, number=1)),
    ]  # fmt: skip
    assert len({key(one) for one in same}) == 1


def novel(**changes: object) -> NovelTrial:
    made = NovelTrial("rule", "a", "linear", table(), SPLIT, 0, Fingerprints())
    return replace(made, **changes)


def test_so_does_the_key_of_what_is_never_trained_on(monkeypatch) -> None:
    few = SECOND & (np.arange(8) != 5)
    keys = [
        novel().key, novel(kind="family").key, novel(held_out="b").key, novel(seed=1).key,
        novel(model="xgboost").key, novel(table=table(value=3.5)).key,
        novel(split=replace(SPLIT, train=few)).key, novel(split=replace(SPLIT, test=few)).key,
    ]  # fmt: skip
    monkeypatch.setattr(novel_module, "VERSIONS", ("0.0.0",))
    keys.append(novel().key)
    monkeypatch.setitem(fitting.CLASSIFIERS, "linear", partial(LinearClassifier, C=0.5))
    keys.append(novel().key)
    assert len(set(keys)) == len(keys)
    assert novel().key == novel().key
