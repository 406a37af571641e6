"""What ships is what its pages say that it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rule_id.batches import read_batches
from rule_id.evaluation import read_evaluation
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.printing import printed
from rule_id.features import extract

ROOT = Path(__file__).parents[2]
MEGABYTES = {"features/reference": 20, "models/reference": 10}


@pytest.mark.parametrize("folder", MEGABYTES)
def test_it_is_small_enough_to_be_cloned(folder: str) -> None:
    size = sum(path.stat().st_size for path in (ROOT / folder).rglob("*") if path.is_file())
    assert size <= MEGABYTES[folder] * 1e6


def test_checkpoints_of_the_corpus_are_compared() -> None:
    some = next(iter(read_batches(ROOT / "features" / "reference")))
    table = extract(some, "summary")
    paths = [name for name in table.names if name.startswith(("weight_path_", "weight_agreement"))]
    known = table.values[paths].notna().mean()
    assert len(paths) > 100 and np.median(known) > 0.9


def test_the_evaluation_has_every_baseline() -> None:
    results = read_evaluation(ROOT / "reports" / "shipped").results
    for protocol in ("grouped", "held-out-architecture-group", "held-out-task-group"):
        assert set(results.loc[results["protocol"] == protocol, "model"]) >= set(BASELINES)


@pytest.mark.parametrize("folder", ["shipped", "reference/evaluation"])
def test_the_page_shows_what_the_evaluation_says(folder: str) -> None:
    evaluation = read_evaluation(ROOT / "reports" / folder)
    page = (ROOT / "docs" / "reference-plan.md").read_text()
    assert printed(evaluation) in page
