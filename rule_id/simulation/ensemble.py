"""One ensemble from its draws to its rows: train, and measure at checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from rule_id.networks import Activity, get_architecture
from rule_id.observables.measurement import n_kept
from rule_id.observables.observer import Observer
from rule_id.rules import NO_OPTIMIZER
from rule_id.rules.contract import ActivityLike
from rule_id.schema import PAIRS, pair_column
from rule_id.simulation.draws import seed_of
from rule_id.simulation.ensembles import Ensemble, NetworkDraw
from rule_id.simulation.stepper import Stepper
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.trajectories import NETWORK_COLUMNS, OBSERVABLES, ROW_COLUMNS, STATISTICS, depth_group

__all__ = ["run_ensemble"]

ALIGNED = 45.0
"""Degrees between feedback and its fixed point below which it counts as learned."""


@dataclass
class _Record:
    """What was seen at the checkpoints, one entry each, every array on the CPU."""

    steps: list[int] = field(default_factory=list)
    loss: list[np.ndarray] = field(default_factory=list)
    performance: list[np.ndarray] = field(default_factory=list)
    angle: list[np.ndarray] = field(default_factory=list)
    statistics: list[np.ndarray] = field(default_factory=list)


def run_ensemble(
    ensemble: Ensemble, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate an ensemble.

    Args:
        ensemble: Its networks and all that they drew.
        device: `cpu` or `cuda`.
        dtype: Precision of training and measuring.

    Returns:
        Its networks (`NETWORK_COLUMNS`, then what else its rule has of hyperparameters) and their
        trajectories (`ROW_COLUMNS`, `STATISTICS`).
    """
    data = EnsembleData(ensemble, device, dtype)
    learner = Learner(ensemble, data, device, dtype)
    observers = [
        Observer(
            measurement,
            [seed_of(draw.seed, "measurement", index) for draw in ensemble.networks],
        )
        for index, measurement in enumerate(ensemble.measurements)
    ]
    start = [own["weight"].detach().clone() for own in learner.parameters]
    record, stepper = _Record(), Stepper(learner, data)
    for step in sorted(set(_checkpoint_steps(ensemble))):
        stepper.run(until=step)
        _observe(record, step, learner, ensemble.shape.stimuli, observers)
    table = _networks_table(ensemble, learner, record, _relative_change(learner, start))
    compared = [observer.pairs() for observer in observers]
    return table, _rows_table(ensemble, learner, record, compared)


def _checkpoint_steps(ensemble: Ensemble) -> list[int]:
    return np.linspace(0, ensemble.shape.steps, ensemble.checkpoints).round().astype(int).tolist()


def _observe(
    record: _Record,
    step: int,
    learner: Learner,
    stimuli: int,
    observers: list[Observer],
) -> None:
    network = learner.measured()
    x, y = learner.data.test(step)
    activity = learner.respond(x, network)
    loss, performance = learner.judge(activity.output, y)
    seen = _first(activity, stimuli)
    measured = [
        observer.measure(network.layers, learner.parameters, seen, len(record.steps))
        for observer in observers
    ]
    record.steps.append(step)
    record.loss.append(_to_numpy(loss))
    record.performance.append(_to_numpy(performance))
    record.angle.append(_to_numpy(learner.angle(network)))
    record.statistics.append(_to_numpy(torch.stack(measured, 1)))  # (E, M, L, 45)


def _first(activity: ActivityLike, n: int) -> Activity:
    """Return the activity for the first n held-out examples, which are the stimuli."""
    parts = (activity.inputs, activity.preactivations, activity.outputs)
    return Activity(*([x[:, :n] for x in part] for part in parts))


def _relative_change(learner: Learner, start: list[Tensor]) -> np.ndarray:
    """Return |W - W_0| / |W_0| of each network over the weights of all layers, (E,)."""
    now = [own["weight"].detach() for own in learner.parameters]
    moved = _squares([weight - first for weight, first in zip(now, start, strict=True)])
    return _to_numpy((moved / _squares(start)).sqrt())


def _squares(tensors: list[Tensor]) -> Tensor:
    """Return the sum of the squares of all entries, (E,), in double precision."""
    return torch.stack([x.double().square().flatten(1).sum(1) for x in tensors]).sum(0)


def _networks_table(
    ensemble: Ensemble, learner: Learner, record: _Record, weight_change: np.ndarray
) -> pd.DataFrame:
    losses = np.stack(record.loss, 1)
    steps = np.array(record.steps)
    # A mean square is missing just where a tensor held a value that is not finite.
    squares = [STATISTICS.index(f"{observable}_sq_mean") for observable in OBSERVABLES]
    # Where a measurement sees no weights, theirs are missing for another reason.
    complete = [index for index, m in enumerate(ensemble.measurements) if m.complete]
    seen = np.stack(record.statistics)[:, :, complete][..., squares]  # (T, E, M, L, 3)
    measured = np.isfinite(seen).all(axis=(0, 2, 3, 4))
    weights_finite = torch.isfinite(learner.network.flatten(learner.parameters)).all(1)
    rows = [_drawn_columns(draw, ensemble.shape.pretraining_steps) for draw in ensemble.networks]
    table = pd.DataFrame(rows).assign(
        **_shared_columns(ensemble, learner),
        alignment_time=_first_below(np.stack(record.angle, 1), steps / steps[-1], ALIGNED),
        chance=learner.data.chance,
        initial_performance=record.performance[0],
        final_loss=losses[:, -1],
        final_performance=record.performance[-1],
        weight_change=np.where(np.isfinite(weight_change), weight_change, np.nan),
        diverged=~(np.isfinite(losses).all(1) & measured & weights_finite.cpu().numpy()),
    )
    # A hyperparameter that the rule does not have is missing; those only some rules have come last.
    own = ensemble.networks[0].hyperparameters
    further = [name for name in own if name not in NETWORK_COLUMNS]
    return table.reindex(columns=[*NETWORK_COLUMNS, *further])


def _drawn_columns(draw: NetworkDraw, pretraining_steps: int) -> dict[str, object]:
    """Return what a network drew, as columns of the networks table."""
    return {
        **{
            name: getattr(draw, name)
            for name in (
                "network", "block", "init", "init_scale", "bias_init", "seed", "schedule",
                "update_noise", "curriculum", "input_scale", "label_noise", "pretrained_by",
                "held_out",
            )
        },
        "pretraining_steps": 0 if draw.pretrained_by == NO_OPTIMIZER else pretraining_steps,
        **draw.hyperparameters,
    }  # fmt: skip


def _shared_columns(ensemble: Ensemble, learner: Learner) -> dict[str, Any]:
    """Return what all networks of an ensemble have in common, as columns."""
    rule, shape, task = learner.rule, ensemble.shape, learner.data.task
    return {
        "rule": rule.name,
        "credit_assignment": rule.credit_assignment.name,
        "optimizer": rule.optimizer_name,
        "family": rule.family,
        "delta_readout": rule.credit_assignment.delta_readout,
        "architecture": shape.architecture,
        "architecture_group": get_architecture(shape.architecture).group,
        "task": task.name,
        "task_group": task.group,
        "loss": task.loss.name,
        "activation": shape.activation,
        "normalisation": shape.own_normalisation,
        "dropout": float(shape.dropout),
        "bias": shape.bias,
        "stimuli": shape.stimuli,
        "batch_size": shape.batch_size,
        "steps": shape.steps,
        "width": shape.width,
        "n_layers": len(learner.network.layers),
        "n_parameters": learner.network.n_parameters,
    }


def _first_below(curves: np.ndarray, times: np.ndarray, threshold: float) -> np.ndarray:
    """Return the time at which each curve (n, T) first falls below a threshold; NaN if never."""
    below = curves < threshold
    first = below.argmax(1)
    rows, before = np.arange(len(curves)), np.maximum(first - 1, 0)
    high, low = curves[rows, before], curves[rows, first]
    fall = np.where(high > low, high - low, 1.0)
    fraction = np.where(first > 0, (high - threshold) / fall, 0.0)
    crossing = times[before] + fraction * (times[first] - times[before])
    return np.where(below.any(1), crossing, np.nan)


def _rows_table(
    ensemble: Ensemble, learner: Learner, record: _Record, compared: list[Tensor | None]
) -> pd.DataFrame:
    statistics = np.stack(record.statistics, 3)  # (E, M, L, T, 45)
    shape = statistics.shape[:-1]
    network, measurement, layer, checkpoint = (index.ravel() for index in np.indices(shape))
    ids = np.array([draw.network for draw in ensemble.networks], dtype=object)
    steps = np.array(record.steps)
    keys = {
        "network": ids[network],
        "layer": layer,
        "measurement": measurement,
        "checkpoint": checkpoint,
        "step": steps[checkpoint],
        "progress": (steps / ensemble.shape.steps)[checkpoint],
        "loss": np.stack(record.loss, 1)[network, checkpoint],
        "performance": np.stack(record.performance, 1)[network, checkpoint],
        **{name: values[layer] for name, values in _layer_columns(learner).items()},
        **{name: v[measurement, layer] for name, v in _seen_columns(ensemble, learner).items()},
    }
    names = list(STATISTICS)
    values = statistics.reshape(-1, len(names))
    if (pairs := _pairs(compared)) is not None:
        own = pairs.transpose(0, 1, 2, 4, 3, 5)  # (E, M, L, T, 13, T)
        names += [pair_column(pair, k) for pair in PAIRS for k in range(own.shape[-1])]
        values = np.hstack([values, own.reshape(len(values), -1)])
    values = values.astype(np.float32)
    # float32 overflows where float64 does not; the schema says such a value is missing.
    values[~np.isfinite(values)] = np.nan
    return pd.concat(
        [pd.DataFrame(keys)[list(ROW_COLUMNS)], pd.DataFrame(values, columns=names)], axis=1
    )


def _pairs(compared: list[Tensor | None]) -> np.ndarray | None:
    """Return what checkpoints say together (E, M, L, 13, T, T); NaN under other measurements."""
    there = [one for one in compared if one is not None]
    if not there:
        return None
    missing = torch.full_like(there[0], torch.nan)
    return _to_numpy(torch.stack([missing if one is None else one for one in compared], 1))


def _layer_columns(learner: Learner) -> dict[str, np.ndarray]:
    layers = learner.network.layers
    n = len(layers)
    return {
        "layer_name": np.array([layer.name for layer in layers], dtype=object),
        "layer_kind": np.array([layer.kind for layer in layers], dtype=object),
        "depth": np.linspace(0, 1, n),
        "depth_group": np.array([depth_group(i, n) for i in range(n)], dtype=object),
    }


def _seen_columns(ensemble: Ensemble, learner: Learner) -> dict[str, np.ndarray]:
    """Return what each measurement sees of each layer, (measurements, layers)."""
    layers, measurements = learner.network.layers, ensemble.measurements
    ones = np.ones((len(measurements), len(layers)))
    kept = np.array([[n_kept(m.units, layer.n_out) for layer in layers] for m in measurements])
    column = [[m.observation] * len(layers) for m in measurements]
    return {
        "n_units": kept,
        "unit_fraction": kept / np.array([layer.n_out for layer in layers]),
        "tracked": np.array([m.tracked for m in measurements])[:, None] & (ones > 0),
        "observation": np.array(column, dtype=object),
        "noise_std": np.array([m.noise_std for m in measurements])[:, None] * ones,
    }


def _to_numpy(x: Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()
