"""Networks of scikit-learn, trained by `partial_fit`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from external.arrays import Arrays
from external.plan import PlannedNetwork
from external.tasks import Task
from scipy.special import expit
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

__all__ = ["SklearnLearner"]

ACTIVATIONS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "relu": ("relu", lambda z: np.maximum(0, z)),
    "tanh": ("tanh", np.tanh),
    "sigmoid": ("logistic", expit),
}


class SklearnLearner:
    """An `MLPClassifier`, or an `MLPRegressor` where numbers are to be learned."""

    def __init__(self, network: PlannedNetwork, task: Task) -> None:
        """Make the network; it has weights from its first batch on."""
        name, self._activation = ACTIVATIONS[network.activation]
        kind = MLPClassifier if task.has_classes else MLPRegressor
        self.model = kind(
            hidden_layer_sizes=network.widths,
            activation=name,
            solver="adam" if network.optimizer == "adam" else "sgd",
            alpha=network.weight_decay,
            learning_rate_init=network.learning_rate,
            momentum=network.momentum,
            # The package has no rule with Nesterov's momentum, which is the default here.
            nesterovs_momentum=False,
            random_state=network.seed % 2**32,
        )
        self._classes = np.arange(task.n_out) if task.has_classes else None
        self.task, self._arrays = task, Arrays()

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """Make one update: a batch of up to 200 examples is not divided."""
        self._fit(self.model, x, y)

    def checkpoint(self, step: int) -> None:
        """Record the network as it is."""
        model = self.model if step else self.as_it_begins()
        layers = [f"layer{index + 1}" for index in range(len(model.coefs_))]
        outputs = self._forward(model, self.task.stimuli)
        self._arrays.add(
            step,
            dict(zip(layers, outputs, strict=True)),
            dict(zip(layers, model.coefs_, strict=True)),
        )

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the last layer's outputs (n, n_out), before softmax or logistic function."""
        return self._forward(self.model, x)[-1]

    def save(self, path: Path) -> None:
        """Write what was recorded."""
        self._arrays.save(path)

    def as_it_begins(self) -> MLPClassifier | MLPRegressor:
        """Return a copy with its initial weights: the same seed, and a step of no size."""
        model = clone(self.model).set_params(learning_rate_init=1e-30)
        self._fit(model, self.task.x_train[:2], self.task.y_train[:2])
        return model

    def _fit(self, model: MLPClassifier | MLPRegressor, x: np.ndarray, y: np.ndarray) -> None:
        if self._classes is None:
            model.partial_fit(x, y[:, 0] if y.shape[1] == 1 else y)
        else:
            model.partial_fit(x, y, classes=self._classes)

    def _forward(self, model: MLPClassifier | MLPRegressor, x: np.ndarray) -> list[np.ndarray]:
        outputs = [x]
        for weights, bias in zip(model.coefs_, model.intercepts_, strict=True):
            outputs.append(outputs[-1] @ weights + bias)
            if len(outputs) <= len(model.coefs_):
                outputs[-1] = self._activation(outputs[-1])
        return outputs[1:]
