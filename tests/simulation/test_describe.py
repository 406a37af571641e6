"""What became of the networks of a corpus."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.simulation import simulate
from rule_id.simulation.describe import describe
from rule_id.trajectories import LEARNED, learned, read_corpus, write_manifest, write_part

PLAN = {
    "schema": 1, "seed": 3, "checkpoints": 5,
    "ensembles": [{
        "rules": ["backprop+adam", "no_learning"], "blocks": 4, "networks_per_rule": 2,
        "architecture": {"choice": ["dense1", "rnn"]}, "task": "breast_cancer", "width": 16,
        "steps": 60, "activation": "tanh", "learning_rate": "tuned",
    }],
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return simulate(PLAN, tmp_path_factory.mktemp("described") / "corpus", workers=1)


def test_who_learned_and_how_fast(corpus: Path) -> None:
    found = describe(corpus)
    assert found.rules.loc["no_learning", "learned"] == 0
    assert found.rules.loc["backprop+adam", "learned"] > 0.5
    assert list(found.rules["networks"]) == [8, 8] and not found.rules["diverged"].any()
    assert (found.architectures["networks a minute"] > 0).all()
    assert set(found.architectures.index) == set(read_corpus(corpus).networks["architecture"])
    assert list(found.curricula.index) == ["shuffled"]
    text = str(found)
    assert text.startswith("architecture  networks  learned  diverged  networks a minute")
    assert "\nrule  " in text and text.splitlines()[-1].startswith("no_learning")


def test_learned_is_well_above_guessing_and_above_the_start() -> None:
    networks = pd.DataFrame({"chance": [0.5, 0.5, 0.0, 0.5], "initial_performance": [0.4, 0.8] * 2})
    best = pd.Series([0.56, 0.81, 0.41, np.nan])
    assert LEARNED == 0.1
    assert learned(networks, best).tolist() == [True, False, False, False]


def test_times_are_no_part_of_what_a_corpus_holds(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    shutil.rmtree(tmp_path / "corpus" / "timings")
    assert content_hash(read_corpus(tmp_path / "corpus")) == content_hash(read_corpus(corpus))
    speeds = describe(tmp_path / "corpus").architectures["networks a minute"]
    assert speeds.isna().all()


def test_only_a_corpus_of_simulated_networks_is_described(tmp_path: Path, corpus: Path) -> None:
    others = read_corpus(corpus)
    write_manifest(tmp_path / "others", {})
    write_part(tmp_path / "others", "a", others.networks.assign(chance=np.nan), others.rows)
    with pytest.raises(InputError, match="must hold simulated networks; it lacks chance"):
        describe(tmp_path / "others")
    with pytest.raises(InputError, match="manifest.json"):
        describe(tmp_path)
