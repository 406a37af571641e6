from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from gridded import RULES
from synthetic import with_variety

from rule_id.errors import InputError
from rule_id.evaluation.designing.candidates import folds_of, read_candidates
from rule_id.evaluation.designing.describing import describe
from rule_id.trajectories import Trajectories, write_manifest, write_part


def test_what_diverged_or_was_set_apart_takes_no_part(gridded: Trajectories) -> None:
    varied = with_variety(gridded)
    lost = varied.networks["network"].iloc[[0, 1]]
    networks = varied.networks.assign(diverged=varied.networks["network"].isin(lost))
    found = read_candidates(replace(varied, networks=networks), RULES, "rule")
    ours = networks[networks["rule"].isin(RULES)]
    apart = ours["held_out"] & ~ours["diverged"]
    assert found.n_set_apart == apart.sum() == 12
    assert found.material.n_diverged == 2
    kept = ours[~ours["diverged"] & ~apart]
    assert set(found.networks["network"]) == set(kept["network"])
    info = describe(found, folds_of(found, 2, 0), {})
    assert (info["n_diverged"], info["n_held_out"]) == (2, 12)
    assert info["n_networks"] == len(kept) == 58


def test_layers_of_unknown_size_are_refused(gridded: Trajectories) -> None:
    with pytest.raises(InputError, match="must have a number of units .* measurement 0 have none"):
        read_candidates(
            replace(gridded, rows=gridded.rows.assign(n_units=float("nan"))), None, "rule"
        )


def test_a_folder_gives_what_memory_does(gridded: Trajectories, tmp_path: Path) -> None:
    write_manifest(tmp_path, {"plan": {}})
    blocks = gridded.networks["block"] < 5
    for key, some in (("a", blocks), ("b", ~blocks)):
        part = gridded.select(gridded.networks["network"][some])
        write_part(tmp_path, key, part.networks, part.rows)
    read, held = (read_candidates(corpus, RULES[:2], "rule") for corpus in (tmp_path, gridded))
    assert read.classes == held.classes == sorted(RULES[:2])
    pd.testing.assert_frame_equal(read.networks, held.networks)
    pd.testing.assert_frame_equal(read.material.panel.meta, held.material.panel.meta)


def test_blocks_are_whole_and_every_candidate_is_in_every_training_side(
    gridded: Trajectories,
) -> None:
    # The last candidate runs in 4 blocks alone.
    networks = gridded.networks
    kept = networks[(networks["rule"] != RULES[2]) | (networks["block"] < 4)]["network"]
    found = read_candidates(gridded.select(kept), RULES, "rule")
    for seed in range(5):
        fold = folds_of(found, 4, seed)
        table = found.networks.assign(fold=found.networks["network"].map(fold))
        assert (table.groupby("block")["fold"].nunique() == 1).all()
        assert set(fold) == {0, 1, 2, 3}
        assert (table.groupby("rule")["fold"].nunique() >= 2).all()
        assert describe(found, fold, {})["n_never_trained_on"] == 0
    with pytest.raises(InputError, match=r"feedback_alignment\+momentum runs in 4; got 5"):
        folds_of(found, 5, 0)


def test_who_lies_in_one_fold_alone_is_counted(gridded: Trajectories) -> None:
    found = read_candidates(gridded, RULES, "rule")
    fold = pd.Series(
        (found.networks["rule"] == RULES[0]).astype(int).to_numpy(), found.networks["network"]
    )
    # The others lie in fold 0 alone as well.
    assert describe(found, fold, {})["n_never_trained_on"] == len(fold)


def test_networks_must_be_simulated_ones(gridded: Trajectories) -> None:
    bare = replace(gridded, networks=gridded.networks[["network", "rule"]])
    with pytest.raises(InputError, match="simulated ones .* column block, diverged is missing"):
        read_candidates(bare, None, "rule")
