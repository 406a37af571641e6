"""Jobs that simulate one corpus together make the corpus that one job makes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import PLAN, TOML
from typer.testing import CliRunner

from rule_id.cli import app
from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.simulation import Shard, read_shard, simulate
from rule_id.trajectories import missing_parts, read_corpus


def ensembles(n: int, seed: int = 0) -> list[SimpleNamespace]:
    costs = np.random.default_rng(seed).lognormal(0, 1, n)
    return [SimpleNamespace(key=f"{place:03}", cost=cost) for place, cost in enumerate(costs)]


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_every_ensemble_is_one_shard_s_and_shards_cost_about_the_same(of: int) -> None:
    every = ensembles(60)
    shares = [Shard(number + 1, of).own(every, lambda one: one.cost) for number in range(of)]
    assert sorted(one.key for share in shares for one in share) == [one.key for one in every]
    costs = [sum(one.cost for one in share) for share in shares]
    assert max(costs) <= min(costs) + 2 * max(one.cost for one in every)
    # Whatever the order in which they were resolved.
    again = Shard(of, of).own(every[::-1], lambda one: one.cost)
    assert again == shares[-1]


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", "", "1/", "²/4"]
)
def test_a_shard_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="shard must be i/N with i from 1 to N, such as 1/4; got"):
        read_shard(text)


def test_shards_make_the_corpus_that_one_job_makes(tmp_path: Path) -> None:
    whole = simulate(PLAN, tmp_path / "whole", workers=1)
    for number in (2, 3, 1):
        simulate(PLAN, tmp_path / "shards", workers=1, shard=Shard(number, 3))
    assert content_hash(read_corpus(tmp_path / "shards")) == content_hash(read_corpus(whole))


def test_a_shard_says_what_others_have_still_to_do(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "corpus"
    plan.write_text(TOML)

    def run(shard: str):
        given = ["simulate", str(plan), "--out", str(out), "--workers", "1", "--shard", shard]
        return CliRunner().invoke(app, given)

    first = run("1/2")
    assert first.exit_code == 0, first.output
    n = len(missing_parts(out))
    assert f"shard 1/2 is done; other shards lack {n} parts" in first.output and n > 0
    last = run("2/2")
    assert "networks" in last.output and missing_parts(out) == []
