"""The examples of an ensemble: each block's task, and what each network is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from rule_id.rules import Batch, Noise, per_network, row_of
from rule_id.simulation.difficulty import difficulty_of
from rule_id.simulation.draws import generator
from rule_id.simulation.ensembles import Ensemble, NetworkDraw
from rule_id.tasks import (
    Presentation,
    Task,
    TaskData,
    needs_difficulty,
    noisy_targets,
    present,
    two_views,
)

__all__ = ["EnsembleData", "most_stimuli"]

MOST_TEST_EXAMPLES = 256
"""Held-out examples that loss and performance are taken on."""


class EnsembleData:
    """The examples of each network's task, and the order in which it sees them.

    Networks of one block share their task; each has batches of its own. Inputs keep the form that
    the task gives them; a network arranges them.
    """

    def __init__(
        self, ensemble: Ensemble, device: str, dtype: torch.dtype, task: Task | None = None
    ) -> None:
        """Draw tasks and batches, and move them to the device once.

        Args:
            ensemble: The networks.
            device: Where the examples are kept.
            dtype: Precision of inputs and real targets.
            task: What they learn; that of the ensemble when left out.

        Raises:
            InputError: The task's files are not what they should be.
        """
        self.task = task = task or ensemble.task
        draws = ensemble.networks
        firsts = {draw.block_seed: draw for draw in draws}
        blocks = [_drawn(task, draw) for draw in firsts.values()]
        place = {seed: index for index, seed in enumerate(firsts)}
        self._which = torch.tensor([place[d.block_seed] for d in draws], device=device)[:, None]
        scales = [draw.input_scale for draw in draws]
        self._scale = torch.tensor(scales, dtype=dtype, device=device)
        self._plain = set(scales) == {1.0}

        def stacked(part: Callable[[_Examples], np.ndarray]) -> Tensor:
            array = torch.as_tensor(np.stack([part(block) for block in blocks])).to(device)
            return array.to(dtype) if array.is_floating_point() else array

        self._x = stacked(lambda block: block.data.train_x)
        self._y = stacked(lambda block: np.stack([block.data.train_y, block.switched[0]]))
        keep = _kept(task)
        self._test_x = stacked(lambda block: block.data.test_x[keep])
        self._test_y = stacked(
            lambda block: np.stack([block.data.test_y[keep], block.switched[1][keep]])
        )
        self.chance = np.array([task.loss.chance(b.data.test_y[keep]) for b in blocks])[
            self._which[:, 0].cpu()
        ]
        self._noise = Noise([draw.seed for draw in draws], device, dtype)
        self._present(ensemble, blocks, place, device, dtype)

    def _present(
        self,
        ensemble: Ensemble,
        blocks: Sequence[_Examples],
        place: dict[int, int],
        device: str,
        dtype: torch.dtype,
    ) -> None:
        hard = _difficulties(self.task, ensemble.networks, [block.data for block in blocks], place)
        shown = [
            _shown(ensemble, draw, blocks[place[draw.block_seed]].data, hard.get(draw.block_seed))
            for draw in ensemble.networks
        ]
        order = np.stack([one.order for one in shown], 1)
        self._order = torch.as_tensor(order, device=device)
        noise = np.stack([one.noise for one in shown], 1)
        self._added = torch.as_tensor(noise).to(device, dtype) if noise.any() else None
        switched = np.stack([one.switched for one in shown], 1)
        # After the last step the task is what it was in it.
        self._switched = torch.as_tensor(np.concatenate([switched, switched[-1:]])).long()
        self._switched = self._switched.to(device)

    def batch(self, step: int | Tensor) -> Batch:
        """Return the batch of each network at a step.

        Args:
            step: The step, or the same as a whole number on the device, which then need not be
                known to the host.
        """
        rows, task = row_of(self._order, step), self.task
        x = self._scaled(self._x[self._which, rows])
        y = self._y[self._which, row_of(self._switched, step)[:, None], rows]
        draws = self._noise.at(step)
        if self._added is not None:
            size = per_network(row_of(self._added, step) * self._scale, x)
            x = x + size * draws.normal("curriculum", x.shape[1:])
        if task.augment is not None:
            x = two_views(task, x, draws)
        return Batch(x, y, task.loss.of_examples)

    def examples(self, n: int) -> Tensor:
        """Return the first n inputs of training, or as many as there are, of each network."""
        return self._scaled(self._x[self._which[:, 0], :n])

    def test(self, step: int) -> tuple[Tensor, Tensor]:
        """Return held-out inputs and the targets that they have at a step."""
        which = self._which[:, 0]
        return self._scaled(self._test_x[which]), self._test_y[which, self._switched[step]]

    def stimuli(self, n: int) -> Tensor:
        """Return n held-out inputs of each network, the first view of those that have two."""
        return self._scaled(self._test_x[self._which[:, 0], :n])

    def _scaled(self, x: Tensor) -> Tensor:
        return x if self._plain else x * per_network(self._scale, x)


class _Examples:
    """A draw of a task, with noise on its training targets, and its targets after a change."""

    def __init__(self, data: TaskData, switched: tuple[np.ndarray, np.ndarray]) -> None:
        self.data, self.switched = data, switched


def _drawn(task: Task, draw: NetworkDraw) -> _Examples:
    data = task.draw(generator(draw.block_seed, "data"))
    targets = (data.train_y, data.test_y)
    if task.switched is not None:
        targets = task.switched(data, generator(draw.block_seed, "switch"))
    if not draw.label_noise:
        return _Examples(data, targets)
    first, second = (
        noisy_targets(y, draw.label_noise, generator(draw.block_seed, "label noise"))
        for y in (data.train_y, targets[0])
    )
    noisy = TaskData(data.train_x, first, data.test_x, data.test_y, data.train_groups)
    return _Examples(noisy, (second, targets[1]))


def _shown(
    ensemble: Ensemble, draw: NetworkDraw, data: TaskData, difficulty: np.ndarray | None
) -> Presentation:
    return present(
        draw.curriculum,
        generator(draw.seed, "batches"),
        groups=data.train_groups,
        difficulty=difficulty,
        steps=ensemble.shape.steps,
        batch_size=ensemble.shape.batch_size,
    )


def _difficulties(
    task: Task, draws: Sequence[NetworkDraw], datas: list[TaskData], place: dict[int, int]
) -> dict[int, np.ndarray]:
    """Return each example's loss under a reference network, of the blocks that need it."""
    seeds = list(dict.fromkeys(d.block_seed for d in draws if needs_difficulty(d.curriculum)))
    if not seeds:
        return {}
    found = difficulty_of(task, [datas[place[seed]] for seed in seeds], seeds)
    return dict(zip(seeds, found, strict=True))


def most_stimuli(task: Task) -> int:
    """Return how many held-out examples a task has to measure on, of two views the first."""
    kept = len(_kept(task))
    return kept if task.augment is None else kept // 2


def _kept(task: Task) -> np.ndarray:
    """Return which held-out examples count; of pairs of views, both or neither."""
    if task.augment is None:
        return np.arange(min(task.n_test, MOST_TEST_EXAMPLES))
    pairs = task.n_test // 2
    first = np.arange(min(pairs, MOST_TEST_EXAMPLES // 2))
    return np.concatenate([first, pairs + first])
