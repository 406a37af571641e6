"""What a learning rule is made of: two named pairs of functions, all state explicit.

A credit assignment turns a batch into a pseudo-gradient, an optimizer turns a pseudo-gradient into
a weight change. Both have `init`, which makes the state, and `step`, which returns the new one.
Neither knows what kind of layer it works on.

Symbols, for one layer: input h, weights W, pre-activation z = W h + b, output f(z), teaching signal
d (the shape of z), pseudo-gradient G = mean over the batch of d h^T, which the optimizer descends.
Feedback weights B have the shape of W^T and are stored as B^T, in the shape of W, so that they
reach every kind of layer in the same way. The network axis comes first in every tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from rule_id.rules.noise import Noise

__all__ = [
    "FAMILIES",
    "ActivityLike",
    "Assignment",
    "Batch",
    "Conditions",
    "CreditAssignment",
    "Hyperparameters",
    "LayerLike",
    "MapLike",
    "NetworkLike",
    "Optimizer",
    "Parameters",
    "Refusal",
    "Setup",
    "State",
]

FAMILIES = (
    "backprop",
    "fixed feedback",
    "sign symmetry",
    "learned feedback",
    "perturbation",
    "Hebbian",
    "energy based",
    "no learning",
)
"""The groups of rules that ship; a user's own rule may name another."""

Parameters = list[dict[str, Tensor]]
"""For each layer its tensors by name, (E, ...)."""

Hyperparameters = Mapping[str, Tensor]
"""One value a network, each (E,): what `ranges` names and, in a step, `rate_factor`, what the
schedule makes of rates in this step; `learning_rate` has it in already. `update_noise` where
updates are noisy."""

State = dict[str, Any]


class ActivityLike(Protocol):
    """What a pass gives (`rule_id.networks.Activity` is one), for each layer (E, batch, ...)."""

    @property
    def inputs(self) -> list[Tensor]:
        """What each layer was fed."""

    @property
    def preactivations(self) -> list[Tensor]:
        """Z of each layer."""

    @property
    def outputs(self) -> list[Tensor]:
        """f(z) of each layer."""

    @property
    def output(self) -> Tensor:
        """Output of the last layer."""


class MapLike(Protocol):
    """The matrices that some rules make of W (`rule_id.networks.DenseMap` is one).

    In the view by inputs W is (E, C_in, M) and meets what each input position feeds; in the view by
    outputs it is (E, C_out, K) and meets what each output position sees.
    """

    @property
    def channels_out(self) -> int:
        """Output channels; units where units share no weights."""

    @property
    def taps(self) -> int:
        """Input positions that one output position sees."""

    @property
    def shape_out(self) -> tuple[int, ...]:
        """Shape of the output of one example, without time."""

    def seen(self, h: Tensor) -> Tensor:
        """Return what each output position sees, (E, batch x positions, K)."""

    def fed(self, p: Tensor) -> Tensor:
        """Return what each input position feeds, (E, batch x positions, M)."""

    def inputs_by_position(self, h: Tensor) -> Tensor:
        """Return the input at each of its positions, (E, batch x positions, C_in)."""

    def by_outputs(self, weight: Tensor) -> Tensor:
        """Return W as (E, C_out, K)."""

    def by_inputs(self, weight: Tensor) -> Tensor:
        """Return W as (E, C_in, M)."""

    def from_inputs(self, matrix: Tensor) -> Tensor:
        """Return what `by_inputs` was made of."""

    def white_power(self, h: Tensor) -> Tensor:
        """Return E over white noise of seen(h)², in the shape of W for one network and output."""


class LayerLike(Protocol):
    """What a rule asks of a layer (`rule_id.networks.Layer` is one)."""

    @property
    def map(self) -> MapLike:
        """What is linear in it."""

    def receive(self, h: Tensor) -> Tensor:
        """Return its input for the output of the layer that feeds it."""

    def preactivation(self, parameters: dict[str, Tensor], h: Tensor) -> Tensor:
        """Return z = W h + b."""

    def activate(self, z: Tensor) -> Tensor:
        """Return f(z)."""

    def project(self, weight: Tensor, h: Tensor) -> Tensor:
        """Return W h, without the bias."""

    def back_project(self, weight: Tensor, d: Tensor) -> Tensor:
        """Return W^T d."""

    def outer(self, d: Tensor, h: Tensor) -> Tensor:
        """Return the mean over the batch of d h^T, in the shape of W."""


class NetworkLike(Protocol):
    """What a rule asks of a network (`rule_id.networks.Network` is one)."""

    @property
    def layers(self) -> Sequence[Any]:
        """The layers, first to last, each a `LayerLike`."""

    def forward(
        self,
        parameters: Parameters,
        x: Tensor,
        *,
        feedback: Sequence[Tensor | None] | None = None,
        added: Sequence[Tensor | None] | None = None,
        local: bool = False,
    ) -> ActivityLike:
        """Run all layers; see `rule_id.networks.Network.forward`."""

    def flatten(self, parameters: Parameters) -> Tensor:
        """Return the parameters side by side, (E, n_parameters)."""

    def unflatten(self, vector: Tensor) -> Parameters:
        """Return views of (E, n_parameters) as the parameters of each layer."""


class Conditions(NamedTuple):
    """What a credit assignment may not be able to work under.

    Attributes:
        architecture_group: `dense`, `convolutional`, `residual` or `recurrent`.
        normalisation: `none`, `layer` or `batch`.
        dropout: Share of hidden units left out in training.
        loss: The name of the task's loss.
        separable: Whether an example's loss depends on its own output alone.
    """

    architecture_group: str = "dense"
    normalisation: str = "none"
    dropout: float = 0.0
    loss: str = "cross_entropy"
    separable: bool = True


Refusal = Callable[[Conditions], str | None]
"""From conditions to why a rule does not work under them, None where it does."""


class Batch(NamedTuple):
    """One batch of each network and the loss that it is judged by.

    Attributes:
        x: Inputs (E, batch, ...).
        y: Targets (E, batch), classes as int64, or (E, batch, n_out).
        loss: From outputs and targets to the loss of each example (E, batch).
    """

    x: Tensor
    y: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]

    def losses(self, output: Tensor) -> Tensor:
        """Return the mean loss of each network, (E,)."""
        return self.loss(output, self.y).mean(-1)


class Setup(NamedTuple):
    """What a credit assignment may look at before the first step.

    Attributes:
        network: The shapes.
        parameters: Forward weights and biases as they begin.
        feedback: For each layer a tensor drawn as its W was, independent of it.
        inputs: Some inputs of training (E, n, ...), more than a batch where there are more.
        hyperparameters: Those of each network.
        steps: Steps of training to come.
        noise: Draws for the start.
        mean_rate_factor: Mean of `rate_factor` over training, (E,); None where it is 1 throughout.
    """

    network: NetworkLike
    parameters: Parameters
    feedback: list[Tensor]
    inputs: Tensor
    hyperparameters: Hyperparameters
    steps: int
    noise: Noise
    mean_rate_factor: Tensor | None = None


class Assignment(NamedTuple):
    """What one step of a credit assignment gives.

    Attributes:
        gradients: Pseudo-gradients, which the optimizer descends; the shapes of the parameters.
        state: The new state.
        loss: Loss of each network on the batch, before the step (E,).
    """

    gradients: Parameters
    state: State
    loss: Tensor


Init = Callable[[Setup], State]
Step = Callable[[NetworkLike, Parameters, State, Batch, Hyperparameters, Noise], Assignment]
Follow = Callable[[Parameters, Parameters, State, Hyperparameters], tuple[Parameters, State]]
Respond = Callable[[NetworkLike, Parameters, State, Tensor], ActivityLike]
Angle = Callable[[NetworkLike, Parameters, State, Tensor], Tensor]


@dataclass(frozen=True)
class CreditAssignment:
    """How a layer's teaching signal is computed.

    Attributes:
        name: As in the table of rules.
        family: One of `FAMILIES`, or a group of the user's own.
        init: From a `Setup` to the state.
        step: From network, parameters, state, batch, hyperparameters and the noise of this step to
            an `Assignment`.
        follow: Called when the weight change is known, with the change, the parameters before it,
            the state and the hyperparameters; returns the change to make and the new state.
        respond: The activity of a network whose units settle, from network, parameters, state and
            inputs; None for a forward pass. It is what is measured and judged.
        angle: For a rule that learns feedback, from network, parameters, state and inputs to the
            angle of the feedback to its fixed point, degrees, (E,).
        feedback: Where the state holds feedback weights that learn, a list of tensors; they get
            noise when updates do.
        ranges: Draws of its own hyperparameters, as a plan writes them.
        limits: Least and largest value of those that are not just any number above 0.
        learning_rates: A draw of the learning rate for optimizers whose step grows with the
            pseudo-gradient (`scaled`) and for those whose step does not (`normalised`), where the
            optimizer's own range does not suit.
        optimizers: Names of the optimizers it may be followed by; None for all, empty for a rule
            that changes the weights itself: its pseudo-gradient is then the change, negative.
        delta_readout: Whether its last layer learns by the delta rule because the rule itself
            knows no target, so that this layer says nothing of it.
        refuses: What it does not work under, each a function from conditions to the reason.
    """

    name: str
    family: str
    init: Init
    step: Step
    follow: Follow | None = None
    respond: Respond | None = None
    angle: Angle | None = None
    feedback: str | None = None
    ranges: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    learning_rates: Mapping[str, Any] = field(default_factory=dict)
    optimizers: tuple[str, ...] | None = None
    delta_readout: bool = False
    refuses: tuple[Refusal, ...] = ()

    def refusal(self, conditions: Conditions) -> str | None:
        """Return why it does not work under these conditions, or None where it does."""
        reasons = (refuse(conditions) for refuse in self.refuses)
        return next((reason for reason in reasons if reason is not None), None)


@dataclass(frozen=True)
class Optimizer:
    """How a pseudo-gradient becomes a weight change.

    Attributes:
        name: As in the table of rules.
        init: From the entries of one tensor of parameters side by side (E, n) to its state.
        step: From pseudo-gradient (E, n), state, parameters (E, n) and hyperparameters (E, 1) to
            the change to add to the parameters (E, n) and the new state. The state given may be
            overwritten, pseudo-gradient and parameters not; the change must be memory of its own.
        ranges: Draws of its hyperparameters in which networks learn, as a plan writes them.
        limits: Least and largest value of those that are not just any number above 0.
        normalised: Whether its step is of the same size for any size of the pseudo-gradient.
        decoupled_decay: Whether weight decay is a step of its own, beside the gradient's, so
            that the same `weight_decay` does far less.
        prepare: Called once a step with the hyperparameters (E, 1) and, among them, `updates`, the
            number of this update from 1; returns what `step` is given for every tensor.
    """

    name: str
    init: Callable[[Tensor], State]
    step: Callable[[Tensor, State, Tensor, Hyperparameters], tuple[Tensor, State]]
    ranges: Mapping[str, Any]
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    normalised: bool = False
    decoupled_decay: bool = False
    prepare: Callable[[Hyperparameters], Hyperparameters] = lambda hyperparameters: hyperparameters
