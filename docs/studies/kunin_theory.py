"""The linearised update of B where W rests at its start: eigenvalues and the fixed point.

B^T moves as d(B^T)/dt = -M D - D N, D its distance from the fixed point, with

    M = 2 (null W S W^T + decay),   N = 2 sparse S,   S = E[x x^T],

so that a full step of learning rate eta multiplies each component by 1 - eta lambda, lambda the sum
of an eigenvalue of M and one of N, and grows where eta lambda > 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from kunin_runs import CONSTANT, LIKE, Hyperparameters, Setting, learner_of
from study import part
from torch import Tensor

from rule_id.networks import Layer
from rule_id.rules.alignment import fixed_point
from rule_id.rules.learned_feedback import AUTHORS
from rule_id.rules.tensors import angle_between

__all__ = ["PREDICTED", "eigenvalue_range", "end_of", "spectra_of", "theory_of"]

EXAMPLES = 256
NOISY = ("constant_weight_mirror",)
"""Rules whose S is the identity, because standard noise is fed."""

PREDICTED = 2.0
"""eta lambda above which a full step makes B's distance from the fixed point grow."""

Spectra = dict[str, list[float]]

Held = tuple[Layer, Tensor, Tensor]
"""A layer, its W, and its inputs x."""


def theory_of(setting: Setting, coefficients: dict[str, Hyperparameters]) -> dict[str, Any]:
    """Return the spectra of a setting, and each rule's fixed point.

    Args:
        setting: Where.
        coefficients: Of each rule.

    Returns:
        `spectra`, and for each rule the mean over networks and layers of |B*| / |W| and of the
        angle between B* and W^T, degrees.
    """

    def compute() -> dict[str, Any]:
        layers = list(_layers(setting))
        ends = {rule: end_of(layers, rule, own) for rule, own in coefficients.items()}
        return {"spectra": spectra_of(layers), "ends": ends}

    name = f"theory-{setting.name.replace(' ', '-')}"
    return part("kunin", name, [list(setting), coefficients, EXAMPLES], compute)


def default_coefficients() -> dict[str, Hyperparameters]:
    """Return the authors' coefficients of each rule."""
    return {rule: dict(AUTHORS[LIKE[rule]]) for rule in CONSTANT}


def _layers(setting: Setting) -> Iterator[Held]:
    """Yield every layer but the first with W and x, float64, before learning."""
    learner, data = learner_of("backprop", setting, {"learning_rate": 1.0})
    with torch.no_grad():
        inputs = learner.network.forward(learner.parameters, data.examples(EXAMPLES)).inputs
    layers = learner.network.layers[1:]
    for layer, own, x in zip(layers, learner.parameters[1:], inputs[1:], strict=True):
        yield layer, own["weight"].double(), x.double()


def spectra_of(layers: list[Held]) -> Spectra:
    """Return smallest, median and largest eigenvalue of W S W^T and of S.

    Over all layers and networks together.
    """
    pairs = [(w, x.mT @ x / x.shape[1]) for _, w, x in layers]
    projected = torch.cat([torch.linalg.eigvalsh(w @ s @ w.mT).flatten() for w, s in pairs])
    plain = torch.cat([torch.linalg.eigvalsh(s).flatten() for _, s in pairs])
    return {"wsw": _range(projected), "s": _range(plain)}


def _range(values: Tensor) -> list[float]:
    values = values.clamp(min=0)  # rounding
    return [float(values.min()), float(values.median()), float(values.max())]


def eigenvalue_range(own: Hyperparameters, spectra: Spectra) -> list[float]:
    """Return smallest, median and largest lambda.

    >>> spectra = {"wsw": [0.0, 1.0, 2.0], "s": [0.0, 0.0, 0.0]}
    >>> eigenvalue_range({"null": 1.0, "decay": 0.5}, spectra)
    [1.0, 3.0, 5.0]
    """
    decay, null, sparse = (own.get(name, 0.0) for name in ("decay", "null", "sparse"))
    return [
        2 * (decay + null * m + sparse * n)
        for m, n in zip(spectra["wsw"], spectra["s"], strict=True)
    ]


def end_of(layers: list[Held], rule: str, own: Hyperparameters) -> list[float]:
    """Return the mean over networks and layers of |B*| / |W| and of the angle of B*^T to W."""
    ratios, angles = [], []
    for layer, weight, x in layers:
        amounts = {name: weight.new_full((len(weight),), value) for name, value in own.items()}
        end = fixed_point(layer, weight, x, amounts, white=rule in NOISY)
        ratios.append(end.flatten(1).norm(dim=1) / weight.flatten(1).norm(dim=1))
        angles.append(angle_between(end, weight))
    return [float(torch.stack(values).mean()) for values in (ratios, angles)]
