from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.models import Bundle, Watch, identify, train, watch
from rule_id.recordings import Recording, recording_from_arrays
from rule_id.trajectories import STATISTICS, Trajectories, write_manifest, write_part


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Bundle:
    """A classifier of rules that can be told apart, with 40 held-out networks."""
    folder = tmp_path_factory.mktemp("watching") / "corpus"
    made = synthetic_trajectories(40, 1, 7, signal=6.0)
    write_manifest(folder, {"plan": {}})
    write_part(folder, "a", made.networks, made.rows)
    return train(folder, model="linear", feature_set="invariant", tune=False, held_out=0.25)


def recording(rule: str = "backprop+adam", signal: str = "model") -> Recording:
    made = synthetic_trajectories(1, 1, 7, signal=6.0, seed=7)
    name = f"b0000.{rule}.0"
    one = made.select([name])
    return Recording(name, signal, Trajectories(one.networks, one.rows, name), ("activation",))


def test_each_look_sees_only_what_had_been_recorded(trained):
    looks = list(Watch([trained], 0.2).looks(recording()))
    assert [look.checkpoint for look in looks] == [2, 3, 4, 5, 6, 7]
    (answer,) = identify(recording(), trained)
    assert (looks[-1].best, looks[-1].probability) == answer.ranked[0]
    # What comes later does not change what was said before.
    rows = recording().trajectories.rows
    spoilt = rows.copy()
    spoilt.loc[rows["checkpoint"] >= 4, spoilt.columns[-45:]] *= np.float32(1e3)
    other = dataclasses.replace(
        recording(), trajectories=dataclasses.replace(recording().trajectories, rows=spoilt)
    )
    again = list(Watch([trained], 0.2).looks(other))
    assert again[:3] == looks[:3] and again[-1] != looks[-1]
    assert again[-1].best is None and "outside what was simulated" in str(again[-1])
    if again[-1].announced:
        assert "had been decided for" in str(again[-1])


def test_what_is_announced_is_as_probable_as_it_must_be_and_stays(trained):
    watching = Watch([trained], 0.2)
    looks = list(watching.looks(recording()))
    threshold = watching.deciding.threshold(0.2)
    sure = [look.probability >= threshold for look in looks]
    assert any(sure)
    first = sure.index(True)
    assert [look.is_new for look in looks] == [k == first for k in range(len(looks))]
    assert [look.announced for look in looks[first:]] == [looks[first].best] * (len(looks) - first)
    assert [look.announced for look in looks[:first]] == [None] * first
    assert str(looks[first]).endswith(f"decided for {looks[first].best} now")
    assert "were given a wrong one at some look (rate 0.2)" in str(watching)


def test_nothing_is_announced_where_too_few_networks_were_held_out(trained):
    watching = Watch([trained], 0.01)
    assert not any(look.announced for look in watching.looks(recording()))
    assert "40 held-out networks are too few" in str(watching)


def test_no_look_past_those_of_the_held_out_networks_announces_anything(trained):
    def tried(looks: int) -> Bundle:
        decisions = {
            kind: {
                what: {
                    pattern: dataclasses.replace(one, looks=looks)
                    for pattern, one in by_pattern.items()
                }
                for what, by_pattern in announced.items()
            }
            for kind, announced in trained.decisions.items()
        }
        return dataclasses.replace(trained, decisions=decisions)

    sure = [look.is_new for look in Watch([trained], 0.2).looks(recording())].index(True)
    late, soon = (Watch([tried(looks)], 0.2) for looks in (sure, sure + 1))
    assert not any(look.announced for look in late.looks(recording()))
    assert [look.is_new for look in soon.looks(recording())].index(True) == sure
    assert f"Looks after the first {sure} announce nothing." in str(late)


def test_looks_go_on_where_they_were(trained):
    watching = Watch([trained], 0.2)
    assert str(watching) == "nothing seen yet"
    list(watching.looks(recording()))
    assert list(watching.looks(recording())) == []


def test_of_a_brain_a_credit_assignment_is_announced(trained):
    watching = Watch([trained], 0.2)
    looks = list(watching.looks(recording(signal="rate")))
    assert {look.best for look in looks} <= {"backprop", "feedback_alignment",
                                             "information_alignment", None}  # fmt: skip
    assert (
        watching.deciding
        == trained.decisions["exact"]["credit_assignment"]["activation+weight+activity_change"]
    )


def test_nothing_is_announced_where_nothing_can_be_said(trained):
    """Where nothing changes, and where networks seen like this are named by guessing."""
    usual = recording()
    rows = usual.trajectories.rows
    first = rows.groupby("layer")[list(STATISTICS)].transform("first")
    still = dataclasses.replace(
        usual, trajectories=dataclasses.replace(usual.trajectories, rows=rows.assign(**first))
    )
    looks = list(Watch([trained], 0.2).looks(still))
    assert {look.silent for look in looks} == {"nothing has changed yet"}
    guessing = [dataclasses.replace(cell, accuracy=cell.chance) for cell in trained.cells]
    knowing_nothing = dataclasses.replace(trained, cells=guessing)
    looks = list(Watch([knowing_nothing], 0.2).looks(usual))
    assert all(look.best for look in looks) and not any(look.announced for look in looks)


def write(path: Path, n_checkpoints: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(6, 12, 20)) * np.linspace(1, 2, 6)[:, None, None]
    np.savez(path, steps=np.arange(6)[:n_checkpoints], **{"activations/a": x[:n_checkpoints]})


def test_a_growing_file_is_followed(trained, tmp_path):
    """It does not exist at first, then has three checkpoints, then six."""
    path = tmp_path / "run.npz"
    grow = iter([lambda: write(path, 3), lambda: None, lambda: write(path, 6)])
    told: list[Watch] = []
    missing: list[str] = []
    looks = watch(path, trained, rate=0.2, started=told.append, waiting=missing.append,
                  sleep=lambda _: next(grow)())  # fmt: skip
    assert [look.checkpoint for look in islice(looks, 5)] == [2, 3, 4, 5, 6]
    assert len(missing) == 1 and "run.npz" in missing[0]
    assert len(told) == 1 and "A class is announced at" in str(told[0])
    once = watch(path, trained, rate=0.2, once=True)
    assert [look.step for look in once] == [1, 2, 3, 4, 5]


def test_a_file_that_cannot_be_read_is_waited_for_no_longer_than_a_minute(trained, tmp_path):
    slept: list[float] = []
    with pytest.raises(InputError, match=r"gone.npz"):
        list(watch(tmp_path / "gone.npz", trained, every=20.0, sleep=slept.append))
    assert sum(slept) == 60
    with pytest.raises(InputError, match=r"gone.npz"):
        list(watch(tmp_path / "gone.npz", trained, once=True))


def test_what_it_cannot_do_is_refused(trained, linear, tmp_path):
    with pytest.raises(InputError, match="rate must be one of 0.01, 0.05, 0.1, 0.2; got 0.3"):
        next(watch(tmp_path / "run.npz", trained, rate=0.3))
    with pytest.raises(InputError, match="every must be a number of seconds above 0; got 0"):
        next(watch(tmp_path / "run.npz", trained, every=0))
    write(tmp_path / "run.npz", 4)
    with pytest.raises(InputError, match="model must be a bundle that was trained on a corpus"):
        next(watch(tmp_path / "run.npz", linear, once=True))
    few = {"exact": {"class": {"weight": next(iter(trained.decisions["exact"]["class"].values()))}}}
    with pytest.raises(InputError, match="must know times to a decision from activation; it has"):
        next(watch(tmp_path / "run.npz", dataclasses.replace(trained, decisions=few), once=True))
    with pytest.raises(InputError, match="steps must hold 2 checkpoints or more"):
        np.savez(tmp_path / "one.npz", steps=[0], **{"activations/a": np.ones((1, 4, 4))})
        next(watch(tmp_path / "one.npz", trained, once=True))
    assert recording_from_arrays(
        "x", [0, 1], {"a": np.random.default_rng(0).normal(size=(2, 4, 4))}
    )
