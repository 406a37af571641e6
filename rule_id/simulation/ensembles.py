"""What is resolved before anything runs: networks with their draws, and ensembles of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from rule_id.networks import Network, build_network, get_architecture
from rule_id.observables.measurement import Measurement
from rule_id.rules import Conditions
from rule_id.schema import NUMBERS_VERSION, SCHEMA_VERSION
from rule_id.simulation.plan_keys import OWN_NORMALISATION
from rule_id.tasks import FILE_TASKS, Task, get_task

__all__ = ["Ensemble", "NetworkDraw", "Shape", "task_from"]


@dataclass(frozen=True)
class NetworkDraw:
    """What one network draws for itself, or with the other networks of its block.

    Attributes:
        network: Its id, unique in the corpus.
        block: The block that it belongs to.
        block_seed: Seed of what its block shares: data, and the teacher if there is one.
        seed: Seed of its weights, feedback, batches, noise and measurements.
        init: How weights are drawn.
        init_scale: Factor on them.
        bias_init: How biases are drawn.
        schedule: How the learning rate goes over training.
        update_noise: Standard deviation of the noise added to every update, in units of weights.
        hyperparameters: Those of its rule, by name.
        curriculum: How its task is presented.
        input_scale: Factor on its inputs.
        label_noise: Share of its training targets that are those of other examples.
        pretrained_by: The rule that trained it on another task before, `none` without one.
        pretraining: Hyperparameters of that rule.
        held_out: Whether the plan sets it apart from all training of classifiers.
    """

    network: str
    block: int
    block_seed: int
    seed: int
    init: str
    init_scale: float
    bias_init: str
    schedule: str
    update_noise: float
    hyperparameters: dict[str, float]
    curriculum: str = "shuffled"
    input_scale: float = 1.0
    label_noise: float = 0.0
    pretrained_by: str = "none"
    pretraining: dict[str, float] | None = None
    held_out: bool = False


@dataclass(frozen=True)
class Shape:
    """What networks must have in common to be simulated together.

    Attributes:
        architecture: One of `rule_id.networks.ARCHITECTURES`.
        task: Name of the task.
        width: Units of a hidden layer, or channels of the first convolution.
        activation: Nonlinearity of hidden layers.
        normalisation: Theirs; `own` for that of the architecture.
        dropout: Share of hidden units left out in training.
        bias: Whether layers have biases.
        steps: Steps of training.
        batch_size: Examples a step.
        stimuli: Held-out examples that activity is measured on.
        pretraining_steps: Steps of the training before, of those that have one.
    """

    architecture: str
    task: str
    width: int
    activation: str
    normalisation: str = OWN_NORMALISATION
    dropout: float = 0.0
    bias: bool = True
    steps: int = 400
    batch_size: int = 32
    stimuli: int = 64
    pretraining_steps: int = 100

    @property
    def own_normalisation(self) -> str:
        """The normalisation's name, `own` resolved."""
        if self.normalisation == OWN_NORMALISATION:
            return get_architecture(self.architecture).normalisations[0]
        return self.normalisation

    def network(self, task: Task) -> Network:
        """Build the network for a task of this name."""
        return build_network(
            self.architecture,
            input_shape=task.input_shape,
            n_out=task.n_out,
            width=self.width,
            activation=self.activation,
            normalisation=self.own_normalisation,
            dropout=self.dropout,
            bias=self.bias,
        )

    def conditions(self, task: Task) -> Conditions:
        """Return what a rule would have to work under."""
        return Conditions(
            get_architecture(self.architecture).group,
            self.own_normalisation,
            self.dropout,
            task.loss.name,
            task.loss.separable,
        )


@dataclass(frozen=True)
class Ensemble:
    """Networks simulated together: one rule, the same shapes.

    Attributes:
        rule: Name of the rule.
        source: Hash of the user's file that the rule comes from, empty for one that ships.
        shape: What the networks have in common.
        checkpoints: Times at which they are measured.
        measurements: What is seen of them.
        networks: What each drew.
        data: Hash of the names and sizes of the task's files, empty for a task without files.
        folder: Where those files are, on this machine; the key leaves it out.
        image_size: Side of the images of an image folder, pixels; None elsewhere.
    """

    rule: str
    source: str
    shape: Shape
    checkpoints: int
    measurements: tuple[Measurement, ...]
    networks: tuple[NetworkDraw, ...]
    data: str = ""
    folder: str | None = None
    image_size: int | None = None

    @property
    def key(self) -> str:
        """A hash of all that its result depends on; names its part of the corpus."""
        content = {name: value for name, value in asdict(self).items() if name != "folder"}
        text = json.dumps([SCHEMA_VERSION, NUMBERS_VERSION, content], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def task(self) -> Task:
        """The task of its networks."""
        return task_from(self.shape.task, self.folder, self.image_size)

    @property
    def network(self) -> Network:
        """The layers of its networks."""
        return self.shape.network(self.task)


def task_from(name: str, folder: str | None, image_size: int | None) -> Task:
    """Return a task by name, with what those that read files need."""
    if name not in FILE_TASKS:
        return get_task(name)
    return get_task(name, folder, image_size if name == "image_folder" else None)
