"""Ours against the baselines where evaluations do not compare them.

    python docs/studies/baselines_elsewhere.py noise CORPUS EVALUATION
    python docs/studies/baselines_elsewhere.py external CORPUS EVALUATION EXTERNAL

`noise`: activations alone of at most 200 units, with noise of one standard deviation, at 10
checkpoints. Every classifier is trained on what it is tested on, of other blocks; ours on
`invariant` features. `external`: the networks that other code trained, recorded in EXTERNAL by
`make external`, named by baselines that were trained on CORPUS; ours is the bundle whose answers
lie there. Settings of baselines are those that were chosen for EVALUATION.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from study import markdown_table

from rule_id.evaluation.answers import classes_of
from rule_id.evaluation.baselines import BASELINES, MOST_ROWS, draw_networks
from rule_id.evaluation.combining import with_combined
from rule_id.evaluation.files import read_evaluation
from rule_id.evaluation.fitting import fit_all
from rule_id.evaluation.protocols import split_rows
from rule_id.evaluation.results import summarise
from rule_id.evaluation.scoring import score_all
from rule_id.evaluation.store import Store
from rule_id.evaluation.tables import PAPER_FEATURES
from rule_id.evaluation.trials import Test, Trial
from rule_id.features import FeatureTable, extract, extract_panel, with_deviations
from rule_id.features.material import Material, read_material
from rule_id.models import combine_layers, network_ids
from rule_id.models.cuts import Cut
from rule_id.models.sources import with_observables
from rule_id.recordings import read_recording

__all__ = ["external", "noise"]

TEN = Cut(number=10, spread=True)
SEEN = ("activation",)
OURS = ("linear", "xgboost")
LEVELS = ("rule", "family", "credit_assignment")
SEED = 0


def noise(
    material: Material, measurement: int, settings: dict[str, Any], splits: int, store: Store
) -> pd.DataFrame:
    """Return accuracies of networks of new blocks, a row for each classifier and target.

    Args:
        material: A corpus.
        measurement: That of it with 200 units and noise of one standard deviation.
        settings: The setting of each baseline.
        splits: How many splits of blocks.
        store: Keeps fits.
    """
    panel = material.panels[measurement]
    seen = panel.seen(TEN.draw(int(panel.n_checkpoints.max()), np.random.default_rng(SEED)))
    own = with_observables(with_deviations(extract_panel(seen, "invariant")), SEEN)
    paper = with_observables(extract_panel(seen, "trajectory", paper=True), SEEN)
    trials = list(_trials(own, paper, list(settings), splits))
    found = fit_all(trials, False, SEED, store, None, settings)
    results, _ = score_all(*with_combined(trials, found), material.networks)
    return summarise(results)


def _trials(
    own: FeatureTable, paper: FeatureTable, baselines: list[str], splits: int
) -> Iterator[Trial]:
    for split in split_rows("grouped", own.meta, n_splits=splits, seed=SEED):
        for table, name, models in (
            (own, "invariant", OURS),
            (paper, PAPER_FEATURES, (*OURS, *baselines)),
        ):
            test = Test(split.protocol, split.variant, table, split.test, levels=("network",))
            for model in models:
                yield Trial(split, model, name, table, split.train, (test,))


def external(
    material: Material, settings: dict[str, Any], folder: Path
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield for each baseline which of the recorded networks it names right, and for a bundle.

    Args:
        material: What baselines are trained on.
        settings: The setting of each.
        folder: Has `recordings/`, and `answers.csv` of the bundle.
    """
    answers = pd.read_csv(folder / "answers.csv")
    yield (
        "the bundle",
        pd.DataFrame({
            level: (answers[f"first_{level}"] == answers[f"true_{level}"]).where(
                answers[f"known_{level}"])
            for level in LEVELS
        }),
    )  # fmt: skip
    table = extract_panel(material.panel, "trajectory", paper=True)
    networks, rules = network_ids(table.meta), table.meta["rule"].to_numpy(dtype=str)
    rows = draw_networks(rules, networks, MOST_ROWS, SEED)
    X, y = table.matrix()[rows], rules[rows]
    recorded = [
        extract(
            read_recording(folder / "recordings" / f"{name}.npz").trajectories,
            "trajectory", paper=True,
        )
        for name in answers["name"]
    ]  # fmt: skip
    for name, setting in settings.items():
        classifier = BASELINES[name].build(table.info["n_checkpoints"], SEED, **setting).fit(X, y)
        said = np.array([_network(classifier, one) for one in recorded])
        of = {
            level: [classes_of(material.networks, level)[rule] for rule in classifier.classes_]
            for level in LEVELS
        }
        yield name, _right(said, of, answers, np.sum if BASELINES[name].summed else np.max)


def _network(classifier: Any, table: FeatureTable) -> np.ndarray:
    return combine_layers(classifier.predict_proba(table.matrix()), network_ids(table.meta))[1][0]


def _right(
    said: np.ndarray, of: dict[str, list[str]], true: pd.DataFrame, pooled: Callable[..., Any]
) -> pd.DataFrame:
    """Say which networks (n,) are named right at each level.

    Args:
        said: What each network's rules were given (n, k).
        of: At each level the class of each of the k rules.
        true: `true_<level>` of each network.
        pooled: What makes of the numbers of a class's rules (n, rules) one number (n,).

    Returns:
        A column a level; nothing where the true name is no class.
    """
    found = {}
    for level, classes in of.items():
        names, right = np.unique(classes), true[f"true_{level}"]
        belongs = np.equal.outer(names, classes)
        values = np.stack([pooled(said[:, own], axis=1) for own in belongs], axis=1)
        found[level] = (right == names[values.argmax(axis=1)]).where(right.isin(names))
    return pd.DataFrame(found)


def _shown(table: pd.DataFrame) -> str:
    some = table[(table["subset"] == "all") & table["target"].isin(LEVELS)]
    rows = []
    for (features, model), own in some.groupby(["feature_set", "model"], sort=False):
        of = own.set_index("target")
        shown = [f"{of.accuracy[level]:.2f} ± {of.accuracy_sem[level]:.2f}" for level in LEVELS]
        rows.append([f"`{model}`", f"`{features}`", *shown])
    chance = some.groupby("target")["accuracy_chance"].mean()
    rows.append(["guessing", "", *(f"{chance[level]:.2f}" for level in LEVELS)])
    return markdown_table(["classifier", "features", *LEVELS], rows)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("where", choices=("noise", "external"))
    parser.add_argument("corpus", type=Path)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("external", type=Path, nargs="?")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--measurement", type=int, default=2, help="2: that of the reference plan")
    arguments = parser.parse_args()
    if arguments.where == "external" and arguments.external is None:
        parser.error("external must be followed by CORPUS EVALUATION EXTERNAL")
    settings = read_evaluation(arguments.evaluation).info["baseline_settings"]
    material = read_material(arguments.corpus)
    if arguments.where == "noise":
        store = Store(arguments.corpus.with_name(f"{arguments.corpus.name}-fits"))
        print(_shown(noise(material, arguments.measurement, settings, arguments.splits, store)))
        return
    rows = []
    for name, right in external(material, settings, arguments.external):
        rows.append([name, *(f"{right[level].dropna().mean():.2f}" for level in LEVELS)])
        print(markdown_table(["classifier", *LEVELS], rows[-1:]), flush=True)
    print(markdown_table(["classifier", *LEVELS], rows))


if __name__ == "__main__":
    main()
