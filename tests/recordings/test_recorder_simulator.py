"""The recorder takes what the simulator takes: the same statistics of the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import load_example
from torch import Tensor, nn
from torch.nn import functional

from rule_id import Recorder
from rule_id.networks import Network, build_network
from rule_id.observables.measurement import Measurement
from rule_id.observables.observer import Observer
from rule_id.trajectories import STATISTICS

EVERYTHING = {"max_units": None, "max_stimuli": None, "max_weights": None}


class Simulated:
    """A simulated network of random weights, and its statistics by layer."""

    def __init__(self, architecture: str, shape: tuple[int, ...], width: int, **kwargs) -> None:
        self.network: Network = build_network(
            architecture, input_shape=shape, n_out=5, width=width, **kwargs
        )
        draw = torch.Generator().manual_seed(3)
        self.stimuli, self.training = (
            torch.randn(1, n, *shape, generator=draw, dtype=torch.float64) for n in (12, 40)
        )
        self.parameters = [
            {
                name: torch.randn(1, *size, generator=draw, dtype=torch.float64)
                * (0.3 if name == "bias" else torch.Size(size[1:]).numel() ** -0.5)
                for name, size in layer.shapes.items()
            }
            for layer in self.network.layers
        ]

    def own(self, layer: str) -> dict[str, Tensor]:
        names = [one.name for one in self.network.layers]
        return {name: one[0] for name, one in self.parameters[names.index(layer)].items()}

    def statistics(self, population: Tensor) -> dict[str, np.ndarray]:
        network = self.network.evaluating(self.parameters, self.network.arrange(population))
        activity = network.forward(self.parameters, self.network.arrange(self.stimuli))
        observer = Observer(Measurement(), [0])
        table = observer.measure(network.layers, self.parameters, activity, 0)[0].numpy()
        return {layer.name: row for layer, row in zip(network.layers, table, strict=True)}


@torch.no_grad()
def fill(layer: nn.Module, own: dict[str, Tensor], norm: nn.Module | None = None) -> None:
    """Copy weights; the bias stands behind the normalisation, where there is one."""
    layer.weight.copy_(own["weight"])
    if "bias" in own:
        (layer if norm is None else norm).bias.copy_(own["bias"])


def assert_same(simulated: Simulated, model: nn.Module, names: dict[str, str], **kwargs) -> None:
    """Compare all statistics.

    Args:
        simulated: The network.
        model: Its copy.
        names: By layer of the copy, that of the network.
        kwargs: Of the recorder.
    """
    population = simulated.training if kwargs else simulated.stimuli
    expected = simulated.statistics(population)
    recorder = Recorder(model.double(), simulated.stimuli[0], **EVERYTHING, **kwargs)
    for step in range(2):
        recorder.checkpoint(step)
    assert set(recorder.layers) == set(names) and not recorder.left_out
    rows = recorder.recording().trajectories.rows.query("checkpoint == 0")
    for name, measured in zip(rows["layer_name"], rows[list(STATISTICS)].to_numpy(), strict=True):
        np.testing.assert_allclose(
            measured, expected[names[name]], rtol=1e-5, atol=1e-6, err_msg=name
        )


NORMS = {
    "none": (lambda n: nn.Identity(), lambda n: nn.Identity()),
    "layer": (nn.LayerNorm, lambda n: nn.GroupNorm(1, n)),
    "batch": (nn.BatchNorm1d, nn.BatchNorm2d),
}
NONLINEARITIES = {"relu": lambda: nn.ReLU(inplace=True), "tanh": nn.Tanh, "gelu": nn.GELU}


@pytest.mark.parametrize("activation", NONLINEARITIES)
@pytest.mark.parametrize("normalisation", NORMS)
def test_a_dense_network(normalisation: str, activation: str) -> None:
    simulated = Simulated(
        "dense2", (9,), 14, activation=activation, normalisation=normalisation, dropout=0.3
    )
    plain = normalisation == "none"
    norms = [NORMS[normalisation][0](14) for _ in range(2)]
    linear = [nn.Linear(9, 14, bias=plain), nn.Linear(14, 14, bias=plain), nn.Linear(14, 5)]
    parts: list[nn.Module] = []
    for one, norm in zip(linear, norms, strict=False):
        parts += [one, norm, NONLINEARITIES[activation](), nn.Dropout(0.3)]
    for index, layer in enumerate(("hidden1", "hidden2", "output")):
        norm = None if plain or index == 2 else norms[index]
        fill(linear[index], simulated.own(layer), norm)
    names = {"0": "hidden1", "4": "hidden2", "8": "output"}
    model = nn.Sequential(*parts, linear[2])
    assert_same(simulated, model, names)
    if normalisation == "batch":
        assert_same(simulated, model, names, batch_statistics=simulated.training[0])


class LeNet(nn.Module):
    """As tutorials write it: pooling before the nonlinearity, functions instead of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5, padding=2)
        self.dense3, self.dense4 = nn.Linear(16 * 4 * 4, 120), nn.Linear(120, 84)
        self.output = nn.Linear(84, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2))
        x = functional.relu_(self.conv2(x)).flatten(1)
        x = functional.relu(self.dense3(x), inplace=True)
        x = self.dense4(x).clamp_(min=0)
        return functional.log_softmax(self.output(x), 1)


def test_lenet() -> None:
    simulated, model = Simulated("lenet", (1, 8, 8), 6, activation="relu"), LeNet()
    names = [layer.name for layer in simulated.network.layers]
    for name in names:
        fill(model.get_submodule(name), simulated.own(name))
    assert_same(simulated, model, dict(zip(names, names, strict=True)))


class KNet(nn.Module):
    def __init__(self, norm, local_response: bool, plain: bool) -> None:
        super().__init__()
        sizes = [(2, 4), (4, 8), (8, 8)]
        self.convs = nn.ModuleList(nn.Conv2d(*one, 3, padding=1, bias=plain) for one in sizes)
        self.norms = nn.ModuleList(norm(n) for _, n in sizes)
        self.output, self.local_response = nn.Linear(8 * 16, 5), local_response

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = functional.max_pool2d(x, 2) if index else x
            x = torch.tanh(norm(conv(x)))
            if self.local_response:
                x = functional.local_response_norm(x, 5, 1.0, 0.75, 1.0)
        return {"logits": self.output(functional.adaptive_avg_pool2d(x, 4).flatten(1)), "map": x}


@pytest.mark.parametrize(
    ("architecture", "normalisation"),
    [("knet4", "batch"), ("knet4", "layer"), ("knet4_lrn", "none")],
)
def test_knet(architecture: str, normalisation: str) -> None:
    simulated = Simulated(
        architecture, (2, 16, 16), 4, activation="tanh", normalisation=normalisation
    )
    plain = normalisation == "none"
    model = KNet(NORMS[normalisation][1], architecture == "knet4_lrn", plain)
    names = {"output": "output"} | {f"convs.{index}": f"conv{index + 1}" for index in range(3)}
    for copy, name in names.items():
        norm = None if plain or name == "output" else model.norms[int(copy[-1])]
        fill(model.get_submodule(copy), simulated.own(name), norm)
    assert_same(simulated, model, names)


def residual_names(first_stage: str, shortcut: str) -> dict[str, str]:
    """By layer of a residual network as torchvision names it, that of the simulator."""
    names = {"conv1": "stem", "fc": "output"}
    for stage in range(4):
        for block in range(2):
            there, here = f"{first_stage}{stage + 1}.{block}", f"stage{stage + 1}.{block + 1}"
            names |= {f"{there}.conv{k}": f"{here}.conv{k}" for k in (1, 2)}
            if stage and not block:
                names[f"{there}.{shortcut}"] = f"{here}.shortcut"
    return names


def test_a_residual_network() -> None:

    class ResNet18(load_example("record_resnet").ResNet):
        def __init__(self) -> None:
            super().__init__((2, 2, 2), width=3, n_out=5)
            self.layer4 = self._make_layer(12, 24, 2, stride=2)
            self.fc = nn.Linear(24, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu(self.bn1(self.conv1(x)))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(torch.flatten(self.avgpool(x), 1))

    simulated, model = Simulated("resnet18", (1, 16, 16), 3, activation="relu"), ResNet18()
    names = residual_names("layer", "downsample.0")
    for copy, name in names.items():
        norm = copy.replace("conv", "bn").replace("downsample.0", "downsample.1")
        own = None if copy == "fc" else model.get_submodule(norm)
        fill(model.get_submodule(copy), simulated.own(name), own)
    assert_same(simulated, model, names)


class PreActivation(nn.Module):
    """The second form: normalisation and nonlinearity stand before the convolution they feed."""

    def __init__(self, n_in: int, n: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(n_in), nn.BatchNorm2d(n)
        self.conv1 = nn.Conv2d(n_in, n, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(n, n, 3, 1, 1, bias=False)
        if n_in != n:
            self.shortcut = nn.Conv2d(n_in, n, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.relu(self.bn1(x))
        skipped = self.shortcut(h) if hasattr(self, "shortcut") else x
        return skipped + self.conv2(functional.relu(self.bn2(self.conv1(h))))


class ResNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3, padding=1, bias=False)
        stages = [((n, n, 1) if n == 3 else (n // 2, n, 2), (n, n, 1)) for n in (3, 6, 12, 24)]
        self.stages = nn.ModuleDict(
            {
                str(k + 1): nn.Sequential(*(PreActivation(*one) for one in s))
                for k, s in enumerate(stages)
            }
        )
        self.bn, self.fc = nn.BatchNorm2d(24), nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for stage in self.stages.values():
            x = stage(x)
        return self.fc(functional.relu(self.bn(x)).mean((2, 3)))


def test_a_residual_network_of_the_second_form() -> None:
    simulated, model = Simulated("resnet18v2", (1, 16, 16), 3, activation="relu"), ResNetV2()
    names = residual_names("stages.", "shortcut")
    blocks = [block for stage in model.stages.values() for block in stage]
    # The normalisation that follows a layer is the first of the next block, or the last of all.
    after = [block.bn1 for block in blocks[1:]] + [model.bn]
    norms = {"conv1": blocks[0].bn1}
    for index, (block, norm) in enumerate(zip(blocks, after, strict=True)):
        place = f"stages.{index // 2 + 1}.{index % 2}"
        norms |= {f"{place}.conv1": block.bn2, f"{place}.conv2": norm}
    for copy, name in names.items():
        fill(model.get_submodule(copy), simulated.own(name), norms.get(copy))
    assert_same(simulated, model, names)


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(3, 7, num_layers=2, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(7, 5)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(x.flatten(1, 2).mT)
        return self.fc(outputs[:, -1])


def test_a_recurrent_network() -> None:
    simulated, model = Simulated("rnn2", (1, 3, 6), 7, activation="relu"), Stack()
    with torch.no_grad():
        for index in range(2):
            own = simulated.own(f"recurrent{index + 1}")
            model.rnn.get_parameter(f"weight_hh_l{index}").copy_(own["weight"])
            model.rnn.get_parameter(f"bias_hh_l{index}").copy_(own["bias"])
            model.rnn.get_parameter(f"bias_ih_l{index}").zero_()
            given = simulated.own(f"input{index + 1}")["weight"]
            model.rnn.get_parameter(f"weight_ih_l{index}").copy_(given)
    fill(model.fc, simulated.own("output"))
    assert_same(simulated, model, {"rnn.l0": "recurrent1", "rnn.l1": "recurrent2", "fc": "output"})


class ByHand(nn.Module):
    """A recurrent network whose layers are called once in each time step."""

    def __init__(self) -> None:
        super().__init__()
        self.u, self.w = nn.Linear(3, 7, bias=False), nn.Linear(7, 7)
        self.fc = nn.Linear(7, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 7)
        for now in x.flatten(1, 2).unbind(2):
            h = torch.tanh(self.u(now) + self.w(h))
        return self.fc(h)


def test_a_recurrent_network_by_hand() -> None:
    simulated, model = Simulated("rnn", (1, 3, 6), 7, activation="tanh"), ByHand()
    names = {"u": "input1", "w": "recurrent1", "fc": "output"}
    for copy, name in names.items():
        fill(model.get_submodule(copy), simulated.own(name))
    assert_same(simulated, model, names)
