"""Writes the card of the classifiers that ship: what they know, how well, and where they fail.

`make reference` runs it last: `python docs/studies/model_card.py [FOLDER [EVALUATION]]` reads the
bundles and the evaluation of their corpus and writes FOLDER/README.md. Every number is one of
theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from study import DOCS, markdown_table

from rule_id.evaluation import Evaluation, read_evaluation
from rule_id.models import Bundle
from rule_id.models.menu import read_menu
from rule_id.models.mix import Mix
from rule_id.trajectories import atomic_write

ROOT = DOCS.parent
MODELS = {"combined": "both combined", "xgboost": "boosted trees", "linear": "linear"}
"""The classifiers of ours, the best first."""

FEW = 5
"""How many of the rules that are named worst are listed."""

SHIFTS = {
    "grouped": "all kinds",
    "held-out-architecture-group": "other architectures",
    "held-out-task-group": "other tasks",
}
TOLD_BY = """Of some rules it is not the credit assignment that is named:

- `kolen_pollack` by its decay: W above the first layer shrinks e^3 to e^6 times by that alone, as
  under no other rule of the corpus. Of a network whose weights decay as much under backprop the
  answer may be `kolen_pollack`.
- `equilibrium_propagation` and `contrastive_hebbian` in part by activity that has settled, which
  differs from that of a forward pass before anything is learned.
- Rules that need small learning rates (perturbations, reward-modulated learning) in part by the
  size of their steps: rates are drawn around the best of each rule (docs/reference-plan.md)."""
"""What a reader of a confusion matrix would not guess."""
PARTS = {
    "rule": "rule",
    "paper_rule": "which of the paper's four",
    "family": "family",
    "credit_assignment": "credit assignment",
    "optimizer": "optimizer",
}
"""What is told of each protocol."""


def main(arguments: Sequence[str]) -> None:
    """Read bundles and an evaluation, and write the card beside the bundles."""
    models = Path(arguments[0]) if arguments else ROOT / "models" / "reference"
    evaluation = Path(arguments[1]) if len(arguments) > 1 else ROOT / "reports" / "shipped"
    text = card(read_menu(models), read_evaluation(evaluation))
    atomic_write(models / "README.md", lambda target: target.write_text(text))


def card(bundles: Sequence[Bundle], evaluation: Evaluation) -> str:
    """Return the card of some bundles in Markdown.

    Args:
        bundles: The menu, all trained on one corpus.
        evaluation: That of the corpus.
    """
    parts = [
        "# The classifiers that ship",
        "<!-- Written by docs/studies/model_card.py; change that instead. -->",
        _what(bundles),
        "## Trained on",
        _trained_on(bundles),
        "## How well rules are named",
        _accuracy(bundles),
        "## Parts of rules, other architectures and tasks",
        _shifted(evaluation),
        "## Fewer units, checkpoints and observables",
        _seen_less(bundles),
        "## Where they fail",
        _failures(evaluation, best := _best(bundles, evaluation)),
        "## Calibration",
        _calibration(evaluation, best),
        "## Good for, and not for",
        _use(evaluation),
    ]
    return "\n\n".join(parts) + "\n"


def _what(bundles: Sequence[Bundle]) -> str:
    rows = [
        [
            f"`{b.feature_set}`",
            b.patterns[-1].replace("+", ", "),
            str(len(b.feature_names)),
            b.model,
            str(Mix.from_dict(b.info["mix"])),
        ]
        for b in bundles
    ]
    table = markdown_table(
        ["features", "observables", "number of features", "classifier", "learned from"], rows
    )
    versions = ", ".join(f"{name} {v}" for name, v in bundles[0].versions.items())
    classes = ", ".join(f"`{name}`" for name in bundles[0].classes)
    return (
        f"`rule-id identify` chooses one of {len(bundles)} by what was recorded "
        f"(docs/identifying.md). Made with {versions}.\n\n{table}\n\n"
        f"Classes, {len(bundles[0].classes)}: {classes}."
    )


def _trained_on(bundles: Sequence[Bundle]) -> str:
    info = bundles[0].info
    fitted, unseen = info["training"], info["testing"]
    return (
        f"Corpus `{info['features']['corpus']}`, content hash "
        f"`{info['features']['content_hash']}`: {fitted['networks']:,} networks of "
        f"{fitted['blocks']} blocks, each seen completely and in random ways "
        "(docs/mixes.md). "
        f"{unseen['networks']:,} networks of {unseen['blocks']} other blocks "
        f"score and calibrate. Left out, for they diverged: {info['n_diverged']:,}. The "
        "plan stands in rule_id/reference/."
    )


def _accuracy(bundles: Sequence[Bundle]) -> str:
    rows = []
    for bundle in bundles:
        for pattern, scores in bundle.scores.items():
            one = scores["network"]
            rows.append(
                [bundle.model, f"`{bundle.feature_set}`", bundle.patterns[-1].replace("+", ", ")]
                + [pattern.replace("+", ", ")]
                + [f"{one[key]:.2f}" for key in ("accuracy", "balanced_accuracy", "chance")]
                + [str(one["n"])]
            )
    head = [
        "classifier",
        "features",
        "takes",
        "recorded",
        "accuracy",
        "balanced accuracy",
        "chance",
        "networks",
    ]
    return (
        "Whole networks of blocks that were not trained on, seen completely:\n\n"
        f"{markdown_table(head, rows)}"
    )


def _shifted(evaluation: Evaluation) -> str:
    """Return how classifiers that are fitted to complete recordings alone do, by protocol."""
    table = evaluation.table
    info = evaluation.info
    own = table[(table["level"] == "network") & (table["feature_set"] == info["feature_set"])]
    own = own[own["model"].isin(list(MODELS)) & own["protocol"].isin(SHIFTS)]
    own = own[own["target"].isin(PARTS) & own["subset"].isin(["all", "learned"])]
    own = own[own["variant"] == "all"]
    models = [model for model in MODELS if model in set(own["model"])]
    rows = []
    for (protocol, target, subset), some in own.groupby(
        ["protocol", "target", "subset"], sort=False
    ):
        of = some.set_index("model")
        rows.append(
            [f"{SHIFTS[str(protocol)]}, {PARTS[str(target)]}", str(subset)]
            + [f"{of.accuracy[name]:.2f} ± {of.accuracy_sem[name]:.2f}" for name in models]
            + [f"{of.accuracy_chance.iloc[0]:.2f}"]
        )
    head = [
        "blocks of, and what is named",
        "networks",
        *(MODELS[name] for name in models),
        "chance",
    ]
    return (
        f"On `{info['feature_set']}` features, fitted to networks seen completely, "
        f"{info['splits']} splits of blocks of all kinds, one of each group that is held out "
        f"(reports/shipped):\n\n{markdown_table(head, rows)}"
    )


def _seen_less(bundles: Sequence[Bundle]) -> str:
    rows = [
        [
            str(cell.view),
            f"{cell.accuracy['class']:.2f}",
            f"{cell.chance['class']:.2f}",
            str(cell.n),
        ]
        for bundle in bundles
        if bundle.feature_set == "invariant" and bundle.model != "linear"
        for cell in bundle.cells
        if cell.view.observables == bundle.patterns[-1]
    ]
    table = markdown_table(["seen", "accuracy", "chance", "networks"], rows)
    names = " and ".join(sorted({MODELS[b.model] for b in bundles if b.model != "linear"}))
    return f"Of {names}, on `invariant` features:\n\n{table}"


def _best(bundles: Sequence[Bundle], evaluation: Evaluation) -> str:
    """Return the best of the classifiers that ship and were evaluated."""
    known = set(evaluation.table["model"]) & {bundle.model for bundle in bundles}
    return next(model for model in MODELS if model in known)


def _failures(evaluation: Evaluation, best: str) -> str:
    counts = evaluation.of("rule").confusions
    counts = counts[(counts["protocol"] == "grouped") & (counts["level"] == "network")]
    counts = counts[counts["model"] == best]
    counts = counts[counts["feature_set"] == evaluation.info["feature_set"]]
    square = counts.pivot_table(
        index="true", columns="predicted", values="count", aggfunc="sum", fill_value=0
    )
    shares = square.div(square.sum(axis=1), axis=0)
    own = pd.Series({name: shares.loc[name].get(name, 0.0) for name in shares.index})
    rows = []
    for name in own.sort_values().index[:FEW]:
        wrong = shares.loc[name].drop(name, errors="ignore").sort_values(ascending=False)
        rows.append(
            [f"`{name}`", f"{own[name]:.2f}", f"`{wrong.index[0]}`", f"{wrong.iloc[0]:.2f}"]
        )
    table = markdown_table(["rule", "named", "most often taken for", "share"], rows)
    return (
        f"The rules that are named worst, on new blocks, by {MODELS[best]}:\n\n{table}\n\n{TOLD_BY}"
    )


def _calibration(evaluation: Evaluation, best: str) -> str:
    further = evaluation.further
    errors = further["calibration"]
    errors = errors[(errors["model"] == best) & (errors["target"] == "rule")]
    lines = [
        f"- Expected calibration error of the most probable rule, {row.scaled}: {row.error:.3f} ± "
        f"{row.error_sem:.3f}."
        for row in errors.itertuples()
    ]
    sets = further["coverage"]
    sets = sets[(sets["model"] == best) & (sets["target"] == "rule") & (sets["class"] == "all")]
    sets = sets[(sets["by"] == "network") & np.isclose(sets["miscoverage"].astype(float), 0.1)]
    lines += [
        f"- 90% sets hold the rule of {row.covered:.2f} ± {row.covered_sem:.2f} of networks of new "
        f"blocks, and have {row.size:.1f} rules in the mean."
        for row in sets.itertuples()
    ]
    lines.append(_novelty(further["novelty"]))
    return f"Of {MODELS[best]}, fitted anew to half of the blocks:\n\n" + "\n".join(lines)


def _novelty(table: pd.DataFrame) -> str:
    """Say how well rules of families that were never trained on are found."""
    families = table[table["kind"] == "family"]
    if not len(families):
        return "- Whether families that were never trained on are recognised as such was not tried."
    area = families.groupby("score")["auroc"].mean().max()
    return (
        "- Families that were never trained on, told from others by the best score: an area under "
        f"the ROC curve of {area:.2f} in the mean (0.5 is guessing)."
    )


def _use(evaluation: Evaluation) -> str:
    return (
        "- For models in training that are like those of the plan, and for hypotheses about "
        "recordings: what the statistics resemble among simulated networks.\n"
        "- Not for saying what rule a brain uses. Probabilities and coverage are those of "
        "simulations; they do not carry over to other kinds of networks (docs/external.md).\n"
        "- Not for rules that are not among the classes. *None of these* finds recordings unlike "
        "anything simulated, not unknown rules.\n"
        f"- Of {evaluation.info['n_networks']:,} networks of the corpus "
        f"{evaluation.info['n_learned'] or 0:,} learned their task."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
