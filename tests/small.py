"""Small ensembles for the tests of networks and rules: float64, a few networks, one batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rule_id.networks import Network, Parameters, build_network, get_architecture
from rule_id.rules import Batch, LearningRule, Noise, RuleState, Setup, get_rule
from rule_id.simulation.distributions import parse_distribution
from rule_id.simulation.draws import generator
from rule_id.tasks import cross_entropy

BATCH, N_IN, N_OUT, WIDTH = 16, 6, 4, 5
IMAGE, CHANNELS = (2, 4, 4), 2


@dataclass
class Small:
    """An ensemble, its parameters side by side, and a batch."""

    network: Network
    vector: Tensor
    batch: Batch
    feedback: list[Tensor]

    @property
    def parameters(self):
        return self.network.unflatten(self.vector)

    @property
    def single(self) -> Small:
        """The same in single precision."""
        batch = Batch(self.batch.x.float(), self.batch.y, self.batch.loss)
        return Small(self.network, self.vector.float(), batch, [b.float() for b in self.feedback])

    def only(self, index: int) -> Small:
        """One network of the ensemble."""
        one = slice(index, index + 1)
        batch = Batch(self.batch.x[one], self.batch.y[one], self.batch.loss)
        return Small(self.network, self.vector[one], batch, [b[one] for b in self.feedback])


def small(
    architecture: str = "dense2",
    activation: str = "tanh",
    *,
    networks: int = 3,
    seed: int = 0,
    scale: float = 0.5,
    shape: tuple[int, ...] | None = None,
    width: int | None = None,
    batch: int = BATCH,
    **further: object,
) -> Small:
    """Any architecture; `further` goes to `build_network`."""
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    images = get_architecture(architecture).images
    shape = shape or (IMAGE if images else (N_IN,))
    network = build_network(
        architecture,
        input_shape=shape,
        n_out=N_OUT,
        width=width or (CHANNELS if images else WIDTH),
        activation=activation,
        **further,
    )
    vector = scale * normal(networks, network.n_parameters)
    y = torch.randint(N_OUT, (networks, batch), generator=source)
    shown = Batch(network.arrange(normal(networks, batch, *shape)), y, cross_entropy)
    feedback = [scale * normal(networks, *layer.map.weight_shape) for layer in network.layers]
    return Small(network, vector, shown, feedback)


def hyperparameters(rule: LearningRule, networks: int, **given: float) -> dict[str, Tensor]:
    """The same for every network: drawn once from the rule's own ranges, or as given."""
    drawn = {
        name: float(parse_distribution(written).draw(generator(0, name)))
        for name, written in rule.ranges.items()
    }
    always = ("update_noise", "rate_factor")
    known = {k: value for k, value in given.items() if k in drawn or k in always}
    return {
        name: torch.full((networks,), value, dtype=torch.float64)
        for name, value in (drawn | {"rate_factor": 1.0} | known).items()
    }


def noise(networks: int, first: int = 0, dtype: torch.dtype = torch.float64) -> Noise:
    return Noise(range(first, first + networks), "cpu", dtype)


def start(
    rule: LearningRule, made: Small, given: dict[str, Tensor], steps: int = 50, first: int = 0
) -> RuleState:
    setup = Setup(
        made.network,
        made.parameters,
        made.feedback,
        made.batch.x,
        given,
        steps,
        noise(len(made.vector), first, made.vector.dtype).at(-1),
    )
    with torch.no_grad():
        return rule.init(setup)


def run(
    name: str, made: Small, steps: int, *, first: int = 0, **given: float
) -> tuple[Tensor, RuleState]:
    """Train on the one batch; `first` is the seed of the first network's noise."""
    rule = get_rule(name)
    values = hyperparameters(rule, len(made.vector), **given)
    values = {key: value.to(made.vector.dtype) for key, value in values.items()}
    state = start(rule, made, values, max(steps, 1), first)
    parameters = made.parameters
    draws = noise(len(made.vector), first, made.vector.dtype)
    with torch.no_grad():
        for step in range(steps):
            now = draws.at(step)
            change, state, _ = rule.step(
                made.network.training(now), parameters, state, made.batch, values, now
            )
            parameters = moved(parameters, change)
    return made.network.flatten(parameters), state


def moved(parameters: Parameters, change: Parameters) -> Parameters:
    """Parameters after a change."""
    return [
        {name: tensor + step[name] for name, tensor in own.items()}
        for own, step in zip(parameters, change, strict=True)
    ]


class CallCount(TorchDispatchMode):
    """Counts the operators that reach the dispatcher, those of autograd included."""

    n = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.n += 1
        return function(*args, **(kwargs or {}))
