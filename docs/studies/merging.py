"""Decides which rules count as one, before corpora of the reference plan are scored.

`make merging` runs it: it simulates the plan `merging` into corpora/merging, going on where it was
stopped, and writes rule_id/reference/merged_rules.json and docs/merging.md. A corpus of that plan
that is complete already is named by its folder: `python docs/studies/merging.py FOLDER`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import sklearn
import xgboost
from study import CORPORA, DOCS, markdown_table, part

from rule_id.content import content_hash
from rule_id.evaluation import arranging, merging, pairs
from rule_id.evaluation.merging import MERGED_SCHEMA_VERSION, THRESHOLD, merge
from rule_id.evaluation.pairs import CLEAR, ROUNDS, separability, usable_networks
from rule_id.models import LinearClassifier
from rule_id.reference import reference_path
from rule_id.simulation import simulate
from rule_id.trajectories import Trajectories, atomic_write, read_corpus

PLAN, FOLDS, SEED = "merging", 5, 0

CLASSIFIER = (
    "summary features of all observables and log10 of the learning rate; logistic regression "
    f"(C = {LinearClassifier().C}), then {ROUNDS} rounds of XGBoost, each on layers side by side "
    "and on layers that are combined; the best counts, and "
    f"from {CLEAR:.2f} on nothing more is tried"
)


def main(arguments: Sequence[str]) -> None:
    """Simulate what is missing unless a corpus is named, decide, and write both files."""
    corpus = Path(arguments[0]) if arguments else simulate(PLAN, CORPORA / PLAN, progress=_tell)
    trajectories = read_corpus(corpus)
    settings = [content_hash(trajectories), FOLDS, SEED, code_digest()]
    records = part(PLAN, "pairs", settings, lambda: _records(trajectories))
    document = document_of(trajectories, pd.DataFrame(records, columns=list(pairs.PAIR_COLUMNS)))
    text = json.dumps(document, indent=1) + "\n"
    atomic_write(reference_path(merging.MERGED_RULES), lambda target: target.write_text(text))
    atomic_write(DOCS / "merging.md", lambda target: target.write_text(page(document)))


def code_digest() -> str:
    """Return a hash of the code that compares."""
    files = [Path(module.__file__ or "") for module in (pairs, arranging)]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


def _records(trajectories: Trajectories) -> list[dict[str, Any]]:
    table = separability(trajectories, folds=FOLDS, seed=SEED, progress=_tell)
    return table.to_dict("records")


def _tell(what: str, done: int, total: int) -> None:
    if done % 20 == 0 or done == total:
        print(f"{what}: {done} of {total}", flush=True)


def document_of(trajectories: Trajectories, table: pd.DataFrame) -> dict[str, Any]:
    """Return what is written to merged_rules.json.

    Args:
        trajectories: The corpus.
        table: What `separability` gives for it.
    """
    networks = trajectories.networks
    counted = usable_networks(networks)["rule"].value_counts()
    close = table[table["accuracy"] < CLEAR].sort_values(["accuracy", "rule_a", "rule_b"])
    return {
        "schema_version": MERGED_SCHEMA_VERSION,
        "threshold": THRESHOLD,
        "classifier": CLASSIFIER,
        "folds": FOLDS,
        "seed": SEED,
        "corpus": {
            "plan": PLAN,
            "content_hash": content_hash(trajectories),
            "blocks": int(networks["block"].nunique()),
            "networks": len(networks),
            "diverged": int(networks["diverged"].sum()),
        },
        "versions": {"scikit-learn": sklearn.__version__, "xgboost": xgboost.__version__},
        "networks": {rule: int(counted[rule]) for rule in sorted(counted.index)},
        "groups": merge(table),
        "pairs_compared": len(table),
        "pairs_listed_below": CLEAR,
        "pairs": [
            {
                "rules": [row.rule_a, row.rule_b],
                **{
                    name: round(getattr(row, name), 4) for name in ("linear", "xgboost", "accuracy")
                },
            }
            for row in close.itertuples()
        ],
    }


def page(document: dict[str, Any]) -> str:
    """Return docs/merging.md."""
    corpus, counts = document["corpus"], document["networks"]
    return TEXT.format(
        summary=summary(document),
        groups=groups_table(document) if document["groups"] else "None.",
        pairs=pairs_table(document),
        fewest=", ".join(f"`{r}` {n}" for r, n in sorted(counts.items(), key=lambda i: i[1])[:3]),
        n_rules=len(counts),
        C=LinearClassifier().C,
        ROUNDS=ROUNDS,
        **{
            name: document[name]
            for name in ("threshold", "folds", "pairs_compared", "pairs_listed_below")
        },
        **corpus,
    )


def summary(document: dict[str, Any]) -> str:
    """Return the outcome in a sentence.

    >>> summary({"groups": {"a/b+x": ["a+x", "b+x"]}, "networks": {"a+x": 1, "b+x": 1, "c": 1}})
    '2 of 3 rules are merged, into 1 group; what was 3 classes is 2.'
    """
    groups, n = document["groups"], len(document["networks"])
    merged = sum(map(len, groups.values()))
    plural = "" if len(groups) == 1 else "s"
    return (
        f"{merged} of {n} rules are merged, into {len(groups)} group{plural}; what was {n} classes "
        f"is {n - merged + len(groups)}."
    )


def groups_table(document: dict[str, Any]) -> str:
    """Return a row a group, with the best that two of its rules are told apart."""
    rows = []
    for name, rules in document["groups"].items():
        within = [p["accuracy"] for p in document["pairs"] if set(p["rules"]) <= set(rules)]
        rows.append([f"`{name}`", ", ".join(f"`{r}`" for r in rules), f"{max(within):.3f}"])
    return markdown_table(["group", "rules", "told apart at most"], rows)


def pairs_table(document: dict[str, Any]) -> str:
    """Return a row a pair that comes near the threshold, the closest first."""
    together = {rule: name for name, rules in document["groups"].items() for rule in rules}
    rows = []
    for pair in document["pairs"]:
        a, b = pair["rules"]
        merged = "yes" if together.get(a, a) == together.get(b, b) else "no"
        numbers = [f"{pair[name]:.3f}" for name in ("accuracy", "linear", "xgboost")]
        counts = [str(document["networks"][rule]) for rule in (a, b)]
        rows.append([f"`{a}`, `{b}`", *numbers, " + ".join(counts), merged])
    return markdown_table(["pair", "accuracy", "linear", "xgboost", "networks", "merged"], rows)


TEXT = """# Rules that count as one

<!-- Written by `make merging`; change docs/studies/merging.py instead. -->

Two rules that nothing tells apart, not even all that can be measured without noise, are one class
to whoever identifies rules. Which rules these are was decided on a corpus made for nothing else,
and committed (`rule_id/reference/merged_rules.json`) before a corpus of the plan `reference` was
scored, so that no number that an evaluation prints had a say in it. Evaluations print numbers
merged and unmerged.

{summary}

## Groups

{groups}

## Pairs told apart with less than {pairs_listed_below:.2f}

Of {pairs_compared} pairs; accuracy is the larger of the two classifiers'.

{pairs}

## How it was decided

- The corpus: plan `{plan}`, {n_rules} rules, {blocks} blocks, {networks} networks, of which
  {diverged} diverged and are left out. All units are measured without noise at 11 checkpoints. Its
  content hash is `{content_hash}`.
- Each rule has 500 networks or more; the fewest are those of
  {fewest}.
- For each pair a classifier that knows only these two rules is tested on whole networks, {folds}
  folds of blocks: no block is on both sides. The number is balanced accuracy; 0.5 is guessing.
- What it sees are the summary features of all observables and log10 of the true learning rate.
  Logistic regression (C = {C}) is tried first, then {ROUNDS} rounds of XGBoost, each on layers
  side by side and on layers whose answers are combined. The best counts, and from
  {pairs_listed_below:.2f} on nothing more is tried.
- Two rules below {threshold:.2f} are merged. In a group every rule is below it with every other
  (complete linkage, the closest first): a chain of near rules is no group, and a rule between two
  others goes with the closer one.
- What makes rules easier to tell apart was allowed, so that too few are merged rather than too
  many: the best of several classifiers counts, the true learning rate is given, and shapes (though
  not blocks) are on both sides.

## Limits

- The standard error of an accuracy is 0.014 for 600 networks of each rule, somewhat more as the
  networks of a block are alike. What lies within 0.03 of {threshold:.2f} might have fallen on the
  other side with other seeds. The best of several classifiers is too high by about one such error.
- The networks are small and dense (two or three hidden layers of 32 or 64 units, ten shapes), on
  two tasks, for 200 steps of 16 examples. Rules may be easier to tell apart elsewhere: after longer
  training, or in convolutions. They may also be harder to tell apart: that two rules are kept
  here does not say that they can be told apart there.
- Rates are drawn around the best of each rule, architecture group and task, so that the rate alone
  tells some rules apart a little, and the accuracy of such a pair is partly that.
- Networks that diverge are left out. Where a rule diverges often, those that are left may have
  smaller rates and initial weights, which would help to tell it apart.
- The classifiers have their default settings; that layers are also put side by side was chosen on
  the first half of this corpus, where it told most of twelve pairs apart better. Another classifier
  or other statistics might find what these do not.
- About half of the networks have no weight decay. Without it `adam` and `adamw` are the same, so
  that no classifier can tell them apart with much more than 0.75.
- Only rules in the plan are compared. Others are never merged, whatever they are like.
"""


if __name__ == "__main__":
    main(sys.argv[1:])
