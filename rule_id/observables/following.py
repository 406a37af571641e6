"""Keeping what was measured of an ensemble's layers, to compare each two checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rule_id.observables.feedback import ahead_tables, stage
from rule_id.observables.pairs import (
    MOST_ENTRIES,
    MOST_STIMULI,
    MOST_UNITS,
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
from rule_id.schema import PAIRS

__all__ = ["Follower", "SeenWeights"]


@dataclass(frozen=True)
class SeenWeights:
    """The weights of a layer that a measurement sees.

    Attributes:
        values: Shape (E, out, in, ...), with taps of a convolution behind.
        n_outputs: How many units, or channels, the layer has.
        n_inputs: How many feed it.
        outputs: Which of them the rows are (E, out); None for all, in order.
        inputs: Which the columns are (E, in); None for all.
        recurrent: Whether these join the layer's units with each other; the layer before then
            feeds the same units.
    """

    values: Tensor
    n_outputs: int
    n_inputs: int
    outputs: Tensor | None = None
    inputs: Tensor | None = None
    recurrent: bool = False

    @property
    def whole(self) -> bool:
        """Whether all weights are seen."""
        return self.outputs is None and self.inputs is None


class Follower:
    """What was measured of E networks at the checkpoints so far, and what each two say."""

    def __init__(self, seeds: Sequence[int]) -> None:
        """Begin with no checkpoint.

        Args:
            seeds: A seed for each network (E,), for which of many weights distances are taken.
        """
        self._seeds = list(seeds)
        self._weights: dict[int, list[SeenWeights | None]] = {}
        self._similar: dict[int, list[Tensor]] = {}

    def add(self, layer: int, weights: SeenWeights | None, activation: Tensor) -> None:
        """Add what is seen of a layer at the next checkpoint.

        Args:
            layer: Its position, 0 for the first.
            weights: None where they are not seen, or are others each time.
            activation: Shape (E, stimuli, units).
        """
        if weights is not None:  # a copy: training goes on to change the tensor
            weights = replace(weights, values=weights.values.detach().clone())
        self._weights.setdefault(layer, []).append(weights)
        some = torch.as_tensor(spread_out(activation.shape[1], MOST_STIMULI))
        kept = similarity(activation[:, some.to(activation.device)])
        self._similar.setdefault(layer, []).append(kept.detach().clone())

    def pairs(self) -> Tensor:
        """Return what each two of T checkpoints say (E, layers, 13, T, T), in the order of `PAIRS`.

        Entry [t, s] compares t with s < t, [t, t] is of t alone; above the diagonal stands NaN, as
        everywhere for what is not seen.
        """
        n_layers = len(self._similar)
        tables = []
        for layer in range(n_layers):
            known = self._of_weights(layer)
            points = torch.stack(self._similar[layer], 1)
            known["activation_distance"] = distance_table(points).cpu()
            if layer < n_layers - 1:
                behind = torch.stack(self._similar[layer + 1], 1)
                # A layer that runs in time has other stimuli, its steps, than one that does not.
                if behind.shape == points.shape:
                    known["activation_agreement"] = agreement_table(points, behind).cpu()
            missing = torch.full_like(known["activation_distance"], torch.nan)
            tables.append(torch.stack([known.get(name, missing) for name in PAIRS], 1))
        return torch.stack(tables, 1)

    def _of_weights(self, layer: int) -> dict[str, Tensor]:
        seen = [one for one in self._weights[layer] if one is not None]
        if len(seen) < len(self._weights[layer]):
            return {}
        points = torch.stack([self._some(one, layer) for one in seen], 1)
        matrices = torch.stack([thinned(one.values.flatten(2)) for one in seen], 1)
        found = {"weight_distance": distance_table(points)} | shape_tables(matrices)
        found["weight_entry_evenness"] = evenness_table(points)
        both = [self._both(layer, checkpoint) for checkpoint in range(len(seen))]
        there = [one for one in both if one is not None]
        if len(there) == len(seen):
            ahead, own = (torch.stack([one[k] for one in there], 1) for k in (0, 1))
            found |= ahead_tables(own, ahead, there[0][2])
        return {name: table.cpu() for name, table in found.items()}

    def _both(self, layer: int, checkpoint: int) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return what goes out of a layer's units at a checkpoint, what comes in, and how many."""
        chain = [self._weights[k][checkpoint] for k in sorted(self._weights)]
        first = layer - 1 if _recurrent(chain, layer) else layer
        n = 3 if _recurrent(chain, first + 1) else 2
        through = [one for one in chain[max(first, 0) : first + n] if one is not None]
        if len(through) < n:
            return None
        return _staged(*through) if n == 3 else _joined(*through)

    def _some(self, weights: SeenWeights, layer: int) -> Tensor:
        """Return weights (E, n), 10,000 of each network at most."""
        flat = weights.values.flatten(1)
        if flat.shape[1] <= MOST_ENTRIES:
            return flat
        chosen = np.stack([sampled(flat.shape[1], seed, layer) for seed in self._seeds])
        return flat.take_along_dim(torch.as_tensor(chosen).to(flat.device), 1)


def _recurrent(chain: Sequence[SeenWeights | None], layer: int) -> bool:
    one = chain[layer] if layer < len(chain) else None
    return one is not None and one.recurrent


def _staged(*through: SeenWeights) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return the same of units that run in time, of which all must be seen."""
    if not all(one.whole for one in through):
        return None
    incoming, recurrent, behind = (_with_taps(one.values) for one in through)
    both = stage(incoming.flatten(2), recurrent.flatten(2), behind)
    n_units = torch.full((len(incoming),), float(min(through[0].n_outputs, MOST_UNITS)))
    return None if both is None else (*both, n_units.to(incoming))


def _joined(own: SeenWeights, behind: SeenWeights) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return V (E, n, m), W (E, m, k) and how many units they have in common (E,).

    Columns and rows of units that are not seen on both sides are 0. None where the layer behind is
    not fed by these units.
    """
    values, ahead = own.values.flatten(2), _with_taps(behind.values)
    if own.whole and behind.whole:
        n_joined = torch.full((len(values),), float(min(own.n_outputs, MOST_UNITS))).to(values)
        both = joined(values, ahead)
        return None if both is None else (*both, n_joined)
    if own.n_outputs != behind.n_inputs:
        return None
    rows = _indices(own.outputs, len(values), own.n_outputs)
    columns = _indices(behind.inputs, len(values), behind.n_inputs)
    same = (columns[:, :, None] == rows[:, None, :]).to(values)  # (E, in of V, out of W)
    matched = torch.einsum("eoit,eir->eort", ahead, same)
    both = joined(same.sum(1)[..., None] * values, matched)
    n_joined = same.sum(1)[:, spread_out(values.shape[1], MOST_UNITS)].sum(1)
    return None if both is None else (*both, n_joined)


def _with_taps(weights: Tensor) -> Tensor:
    """Return weights (E, out, in, taps)."""
    return weights.flatten(3) if weights.dim() > 3 else weights[..., None]


def _indices(chosen: Tensor | None, n_networks: int, n: int) -> Tensor:
    return torch.arange(n).expand(n_networks, n) if chosen is None else chosen.cpu()
