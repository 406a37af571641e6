"""What each two checkpoints of a recording say together, as of a simulated network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rule_id.observables.feedback import ahead_tables, stage
from rule_id.observables.pairs import (
    MOST_STIMULI,
    agreement_table,
    distance_table,
    evenness_table,
    joined,
    sampled,
    shape_tables,
    similarity,
    spread_out,
    thinned,
)
from rule_id.schema import MOST_COMPARED, PAIRS, pair_column

__all__ = ["compared", "too_many"]

Layers = Mapping[str, np.ndarray]


def too_many(n_checkpoints: int) -> list[str]:
    """Return a warning where there are too many checkpoints to compare each with each."""
    if n_checkpoints <= MOST_COMPARED:
        return []
    return [
        f"which way layers went is not used: {n_checkpoints} checkpoints are more than the "
        f"{MOST_COMPARED} that are compared with each other; give fewer of them"
    ]


def compared(
    layers: Sequence[str],
    activations: Layers,
    weights: Layers,
    n_checkpoints: int,
    tracked: bool,
    recurrent: Mapping[str, str | None] | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Return the columns of pairs by layer.

    Args:
        layers: Names, the first layer first.
        activations: By layer, (T, stimuli, units): the same stimuli at every checkpoint.
        weights: By layer, (T, out, in, ...) or (T, in, out), which of the two being told by the
            numbers of units, or (T, n): then of what they join nothing is known.
        n_checkpoints: T.
        tracked: Whether units are the same at every checkpoint. If not, nothing is said of weights.
        recurrent: By layer whose weights join its own units, the layer before it, which holds the
            weights through which these units are fed; None where those were not recorded.

    Returns:
        By layer and column (`rule_id.schema.pair_column`) arrays (T,) of float32, NaN where nothing
        is known; no columns where there are more than 64 checkpoints.
    """
    if n_checkpoints > MOST_COMPARED:
        return {layer: {} for layer in layers}
    matrices = _matrices(activations, weights) if tracked else {}
    similar = {name: _points(_similarity, x) for name, x in activations.items()}
    found = {}
    for place, layer in enumerate(layers):
        behind = layers[place + 1] if place + 1 < len(layers) else ""
        pairs = _of_similarity(similar.get(layer), similar.get(behind))
        if tracked and layer in weights:
            pairs |= _of_weights(_points(_some, weights[layer]))
        if layer in matrices:
            pairs |= _of_matrix(matrices[layer])
            pairs |= _ahead(_both(layers, place, matrices, recurrent or {}))
        found[layer] = _columns(pairs, n_checkpoints)
    return found


def _both(
    layers: Sequence[str],
    place: int,
    matrices: Layers,
    recurrent: Mapping[str, str | None],
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what goes out of a layer's units and what comes in; None where it is not known."""
    first = place - 1 if layers[place] in recurrent else place
    n = 3 if layers[first + 1 : first + 2] and layers[first + 1] in recurrent else 2
    through = layers[max(first, 0) : first + n]
    if len(through) < n or not all(name in matrices for name in through):
        return None
    flat = [matrices[name].reshape(*matrices[name].shape[:2], -1) for name in through]
    if n == 2:
        return joined(flat[0], matrices[through[1]])
    if recurrent[through[1]] != through[0]:
        return None
    return stage(flat[0], flat[1], matrices[through[2]])


def _of_similarity(own: np.ndarray | None, behind: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return what similarities (T, n) of a layer and of the next say, of the same stimuli."""
    pairs: dict[str, np.ndarray] = {}
    if own is not None:
        pairs["activation_distance"] = np.asarray(distance_table(own))
    if own is not None and behind is not None and own.shape == behind.shape:
        pairs["activation_agreement"] = np.asarray(agreement_table(own, behind))
    return pairs


def _of_weights(some: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "weight_distance": np.asarray(distance_table(some)),
        "weight_entry_evenness": np.asarray(evenness_table(some)),
    }


def _matrices(activations: Layers, weights: Layers) -> dict[str, np.ndarray]:
    """Return weights (T, out, in, taps) of which it is known what they join."""
    known = {name: w for name, w in weights.items() if w.ndim > 2 and 0 not in w.shape}
    signs = {name: _turned(w, activations.get(name)) for name, w in known.items()}
    # A square matrix does not say it: then it is as the others are, as torch has it if none says.
    turned = any(sign for sign in signs.values() if sign is not None)
    found = {}
    for name, w in known.items():
        flip = turned and w.ndim == 3 if signs[name] is None else signs[name]
        oriented = np.swapaxes(w, 1, 2) if flip else w
        found[name] = oriented.reshape(*oriented.shape[:3], -1)
    return found


def _turned(weight: np.ndarray, activation: np.ndarray | None) -> bool | None:
    """Say whether weights are (in, out); None where numbers of units do not tell."""
    if weight.ndim != 3 or activation is None or weight.shape[1] == weight.shape[2]:
        return None
    n_units = activation.shape[2]
    return {weight.shape[1]: False, weight.shape[2]: True}.get(n_units)


def _of_matrix(own: np.ndarray) -> dict[str, np.ndarray]:
    # In double precision what is looked at alone: a recording may fill half of the memory.
    flat = own.reshape(*own.shape[:2], -1)
    return shape_tables(thinned(flat).astype(np.float64))


def _ahead(both: tuple[np.ndarray, np.ndarray] | None) -> dict[str, np.ndarray]:
    if both is None:
        return {}
    ahead, weights = (part.astype(np.float64) for part in both)
    return ahead_tables(weights, ahead, weights.shape[1])


def _similarity(activation: np.ndarray) -> np.ndarray:
    some = spread_out(len(activation), MOST_STIMULI)
    return np.asarray(similarity(activation[some].astype(np.float64)))


def _some(weight: np.ndarray) -> np.ndarray:
    return weight.ravel()[sampled(weight.size, 0, 0)].astype(np.float64)


def _points(point: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.stack([point(one) for one in x])


def _columns(pairs: Mapping[str, np.ndarray], n_checkpoints: int) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    missing = np.full((n_checkpoints, n_checkpoints), np.nan)
    for name in PAIRS:
        with np.errstate(over="ignore"):
            table = pairs.get(name, missing).astype(np.float32)
        table[np.isinf(table)] = np.nan
        columns |= {pair_column(name, k): table[:, k] for k in range(n_checkpoints)}
    return columns
