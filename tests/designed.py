"""A made-up answer to what should be recorded, with a hostile name among the candidates."""

from __future__ import annotations

import pandas as pd

from rule_id.evaluation.designing import Design

ROW = {
    "measurement": 0, "share": 1.0, "noise": "0", "noise_std": 0.0, "observation": "exact",
    "tracked": True, "n": 40, "accuracy_sem": 0.02, "balanced_accuracy": 0.9,
    "balanced_accuracy_sem": 0.02, "smoothed": 0.9, "lower": 0.88, "chance": 0.5, "floor": 0.5,
}  # fmt: skip
INFO = {
    "candidates": ["backprop+adam", "<script>mine</script>"], "target": "rule", "accuracy": 0.8,
    "prices": {"activation": 1.0}, "n_networks": 40, "n_blocks": 10, "n_diverged": 0,
    "n_held_out": 0, "floor": 0.5, "chance": 0.5, "model": "xgboost", "feature_set": "summary",
    "folds": 4, "notes": ["One note."], "versions": {"rule-id": "0"},
}  # fmt: skip


def made_design(reached: bool) -> Design:
    rows = [
        ROW | {"units": units, "n_units": int(units), "observables": pattern, "checkpoints": n,
               "accuracy": 0.9 if int(units) > 1 else 0.6, "cost": int(units) * n}
        for pattern in ("activation", "activation+weight+activity_change")
        for units in ("1", "16") for n in (2, 5)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    cheapest = table.iloc[[2, 2]].assign(noise=["any", "0"], reached=reached)
    return Design(table, cheapest, INFO)
