"""What the benchmarks compare the simulator with trains as it does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from _alternatives import ALIGNMENT, plain_module, train  # noqa: E402
from _modules import linear_parts  # noqa: E402
from _vmapped import trained  # noqa: E402
from _workloads import ARCHITECTURES, Workload  # noqa: E402

from rule_id.rules.alignment import descend  # noqa: E402
from rule_id.simulation.training import EnsembleData, Learner  # noqa: E402

pytestmark = pytest.mark.slow

STEPS, NETWORKS = 3, 2


def started(architecture: str, rule: str) -> tuple[Learner, EnsembleData]:
    (ensemble,) = Workload(architecture, rule, NETWORKS, 30).ensembles()
    data = EnsembleData(ensemble, "cpu", torch.float32)
    return Learner(ensemble, data, "cpu", torch.float32), data


def module_like(learner: Learner, index: int) -> torch.nn.Sequential:
    """One network of the ensemble, as it is now."""
    module = plain_module(learner.rule.name, learner.network)
    feedback = learner.state.assignment.get("feedback", [None] * len(learner.parameters))
    with torch.no_grad():
        for part, own, b in zip(linear_parts(module), learner.parameters, feedback, strict=True):
            part.weight.copy_(own["weight"][index])
            part.bias.copy_(own["bias"][index])
            if b is not None:
                part.feedback.copy_(b[index])
    return module


def rates_of(learner: Learner, index: int) -> dict[str, float]:
    names = ("learning_rate", "momentum", "weight_decay")
    return {name: float(learner.hyperparameters[name][index]) for name in names}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "rule", ["backprop+momentum", "backprop+adam", "feedback_alignment+momentum"]
)
def test_the_loop_over_one_network_takes_our_steps(architecture: str, rule: str) -> None:
    learner, data = started(architecture, rule)
    batches = [data.batch(step) for step in range(STEPS)]
    for index in range(NETWORKS):
        module = module_like(learner, index)
        own = [(learner.network.arrange(b.x)[index], b.y[index]) for b in batches]
        train(module, rule, own, **rates_of(learner, index))
        ours, _ = started(architecture, rule)
        for step, batch in enumerate(batches):
            ours.step(batch, step)
        for part, parameters in zip(linear_parts(module), ours.parameters, strict=True):
            for name in ("weight", "bias"):
                expected = parameters[name][index]
                torch.testing.assert_close(
                    getattr(part, name).detach(), expected, rtol=0, atol=1e-4
                )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_feedback_descends_our_objective(architecture: str) -> None:
    learner, data = started(architecture, "information_alignment+momentum")
    batch = data.batch(0)
    activity = learner.network.forward(learner.parameters, learner.network.arrange(batch.x))
    module = module_like(learner, 0)
    module(learner.network.arrange(batch.x)[0])
    amounts = {name: torch.full((NETWORKS,), 1e3 * value) for name, value in ALIGNMENT.items()}
    for place, part in enumerate(linear_parts(module)):
        layer, own = learner.network.layers[place], learner.parameters[place]["weight"]
        b, x = learner.state.assignment["feedback"][place], activity.inputs[place]
        expected = descend(layer, b, own, x, amounts, shortened=False)
        part.align(**{name: 1e3 * value for name, value in ALIGNMENT.items()})
        torch.testing.assert_close(part.feedback, expected[0], rtol=1e-4, atol=1e-5)
        assert not torch.allclose(part.feedback, b[0], rtol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("rule", ["backprop+momentum", "backprop+adam"])
def test_many_networks_by_vmap_train_as_one_by_one(architecture: str, rule: str) -> None:
    network = Workload(architecture, rule, NETWORKS, 30).network
    examples = Workload(architecture, rule, NETWORKS, 30).examples("cpu")
    torch.manual_seed(0)
    modules = [plain_module(rule, network) for _ in range(NETWORKS)]
    order = torch.randint(len(examples.x), (STEPS, NETWORKS, 32))
    together = trained(modules, rule, examples, order)
    for index, module in enumerate(modules):
        train(module, rule, [(examples.x[rows[index]], examples.y[rows[index]]) for rows in order])
        for name, parameter in module.named_parameters():
            torch.testing.assert_close(together[name][index], parameter.detach(), rtol=0, atol=1e-4)
