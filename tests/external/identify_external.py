"""Trains networks with code that is not ours, records them and says whether they are identified.

    python tests/external/identify_external.py --model MODEL_FOLDER [--out FOLDER]

The networks are those of `external.plan`. Recordings that are in the folder already are kept, so
that an interrupted run goes on. Without `--model` the networks are only trained and recorded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))  # `import external`, from anywhere

from external.answers import answer_all, read_rule_menu  # noqa: E402
from external.plan import PlannedNetwork, plan  # noqa: E402
from external.scoring import learned_text, report  # noqa: E402
from external.training import record  # noqa: E402

from rule_id.errors import InputError  # noqa: E402

__all__ = ["main", "run"]

OUT = Path(__file__).parents[2] / "corpora" / "external"


def run(networks: Sequence[PlannedNetwork], out: Path, model: str | None = None) -> None:
    """Train, record and identify networks; write `answers.csv` and print what it comes to.

    Args:
        networks: What to train.
        out: Gets `recordings/` and `answers.csv`.
        model: A folder of one or several bundles that identify rules; None to stop after the
            recordings.

    Raises:
        InputError: The bundles cannot be read, or identify something else than rules.
    """
    # Before minutes of training.
    menu = None if model is None else read_rule_menu(model)
    recordings = out / "recordings"
    known = [_recorded(*numbered, len(networks), recordings) for numbered in enumerate(networks, 1)]
    print(f"\nHeld-out accuracy, or R squared for numbers\n{learned_text(pd.DataFrame(known))}\n")
    if menu is None:
        return
    answers = answer_all(known, recordings, menu)
    answers.to_csv(out / "answers.csv", index=False)
    for bundle in menu:
        print(bundle)
    print(report(answers))


def _recorded(number: int, network: PlannedNetwork, of: int, recordings: Path) -> dict[str, Any]:
    known = record(network, recordings)
    print(
        f"{number:>3} of {of}  {network.name}  {network.architecture}, {network.task}: "
        f"{known['score']:.2f}",
        flush=True,
    )
    return known


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", help="folder of one or several bundles of rules")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for recordings and answers")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)  # the networks are small: a second thread costs more than it does
    try:
        run(plan(), arguments.out, arguments.model)
    except InputError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
