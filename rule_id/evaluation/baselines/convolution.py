"""The one-layer convolution over checkpoints of the 2020 paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight

from rule_id.evaluation.baselines.estimator import BaselineEstimator, softmax
from rule_id.evaluation.baselines.inputs import N_FLAGS, apply_scaling, as_series, fit_scaling
from rule_id.evaluation.baselines.isolation import one_torch_thread

if TYPE_CHECKING:
    import torch

__all__ = ["ConvolutionBaseline"]


class ConvolutionBaseline(BaselineEstimator):
    """Filters over checkpoints, relu, pooling or none, and a linear readout, trained by Adam.

    Each statistic is a channel, of z-scores by checkpoint; each flag is one more, constant over
    checkpoints. The loss is the cross-entropy, rows weighted so that classes have the same total,
    plus half of `weight_decay` times the squares of all weights and biases. Each epoch is a new
    order of the rows; those that fill no batch are left out of it.

    Args:
        n_checkpoints: Checkpoints of a trajectory, at least 1.
        n_flags: Last columns that are flags.
        kernel_share: Length of the filters as a share of the checkpoints, in (0, 1], rounded up.
        stride: Checkpoints between places of a filter, at least 1.
        n_filters: Number of filters.
        pool: `max` or `avg` over places; None for every place an input of the readout.
        learning_rate: Of Adam, > 0.
        weight_decay: At least 0.
        batch_size: Rows of a batch; all of them when there are fewer.
        epochs: Passes over the rows.
        random_state: Seed of initial weights (uniform, Glorot) and of the order of the rows.

    Attributes:
        classes_: The k classes, sorted.
        weights_: Filters (n_filters, channels, length), their biases, the readout (k, inputs) and
            its biases.

    Source: Nayebi et al., NeurIPS 2020; `Conv1DClassifier` in fit_pipeline.py of
    github.com/neuroailab/lr-identify.
    """

    def __init__(
        self,
        n_checkpoints: int = 21,
        *,
        n_flags: int = N_FLAGS,
        kernel_share: float = 0.25,
        stride: int = 1,
        n_filters: int = 40,
        pool: str | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        batch_size: int = 512,
        epochs: int = 400,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Store the parameters."""
        self.n_checkpoints = n_checkpoints
        self.n_flags = n_flags
        self.kernel_share = kernel_share
        self.stride = stride
        self.n_filters = n_filters
        self.pool = pool
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        rng = check_random_state(self.random_state)
        self.scaling_ = fit_scaling(X, self.n_flags)
        series = self._series(X)
        initial = self._initial_weights(series.shape[1], rng)
        with one_torch_thread():
            self.weights_ = self._train(series, codes, initial, rng)

    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        import torch

        with one_torch_thread(), torch.no_grad():
            weights = [torch.from_numpy(one) for one in self.weights_]
            scores = self._scores(torch.from_numpy(self._series(X)), weights).numpy()
        return softmax(scores)

    def _series(self, X: np.ndarray) -> np.ndarray:
        """Return z-scores and flags as channels (n, channels, checkpoints)."""
        z = apply_scaling(X, self.scaling_).astype(np.float32)
        series = as_series(z, self.n_checkpoints, self.n_flags)
        flags = z[:, z.shape[1] - self.n_flags :, None]
        return np.concatenate([series, np.repeat(flags, self.n_checkpoints, axis=2)], axis=1)

    def _initial_weights(self, channels: int, rng: np.random.RandomState) -> list[np.ndarray]:
        length = math.ceil(self.kernel_share * self.n_checkpoints)
        places = 1 if self.pool else (self.n_checkpoints - length) // self.stride + 1
        n_inputs, n_classes = self.n_filters * places, len(self.classes_)

        def uniform(fans: int, *shape: int) -> np.ndarray:
            return rng.uniform(-1, 1, shape).astype(np.float32) * np.float32(math.sqrt(6 / fans))

        return [
            uniform((channels + self.n_filters) * length, self.n_filters, channels, length),
            np.zeros(self.n_filters, dtype=np.float32),
            uniform(n_inputs + n_classes, n_classes, n_inputs),
            np.zeros(n_classes, dtype=np.float32),
        ]

    def _train(
        self,
        series: np.ndarray,
        codes: np.ndarray,
        initial: list[np.ndarray],
        rng: np.random.RandomState,
    ) -> list[np.ndarray]:
        import torch
        from torch.nn.functional import cross_entropy

        x, y = torch.from_numpy(series), torch.from_numpy(codes)
        row_weights = torch.from_numpy(compute_sample_weight("balanced", codes).astype(np.float32))
        weights = [torch.from_numpy(one).requires_grad_() for one in initial]
        # Adam's own decay is the gradient of the squares in the loss.
        adam = torch.optim.Adam(weights, lr=self.learning_rate, weight_decay=self.weight_decay)
        size = min(self.batch_size, len(y))
        for _ in range(self.epochs):
            order = torch.from_numpy(rng.permutation(len(y)))
            for rows in order[: len(y) // size * size].split(size):
                losses = cross_entropy(self._scores(x[rows], weights), y[rows], reduction="none")
                adam.zero_grad()
                (losses * row_weights[rows]).mean().backward()
                adam.step()
        return [one.detach().numpy() for one in weights]

    def _scores(self, series: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
        """Return the score of each class, shape (n, k)."""
        from torch.nn.functional import conv1d, linear

        filters, offsets, readout, biases = weights
        if filters.shape[2] == series.shape[2]:
            # Filters with one place are a product, which takes a third of the time.
            found = linear(series.flatten(1), filters.flatten(1), offsets)[..., None].relu()
        else:
            found = conv1d(series, filters, offsets, stride=self.stride).relu()
        if self.pool is None:
            return linear(found.flatten(1), readout, biases)
        pooled = found.amax(2) if self.pool == "max" else found.mean(2)
        return linear(pooled, readout, biases)
