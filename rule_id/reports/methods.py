"""Methods to copy: what was done in a paragraph, with versions, the corpus' hash and citations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rule_id.features import wording
from rule_id.models import COMBINED, TREES_SHARE, Bundle
from rule_id.reports.parts import Bullets, Heading, Part, Quote, Section
from rule_id.storage import local_copy
from rule_id.trajectories import read_manifest
from rule_id.version import __version__

__all__ = ["REFERENCES", "methods_section", "plan_hash"]

REFERENCES = (
    (
        "Nayebi A, Srivastava S, Ganguli S, Yamins DLK (2020). Identifying learning rules from "
        "neural network observables. Advances in Neural Information Processing Systems 33.",
        "arXiv:2010.11765", "https://arxiv.org/abs/2010.11765",
    ),
    (
        "Kunin D, Nayebi A, Sagastuy-Brena J, Ganguli S, Bloom J, Yamins DLK (2020). Two routes to "
        "scalable credit assignment without weight symmetry. International Conference on Machine "
        "Learning.", "arXiv:2003.01513", "https://arxiv.org/abs/2003.01513",
    ),
    (
        "Chen T, Guestrin C (2016). XGBoost: a scalable tree boosting system. KDD.",
        "arXiv:1603.02754", "https://arxiv.org/abs/1603.02754",
    ),
    (
        "Lundberg SM et al. (2020). From local explanations to global understanding with "
        "explainable AI for trees. Nature Machine Intelligence 2.",
        "arXiv:1905.04610", "https://arxiv.org/abs/1905.04610",
    ),
)  # fmt: skip


def plan_hash(corpus: str | Path) -> str | None:
    """Return the hash of the plan that a corpus was simulated from, 16 hexadecimal digits.

    It covers the plan as it was resolved: every key with its value, and the learning rates that
    were searched for it. Compact copies have that of their original; None where there is no plan,
    as of a converted dataset.

    Args:
        corpus: A corpus folder.

    Raises:
        InputError: It has no manifest, or a damaged one.
    """
    manifest = read_manifest(local_copy(corpus))
    if not manifest.get("plan"):
        return None
    resolved = {name: manifest.get(name) for name in ("plan", "learning_rates")}
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


HOW = {
    "xgboost": "Boosted trees were trained on layers, and the layers of a network combined by the "
    "renormalised geometric mean of their probabilities.",
    "linear": "Logistic regression was trained on networks, of each feature on the values of the "
    "first and the last layer and on mean and standard deviation over layers.",
    "combined": "“Combined” is the renormalised weighted geometric mean of what both say of a "
    f"network, the trees with {TREES_SHARE:.0%} of the weight.",
}
"""What was done with each classifier of ours."""


def methods_section(
    info: dict[str, Any],
    bundles: Sequence[Bundle] = (),
    content_hash: str | None = None,
    plan: str | None = None,
) -> Section:
    """Return the section about an evaluation.

    Args:
        info: `Evaluation.info`.
        bundles: The classifiers whose features were explained.
        content_hash: Hash of the corpus; that of the evaluation when None.
        plan: Hash of its plan, see `plan_hash`.
    """
    known = {"plan": plan, "corpus": content_hash or info.get("content_hash")}
    hashes = [f"{what} hash {value}" for what, value in known.items() if value]
    parts: list[Part] = [Quote(_paragraph(info, bundles, hashes))]
    return Section(
        "methods", "Methods, to copy", [*parts, Heading("References"), Bullets(REFERENCES)],
        "Methods",
    )  # fmt: skip


def _paragraph(info: dict[str, Any], bundles: Sequence[Bundle], hashes: list[str]) -> str:
    words, target = wording(info["target"]), info["target"]
    known = f"; {', '.join(hashes)}" if hashes else ""
    kunin = target in ("rule", "credit_assignment")
    after = "; the alignment rules after Kunin et al., 2020" if kunin else ""
    versions = ", ".join(f"{name} {number}" for name, number in info["versions"].items())
    return " ".join(
        [
            f"{words.subjects.capitalize()} were identified with rule-id {__version__}, following "
            f"Nayebi et al. (2020). {info['n_networks']} networks in {info['n_blocks']} blocks "
            f"were trained by {len(info['classes'])} {words.subjects} ({', '.join(info['classes'])}"
            f"{after}){known}.",
            f"Each layer was described by the feature set “{info['feature_set']}” "
            f"({info['n_features'].get(info['feature_set'], '?')} features) of its weights, "
            "activations and layer-wise activity changes over training. "
            f"{' '.join(HOW[name] for name in HOW if _has(name, info['models']))} Generalisation "
            f"was tested in {info['splits']} splits of each headline protocol "
            f"({', '.join(info['protocols'])}); we report mean ± s.e.m. over splits, beside chance "
            f"and what a lookup of the {words.many} in each block reaches.",
            *_importance(bundles),
            f"Versions: {versions}.",
        ]
    )


def _has(name: str, models: Sequence[str]) -> bool:
    return set(COMBINED) <= set(models) if name == "combined" else name in models


def _importance(bundles: Sequence[Bundle]) -> list[str]:
    if not bundles:
        return []
    also = [
        f"; for {bundle.model} also by "
        + ("coefficients" if bundle.model == "linear" else "SHAP values and gain")
        for bundle in bundles
    ]
    return [
        "Feature importance was measured, on blocks that took no part in fitting, by exchanging "
        f"groups of features between networks of a block{''.join(also)}."
    ]
