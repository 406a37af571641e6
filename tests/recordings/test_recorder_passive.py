"""Recording changes nothing: not the model, not its training, not a random number."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rule_id import Recorder
from rule_id.errors import InputError

STIMULI = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))


class Model(nn.Module):
    """With all that a pass may disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.drop, self.frozen = nn.Dropout(0.5), nn.BatchNorm1d(10)
        self.fc1, self.fc2 = nn.Linear(4 * 16, 10), nn.Linear(10, 3)
        self.register_buffer("calls", torch.zeros(()))
        self.fc1.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = self.bn(self.conv(x)).relu_().flatten(1)
        x = torch.tanh(self.frozen(self.drop(self.fc1(x))))
        # Noise from every generator, and in evaluation mode too.
        return self.fc2(x + 0.1 * torch.randn(()) + random.random() + np.random.random())


def trained(recorded: bool) -> dict[str, object]:
    """Return all that is left of a training."""
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    model = Model()
    model.frozen.eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    recorder = Recorder(model, STIMULI, batch_size=5)
    moments = iter(range(100))
    fired: list[int] = []
    model.fc1.register_full_backward_hook(lambda *_: fired.append(1))

    def look() -> None:
        if recorded:
            recorder.checkpoint(next(moments))

    for _ in range(4):
        look()
        output = model(torch.randn(16, 1, 6, 6))
        look()
        loss = output.square().mean()
        optimizer.zero_grad()
        look()
        loss.backward()
        look()
        optimizer.step()
    if recorded:
        assert len(recorder.steps) == 16
        assert recorder.recording().observables == ("weight", "activation", "activity_change")
    return {
        "state": model.state_dict(),
        "optimizer": optimizer.state_dict()["state"],
        "gradients": [parameter.grad for parameter in model.parameters()],
        "wanted": [parameter.requires_grad for parameter in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "hooks": [
            len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules()
        ],
        "random": (torch.get_rng_state(), random.random(), np.random.random()),
        "fired": fired,
    }


def test_training_is_bit_identical_with_and_without() -> None:
    torch.testing.assert_close(trained(True), trained(False), rtol=0, atol=0)


class Failing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.bn = nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        self.bn(self.fc(x))
        raise RuntimeError("no such luck")


@pytest.mark.parametrize("slopes", [True, False])
def test_everything_is_put_back_when_the_model_fails(slopes: bool) -> None:
    model = Failing()
    before, generator = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    recorder = Recorder(model, torch.ones(5, 3), activity_change=slopes)
    with pytest.raises(
        InputError, match="stimuli must be what the model takes: no such luck$"
    ) as e:
        recorder.checkpoint(0)
    assert isinstance(e.value.__cause__, RuntimeError)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), generator) and model.bn.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert recorder.steps == () and torch.is_grad_enabled()


class Hebbian(nn.Module):
    """It learns whenever it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4, bias=False)
        self.register_buffer("trace", None)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        self.fc.weight.data += 0.1 * y.T @ x
        self.trace = y.mean(0)
        return y


def test_a_model_that_learns_while_it_runs_does_not_learn_from_being_recorded() -> None:
    model = Hebbian()
    before = model.fc.weight.detach().clone()
    recorder = Recorder(model, torch.ones(5, 3), activity_change=False)
    recorder.checkpoint(0)
    assert torch.equal(model.fc.weight, before) and model.trace is None


def test_it_works_inside_inference_mode_and_autocast() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    recorders = [Recorder(model, torch.ones(5, 3)) for _ in range(3)]
    recorders[0].checkpoint(0)
    with torch.inference_mode():
        recorders[1].checkpoint(0)
    with torch.autocast("cpu", torch.bfloat16):
        recorders[2].checkpoint(0)
        model(torch.ones(5, 3)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    first, *others = ([*recorder._seen["0"], *recorder._seen["2"]] for recorder in recorders)
    for other in others:
        for one, same in zip(first, other, strict=True):
            np.testing.assert_equal(tuple(one), tuple(same))


def test_forward_hooks_of_the_model_work() -> None:
    model, seen = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), []
    model[0].register_forward_hook(lambda module, given, output: seen.append(output) or -output)
    stimuli = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    recorder = Recorder(model, stimuli)
    # The layer gives something else than W h + b, so that W says nothing of its slopes.
    with pytest.warns(UserWarning, match="activity_change/0"):
        recorder.checkpoint(0)
    z = functional.linear(stimuli, model[0].weight, model[0].bias).detach()
    np.testing.assert_array_equal(recorder._seen["0"][0].activation, (-z).relu())
    assert len(seen) == 1


def test_backward_hooks_of_the_model_do_not() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    stimuli = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    recorders = [Recorder(model, stimuli) for _ in range(2)]
    recorders[0].checkpoint(0)
    for module in model:
        module.register_full_backward_hook(lambda module, to, signals: pytest.fail("called"))
    recorders[1].checkpoint(0)
    for one, same in zip(*(recorder._seen["0"][0] for recorder in recorders), strict=True):
        np.testing.assert_array_equal(one, same)
