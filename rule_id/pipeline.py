"""Every arrow of the data flow in one go, on a small plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rule_id.errors import InputError
from rule_id.evaluation import Evaluation, evaluate
from rule_id.example_recording import write_example_recording
from rule_id.features import features, read_features
from rule_id.models import Identification, identify, train
from rule_id.reports import report
from rule_id.simulation import simulate

__all__ = ["Demo", "demo"]


@dataclass(frozen=True)
class Demo:
    """What the demonstration made.

    Attributes:
        evaluation: The results table, and all behind it.
        identification: The answer for one recording.
        report: The HTML page.
    """

    evaluation: Evaluation
    identification: Identification
    report: Path


def demo(
    out: str | Path = "demo",
    *,
    plan: str | Path | None = None,
    splits: int = 3,
    progress: Callable[[str, int, int], None] | None = None,
) -> Demo:
    """Simulate a small corpus and take it through the whole toolkit.

    Args:
        out: Folder for all that is made: `corpus/`, `features/`, `models/`, `reports/` and
            `recording.npz`. What an earlier run simulated there is used again.
        plan: A plan to use instead of the one that ships.
        splits: Splits of each protocol, 2 or more.
        progress: Called as progress(what, done, total).

    Returns:
        The evaluation, the identification of a recording and the path of the report.

    Raises:
        InputError: `out` is a file, or the plan is not valid.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out must be a folder; {folder} is a file")
    corpus = folder / "corpus"
    simulate(plan or "demo", corpus, progress=progress)
    table_path = folder / "features" / "summary.parquet"
    features(corpus, table_path)
    table = read_features(table_path)
    bundles = [
        train(table, folder / "models" / model, model=model, progress=progress)
        for model in ("linear", "xgboost")
    ]
    evaluation = evaluate(
        corpus, folder / "reports" / "evaluation", splits=splits, progress=progress
    )
    report(evaluation, features=table, models=bundles, corpus=corpus, out=folder / "reports")
    recording = write_example_recording(folder / "recording.npz")
    (answer,) = identify(recording, folder / "models" / "xgboost")
    return Demo(evaluation, answer, folder / "reports" / "index.html")
