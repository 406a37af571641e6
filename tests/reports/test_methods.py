from __future__ import annotations

from pathlib import Path

import pytest

from rule_id.errors import InputError
from rule_id.evaluation import Evaluation
from rule_id.reports.methods import methods_section, plan_hash
from rule_id.schema import COMPACT_VERSION
from rule_id.trajectories import write_manifest


def hashed(folder: Path, **manifest: object) -> str | None:
    (folder / "manifest.json").unlink(missing_ok=True)  # one that is there is never changed
    assert write_manifest(folder, manifest)
    return plan_hash(folder)


def test_the_hash_is_of_the_resolved_plan_alone(tmp_path: Path) -> None:
    first = hashed(tmp_path, plan={"seed": 1, "blocks": 2}, learning_rates={"a": 0.1})
    assert first is not None and len(first) == 16
    same = {"learning_rates": {"a": 0.1}, "plan": {"blocks": 2, "seed": 1}, "versions": {}}
    assert hashed(tmp_path, **same, parts=["a"]) == first
    assert hashed(tmp_path, **same, compact={"version": COMPACT_VERSION, "layers": 8}) == first
    assert hashed(tmp_path, **same | {"plan": {"blocks": 3, "seed": 1}}) != first
    assert hashed(tmp_path, **same | {"learning_rates": {"a": 0.2}}) != first


def test_what_was_not_simulated_has_no_plan(tmp_path: Path) -> None:
    assert hashed(tmp_path, dataset="dataset.pkl") is None
    with pytest.raises(InputError, match="must be a corpus folder"):
        plan_hash(tmp_path / "none")


def test_the_methods_name_the_plan_beside_the_content(evaluation: Evaluation) -> None:
    info = evaluation.info | {"content_hash": "c0ffee"}
    texts = [methods_section(info, plan=plan).parts[0].text for plan in (None, "feed")]
    assert "; corpus hash c0ffee." in texts[0] and "plan hash" not in texts[0]
    assert "; plan hash feed, corpus hash c0ffee." in texts[1]
