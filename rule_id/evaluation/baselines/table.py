"""The table of baselines, with the grids of the 2020 paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from rule_id.errors import InputError
from rule_id.evaluation.baselines.convolution import ConvolutionBaseline
from rule_id.evaluation.baselines.estimator import BaselineEstimator
from rule_id.evaluation.baselines.forest import ForestBaseline
from rule_id.evaluation.baselines.rocket import FEWEST_CHECKPOINTS, RocketBaseline, load_rocket
from rule_id.evaluation.baselines.svm import SvmBaseline

__all__ = ["BASELINES", "Baseline"]

_PAPER = (
    "Nayebi et al., NeurIPS 2020; grid of cls_cv_params.py in github.com/neuroailab/lr-identify "
    "at 9677002"
)


@dataclass(frozen=True)
class Baseline:
    """A classifier that ours are compared with.

    Attributes:
        description: What it is, in one sentence, to be shown beside its numbers.
        source: Who proposed it, and where its grid is from.
        build: Function of (n_checkpoints, seed, **setting) that gives an unfitted estimator for the
            columns of `extract(..., "trajectory", paper=True)`.
        grid: Every setting of the source, in its order.
        start: The setting that a search starts at, and that is taken without one; in `grid`.
        searched: Hyperparameters that `choose` varies, in order, with the values that it tries;
            others stay as in `start`.
        meanwhile: What differs from the setting while settings are compared, to save time.
        alone: Whether two of its fits cannot run at once, for their memory or their seeds.
        of_paper: Whether it is one of the 2020 paper's.
        summed: Whether a class that pools rules gets the sum of what they get, else the largest:
            whichever names more families of the reference corpus.
    """

    description: str
    source: str
    build: Callable[..., BaselineEstimator]
    grid: tuple[dict[str, Any], ...] = ({},)
    start: dict[str, Any] = field(default_factory=dict)
    searched: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    meanwhile: dict[str, Any] = field(default_factory=dict)
    alone: bool = False
    of_paper: bool = True
    summed: bool = True


def _grid(**values: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    """Return every combination of the values, the last one varying fastest."""
    return tuple(dict(zip(values, one, strict=True)) for one in product(*values.values()))


def _forest(n_checkpoints: int, seed: int, **setting: Any) -> ForestBaseline:
    return ForestBaseline(random_state=seed, **setting)


def _svm(n_checkpoints: int, seed: int, **setting: Any) -> SvmBaseline:
    return SvmBaseline(random_state=seed, **setting)


def _convolution(n_checkpoints: int, seed: int, **setting: Any) -> ConvolutionBaseline:
    return ConvolutionBaseline(n_checkpoints, random_state=seed, **setting)


def _rocket(n_checkpoints: int, seed: int) -> RocketBaseline:
    # Here and not in the fit alone: hours may lie between the two.
    load_rocket()
    if n_checkpoints < FEWEST_CHECKPOINTS:
        raise InputError(
            f"baseline multirocket_hydra needs {FEWEST_CHECKPOINTS} checkpoints or more; "
            f"got {n_checkpoints}"
        )
    return RocketBaseline(n_checkpoints, random_state=seed)


_C = (1.0, 5e1, 5e2, 5e3, 5e4, 5e5, 5e6)
_COMPONENTS = (10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 600)
_KERNELS = (7e-3, 0.05, 0.25, 0.5, 1.0)  # 1, 2, 6, 11 and 21 of 21 checkpoints

BASELINES: dict[str, Baseline] = {
    "random_forest": Baseline(
        "Random forest on the features as they are.",
        _PAPER,
        _forest,
        _grid(max_features=("sqrt", "log2", None), n_estimators=(20, 50, 100, 500, 1000)),
        start={"max_features": "sqrt", "n_estimators": 500},
        searched={"max_features": ("sqrt", "log2")},
        meanwhile={"n_estimators": 100},
    ),
    "svm": Baseline(
        "Linear support vector machine, one class against the rest, on z-scores.",
        _PAPER,
        _svm,
        _grid(C=_C),
        start={"C": 1.0},
        searched={"C": _C},
    ),
    "svm_pca": Baseline(
        "Linear support vector machine, one class against the rest, on principal components of "
        "z-scores.",
        _PAPER,
        _svm,
        _grid(n_components=_COMPONENTS, C=_C),
        start={"n_components": 100, "C": 1.0},
        searched={"n_components": _COMPONENTS[:-1], "C": _C},
    ),
    "conv1d": Baseline(
        "One layer of convolutions over checkpoints and a linear readout, trained by Adam.",
        _PAPER,
        _convolution,
        _grid(
            learning_rate=(1e-3, 1e-4),
            epochs=(400,),
            kernel_share=_KERNELS,
            batch_size=(512, 1024),
            n_filters=(20, 40),
            stride=(1, 2, 4),
            pool=(None, "max", "avg"),
            weight_decay=(1e-4, 0.0),
        ),
        start={
            "learning_rate": 1e-3,
            "epochs": 400,
            "kernel_share": 0.25,
            "batch_size": 512,
            "n_filters": 40,
            "stride": 1,
            "pool": None,
            "weight_decay": 1e-4,
        },
        searched={
            "kernel_share": _KERNELS,
            "n_filters": (20, 40),
            "stride": (1, 2, 4),
            "pool": (None, "max", "avg"),
            "weight_decay": (1e-4, 0.0),
        },
    ),
    "multirocket_hydra": Baseline(
        "Ridge classifier on random convolutions over checkpoints (MultiRocket and Hydra, aeon).",
        "Dempster, Schmidt, Webb, Data Mining and Knowledge Discovery 37, 2023; aeon's defaults",
        _rocket,
        alone=True,
        of_paper=False,
        summed=False,
    ),
}
"""Baselines by name."""
