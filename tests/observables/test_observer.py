from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
import torch

from rule_id.networks import build_network
from rule_id.observables import activation_statistics, tensor_statistics
from rule_id.observables.measurement import Measurement
from rule_id.observables.observation import GAIN_DRIFT
from rule_id.observables.observer import Observer
from rule_id.trajectories import STATISTICS

E, STIMULI = 3, 11


def observer(measurement: Measurement = Measurement(), seeds=(1, 2, 3)):  # noqa: B008
    network = build_network("dense2", input_shape=(8,), n_out=4, width=20, activation="relu")
    generator = torch.Generator().manual_seed(0)
    vector = 0.3 * torch.randn(E, network.n_parameters, generator=generator, dtype=torch.float64)
    stimuli = torch.randn(E, STIMULI, 8, generator=generator, dtype=torch.float64)
    return Observer(measurement, seeds), network, vector, stimuli


def measure(watch: Observer, network, vector, stimuli, checkpoint: int = 0):
    parameters = network.unflatten(vector)
    activity = network.forward(parameters, stimuli)
    return named(watch.measure(network.layers, parameters, activity, checkpoint))


def named(table: torch.Tensor) -> dict[str, torch.Tensor]:
    """Each statistic by name, (E, layers)."""
    return dict(zip(STATISTICS, table.unbind(-1), strict=True))


def test_everything_seen_is_the_statistics_of_the_tensors() -> None:
    watch, network, vector, stimuli = observer()
    parameters = network.unflatten(vector)
    seen = measure(watch, network, vector, stimuli)
    activity = network.forward(parameters, stimuli)
    outputs = [*activity.inputs[1:], activity.output]
    for layer, (own, output) in enumerate(zip(parameters, outputs, strict=True)):
        expected = tensor_statistics(own["weight"].flatten(1), "weight")
        expected |= activation_statistics(output)
        for name, value in expected.items():
            torch.testing.assert_close(seen[name][:, layer], value)


def test_activity_change_is_the_jacobian_summed_over_inputs() -> None:
    watch, network, vector, stimuli = observer()
    parameters = network.unflatten(vector)
    seen = measure(watch, network, vector, stimuli)["activity_change_raw_mean"][:, 0]
    layer = network.layers[0]
    for index in range(E):
        own = {name: tensor[index : index + 1] for name, tensor in parameters[0].items()}
        per_stimulus = []
        for x in stimuli[index]:
            jacobian = torch.autograd.functional.jacobian(
                lambda h, own=own: layer.activate(layer.preactivation(own, h[None, None]))[0, 0], x
            )
            per_stimulus.append(jacobian.mean(0).sum())
        torch.testing.assert_close(seen[index], torch.stack(per_stimulus).mean())


def test_units_that_settle_are_measured_where_they_settled() -> None:
    """What drives a unit from elsewhere is held: response f(z + drive), slopes taken there."""
    watch, network, vector, stimuli = observer()
    parameters = network.unflatten(vector)
    forward = network.forward(parameters, stimuli)
    drive = torch.full_like(forward.preactivations[0], 0.7)
    settled = network.forward(parameters, stimuli, added=[drive, None, None])
    seen = named(watch.measure(network.layers, parameters, settled, 0))
    z = forward.preactivations[0] + drive
    expected = activation_statistics(torch.relu(z))
    torch.testing.assert_close(seen["activation_raw_mean"][:, 0], expected["activation_raw_mean"])
    slopes = (z > 0).double() @ parameters[0]["weight"] / z.shape[-1]
    torch.testing.assert_close(seen["activity_change_raw_mean"][:, 0], slopes.sum(-1).mean(-1))


def test_observing_is_passive() -> None:
    watch, network, vector, stimuli = observer(Measurement(units=0.5, noise_std=1.0))
    before, state = vector.clone(), torch.get_rng_state()
    measure(watch, network, vector, stimuli)
    assert torch.equal(vector, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_units_when_tracked_others_when_not() -> None:
    for tracked in (True, False):
        watch, network, vector, stimuli = observer(Measurement(units=0.5, tracked=tracked))
        first, second = (measure(watch, network, vector, stimuli, k) for k in (0, 1))
        same = torch.equal(first["activation_raw_mean"], second["activation_raw_mean"])
        assert same == tracked


def test_few_units_estimate_the_mean_of_all() -> None:
    """Over many seeds the mean over half of the units is the mean over all of them."""
    exact, network, vector, stimuli = observer()
    everything = measure(exact, network, vector, stimuli)["activation_raw_mean"]
    watches = [
        observer(Measurement(units=10), seeds=(s, s + 1000, s + 2000))[0] for s in range(200)
    ]
    halves = torch.stack(
        [measure(one, network, vector, stimuli)["activation_raw_mean"] for one in watches]
    )
    error = halves.std(0) / np.sqrt(200)
    assert bool(((halves.mean(0) - everything).abs() < 5 * error + 1e-9).all())
    # The last layer has 4 units, all of which are seen.
    torch.testing.assert_close(halves[:, :, 2], everything[None, :, 2].expand(200, -1))


def test_noise_adds_its_variance_and_is_scaled_at_the_first_checkpoint() -> None:
    watch, network, vector, stimuli = observer(Measurement(noise_std=2.0))
    clean = measure(observer()[0], network, vector, stimuli)["weight_raw_var"][:, 1]  # 400 entries
    first = measure(watch, network, vector, stimuli)["weight_raw_var"][:, 1]
    torch.testing.assert_close(first, 5 * clean, rtol=0.25, atol=0)
    halved = measure(watch, network, 0.5 * vector, stimuli, 1)["weight_raw_var"][:, 1]
    torch.testing.assert_close(halved, 4.25 * clean, rtol=0.25, atol=0)


def test_noise_on_slopes_adds_its_variance_to_their_sum() -> None:
    """Over seeds: that of as many independent slopes as are summed, noise on each."""
    _, network, vector, stimuli = observer()
    layer, parameters = network.layers[1], network.unflatten(vector)[1]
    activity = network.forward(network.unflatten(vector), stimuli)
    pull = (activity.preactivations[1] > 0).double() / 20
    spread = (pull @ parameters["weight"]).flatten(1).std(1, correction=0)
    clean = measure(observer()[0], network, vector, stimuli)["activity_change_raw_mean"][:, 1]
    noisy = torch.stack(
        [
            measure(
                observer(Measurement(noise_std=2.0), seeds=(s, s + 1000, s + 2000))[0],
                network, vector, stimuli,
            )["activity_change_raw_mean"][:, 1]
            for s in range(300)
        ]
    )  # fmt: skip
    expected = 2.0 * spread * np.sqrt(layer.n_in / STIMULI)
    torch.testing.assert_close(noisy.std(0), expected, rtol=0.15, atol=0)
    torch.testing.assert_close(noisy.mean(0), clean, rtol=0, atol=float(expected.max()) / 4)


MEASUREMENTS = {
    "exact": Measurement(units=0.5),
    "gaussian": Measurement(units=0.5, noise_std=0.5),
    "untracked": Measurement(units=0.5, noise_std=0.5, tracked=False),
    "poisson": Measurement(units=0.5, observation="poisson", counts=3),
    "calcium": Measurement(units=0.5, noise_std=0.1, observation="calcium"),
}


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_network_is_measured_alike_alone_and_in_an_ensemble(name: str) -> None:
    watch, network, vector, stimuli = observer(MEASUREMENTS[name])
    alone = Observer(MEASUREMENTS[name], [2])
    for checkpoint in range(3):
        together = measure(watch, network, vector, stimuli, checkpoint)
        single = measure(alone, network, vector[1:2], stimuli[1:2], checkpoint)
        for statistic, value in single.items():
            torch.testing.assert_close(
                value[0], together[statistic][1], rtol=1e-9, atol=1e-12, equal_nan=True
            )


SOME = (
    "weight_raw_mean", "weight_abs_norm", "activation_raw_mean", "activation_sq_kurtosis",
    "activity_change_raw_mean",
)  # fmt: skip
# Of network 1, one row a layer, computed before layers other than dense were measured; what has
# noise since it is drawn for the entries alone that are seen, and for a sum of slopes once.
BEFORE = {
    (0.5, 0.0, True, 0): [
        [-0.02617822273189783, 2.2301485331944777, 0.6088326855103915, 4.594075921728879,
         -0.005269512711253946],
        [0.03541242375159213, 2.8320201204370803, 0.6690284953056592, 3.829129942867363,
         0.4987615268952036],
        [0.02711637745688028, 1.0394016899977474, -0.6225450790195816, 1.0, 0.2711637745688028],
    ],
    (10, 0.5, True, 1): [
        [0.0043380679415679696, 3.246283261818996, 0.5695466421731875, 5.493356238866728,
         0.1462646696053801],
        [0.03182529887170088, 3.1715866211160497, 0.6373005215672242, 4.360999377026551,
         0.4695597343495532],
        [0.006524758009581964, 2.0336171877878444, -0.17885798758153015, 1.8587336647467536,
         0.26755711847175173],
    ],
    (0.3, 1.0, False, 2): [
        [0.00804257680208725, 2.2959444747410287, 0.4248827038198083, 2.8481119676493374,
         -0.014966137576512923],
        [2.9649891666668668e-06, 2.1944338627835775, 0.40489688662354256, 2.5872556508403566,
         -0.1142511359722327],
        [0.28080014644505696, 1.4382581083828603, 0.286180841314718, 1.0, 0.6028133654975356],
    ],
}  # fmt: skip


@pytest.mark.parametrize("given", BEFORE)
def test_dense_layers_are_measured_as_they_always_were(given) -> None:
    """The same units and the same noise; to rounding, for other processors sum in another order."""
    units, noise_std, tracked, checkpoint = given
    watch, network, vector, stimuli = observer(Measurement(units, noise_std, tracked))
    for earlier in range(checkpoint + 1):
        seen = measure(watch, network, vector, stimuli, earlier)
    found = np.stack([seen[name][1] for name in SOME], -1)
    np.testing.assert_allclose(found, BEFORE[given], rtol=1e-11)


@dataclass(frozen=True)
class Convolution:
    """3 x 3, same size, relu: channels (c_in, H, W) to (c_out, H, W)."""

    channels_in: int
    channels_out: int
    side: int
    unit_dims: ClassVar[int] = 3

    @property
    def n_in(self) -> int:
        return self.channels_in * self.side**2

    @property
    def n_out(self) -> int:
        return self.channels_out * self.side**2

    def preactivation(self, parameters, h):
        pairs = zip(parameters["weight"], h, strict=True)
        return torch.stack([torch.nn.functional.conv2d(x, w, padding=1) for w, x in pairs])

    def along(self, parameters, h, direction):
        return self.preactivation(parameters, direction)

    def activate(self, z):
        return torch.relu(z)


class Activity(NamedTuple):
    inputs: list[torch.Tensor]
    preactivations: list[torch.Tensor]
    outputs: list[torch.Tensor]


def convolved(scale: float = 1.0):
    """Two convolutions, their parameters, and their activity on 5 images of each network."""
    layers = [Convolution(3, 4, 6), Convolution(4, 8, 6)]
    source = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    parameters = [{"weight": normal(E, o, i, 3, 3)} for i, o in ((3, 4), (4, 8))]
    parameters[0]["weight"] *= scale
    activity = Activity([], [], [])
    x = normal(E, 5, 3, 6, 6)
    for layer, own in zip(layers, parameters, strict=True):
        activity.inputs.append(x)
        activity.preactivations.append(layer.preactivation(own, x))
        x = layer.activate(activity.preactivations[-1])
        activity.outputs.append(x)
    return layers, parameters, activity


def test_a_convolution_s_units_are_all_its_places_in_all_its_channels() -> None:
    layers, parameters, activity = convolved()
    seen = named(Observer(Measurement(), range(E)).measure(layers, parameters, activity, 0))
    for index, own in enumerate(parameters):
        expected = tensor_statistics(own["weight"].flatten(1), "weight")
        expected |= activation_statistics(activity.outputs[index].flatten(2))
        for name, value in expected.items():
            torch.testing.assert_close(seen[name][:, index], value)


def test_the_activity_change_of_a_convolution_is_its_jacobian_summed_over_inputs() -> None:
    layers, parameters, activity = convolved()
    seen = named(Observer(Measurement(), range(E)).measure(layers, parameters, activity, 0))
    own = {"weight": parameters[0]["weight"][:1]}
    per_image = []
    for image in activity.inputs[0][0]:
        jacobian = torch.autograd.functional.jacobian(
            lambda h: layers[0].activate(layers[0].preactivation(own, h[None, None])).mean(), image
        )
        per_image.append(jacobian.sum())
    found = seen["activity_change_abs_mean"][0, 0]
    torch.testing.assert_close(found, torch.stack(per_image).abs().mean())


@pytest.mark.parametrize(("axis", "n", "seen_of_them"), [(0, 8, 4), (1, 4, 2), (2, 3, 3)])
def test_of_a_convolution_s_weights_whole_channels_are_seen(axis, n, seen_of_them) -> None:
    """Of weights that are 1 at one place of an axis: half of the channels, all of the taps."""
    layers, parameters, activity = convolved()
    watch = Observer(Measurement(units=0.5), range(E))
    shares = []
    for place in range(n):
        weight = torch.zeros(E, 8, 4, 3, 3, dtype=torch.float64)
        weight.select(axis + 1, place).fill_(1)
        seen = named(watch.measure(layers, [parameters[0], {"weight": weight}], activity, 0))
        shares.append(seen["weight_raw_mean"][:, 1])
    found = torch.stack(shares).sort(0).values
    expected = torch.tensor([0.0] * (n - seen_of_them) + [1 / seen_of_them] * seen_of_them)
    torch.testing.assert_close(found, expected.double()[:, None].expand(n, E))


def test_half_of_a_convolution_s_units_are_seen_whatever_their_channel() -> None:
    layers, parameters, activity = convolved()
    ones = [torch.ones_like(x) for x in activity.outputs]
    alike = Activity(activity.inputs, activity.preactivations, ones)
    seen = named(Observer(Measurement(units=0.5), range(E)).measure(layers, parameters, alike, 0))
    expected = torch.tensor([72.0, 144.0], dtype=torch.float64).sqrt().expand(E, 2)
    torch.testing.assert_close(seen["activation_raw_norm"], expected)


@dataclass(frozen=True)
class Recurrent:
    """h_t = tanh(W h_{t-1} + what comes from below)."""

    n_in: int
    n_out: int
    unit_dims: ClassVar[int] = 1

    @property
    def channels_in(self) -> int:
        return self.n_in

    @property
    def channels_out(self) -> int:
        return self.n_out

    def preactivation(self, parameters, h):
        return h @ parameters["weight"].mT[:, None]

    def along(self, parameters, h, direction):
        return self.preactivation(parameters, direction)

    def activate(self, z):
        return torch.tanh(z)


def unrolled():
    layer, source = Recurrent(6, 6), torch.Generator().manual_seed(2)
    own = {"weight": 0.5 * torch.randn(E, 6, 6, generator=source, dtype=torch.float64)}
    drive = torch.randn(E, 5, 7, 6, generator=source, dtype=torch.float64)
    h, states, zs = torch.zeros(E, 5, 1, 6, dtype=torch.float64), [], []
    for t in range(7):
        zs.append(layer.preactivation(own, h) + drive[:, :, t : t + 1])
        states.append(h)
        h = layer.activate(zs[-1])
    outputs = torch.cat([*states[1:], h], 2)
    return [layer], [own], Activity([torch.cat(states, 2)], [torch.cat(zs, 2)], [outputs])


def test_each_time_step_of_a_recurrent_layer_counts_as_a_stimulus() -> None:
    layers, (own,), activity = unrolled()
    seen = named(Observer(Measurement(), range(E)).measure(layers, [own], activity, 0))
    for name, value in activation_statistics(activity.outputs[0].flatten(1, 2)).items():
        torch.testing.assert_close(seen[name][:, 0], value)
    # d mean(h_t) / d h_{t-1}, what comes from below held: mean over i of (1 - h_ti^2) W_ij.
    slopes = (1 - activity.outputs[0] ** 2) @ own["weight"][:, None] / 6
    expected = slopes.sum(-1).square().mean((1, 2))
    torch.testing.assert_close(seen["activity_change_sq_mean"][:, 0], expected)


@pytest.mark.parametrize("name", MEASUREMENTS)
@pytest.mark.parametrize("make", [convolved, unrolled])
def test_every_model_measures_every_kind_of_layer_and_changes_nothing(name: str, make) -> None:
    layers, parameters, activity = make()
    before = [own["weight"].clone() for own in parameters]
    state = torch.get_rng_state()
    seen = named(Observer(MEASUREMENTS[name], range(E)).measure(layers, parameters, activity, 0))
    assert all(value.shape == (E, len(layers)) for value in seen.values())
    assert bool(seen["activation_raw_var"].isfinite().all())
    assert all(torch.equal(own["weight"], was) for own, was in zip(parameters, before, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("observation", ["poisson", "calcium"])
def test_a_recording_has_neither_weights_nor_slopes(observation: str) -> None:
    watch, network, vector, stimuli = observer(Measurement(observation=observation))
    for name, value in measure(watch, network, vector, stimuli).items():
        assert bool(
            value.isfinite().all() if name.startswith("activation") else value.isnan().all()
        )


def scaled(measurement: Measurement, factor: float) -> torch.Tensor:
    """Statistics of the activations of a relu layer whose weights are multiplied at all times."""
    watch = Observer(measurement, range(E))
    layers, parameters, activity = convolved(factor)
    seen = [named(watch.measure(layers[:1], parameters[:1], activity, k)) for k in (0, 3)]
    return torch.stack([table["activation_raw_mean"] for table in seen])


def test_scale_multiplies_counts_and_leaves_fluorescence_alone() -> None:
    # Factors of 2, so that rounding is alike.
    for observation, expected in (("poisson", 8.0), ("calcium", 1.0)):
        measurement = Measurement(units=0.5, observation=observation)
        torch.testing.assert_close(scaled(measurement, 8.0), expected * scaled(measurement, 1.0))


def test_spikes_are_counted_on_the_scale_of_the_first_checkpoint() -> None:
    """Twice the activity is twice the spikes: the variance of counts grows with their mean."""
    watch, network, vector, _ = observer(Measurement(observation="poisson", counts=4))
    layer, parameters = network.layers[:1], network.unflatten(vector)[:1]
    level = torch.full((E, 400, 20), 1.5, dtype=torch.float64)
    for checkpoint, factor in enumerate((1.0, 2.0)):
        activity = Activity([], [], [factor * level])
        seen = named(watch.measure(layer, parameters, activity, checkpoint))
        mean, var = seen["activation_raw_mean"][:, 0], seen["activation_raw_var"][:, 0]
        expected = torch.full((E,), 1.5 * factor, dtype=torch.float64)
        torch.testing.assert_close(mean, expected, rtol=0.03, atol=0)
        # Over 20 units, of which the mean takes a twentieth.
        torch.testing.assert_close(var, expected * 1.5 / 4 * 19 / 20, rtol=0.06, atol=0)


def test_a_unit_that_is_tracked_drifts_and_others_have_other_gains() -> None:
    """Of one unit, fluorescence without noise is its gain; the walk goes on where it was."""
    layers, parameters, activity = unrolled()
    level = torch.linspace(1, 2, 6, dtype=torch.float64).expand(E, 1, 1, 6)
    steady = Activity(activity.inputs, activity.preactivations, [level])

    def logs(units, tracked=True):
        watch = Observer(Measurement(units, 0.0, tracked, "calcium"), range(E))
        tables = [named(watch.measure(layers, parameters, steady, k)) for k in range(40)]
        return torch.stack([table["activation_raw_mean"][:, 0] for table in tables]).log()

    steps = logs(1).diff(dim=0)
    assert bool((steps.abs() < 5 * GAIN_DRIFT).all())
    torch.testing.assert_close(steps.std(), torch.tensor(GAIN_DRIFT).double(), rtol=0.2, atol=0)
    assert float(logs(1, tracked=False).diff(dim=0).std()) > 2 * GAIN_DRIFT


@pytest.mark.parametrize("observation", ["poisson", "calcium"])
def test_a_layer_that_is_silent_at_first_has_no_scale(observation: str) -> None:
    watch, network, vector, stimuli = observer(Measurement(observation=observation))
    silent = measure(watch, network, 0 * vector, stimuli)
    later = measure(watch, network, vector, stimuli, 1)
    assert all(bool(table["activation_raw_mean"].isnan().all()) for table in (silent, later))
