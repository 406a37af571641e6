from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.networks import build_network
from rule_id.observables import activation_statistics, tensor_statistics
from rule_id.observables.measurement import Measurement, Observer, n_kept
from rule_id.trajectories import STATISTICS

E, STIMULI = 3, 11


def observer(measurement: Measurement = Measurement(), seeds=(1, 2, 3)):  # noqa: B008
    network = build_network("dense2", n_in=8, n_out=4, width=20, activation="relu")
    generator = torch.Generator().manual_seed(0)
    vector = 0.3 * torch.randn(E, network.n_parameters, generator=generator, dtype=torch.float64)
    stimuli = torch.randn(E, STIMULI, 8, generator=generator, dtype=torch.float64)
    return Observer(measurement, network.layers, seeds), network, vector, stimuli


def measure(watch: Observer, network, vector, stimuli, checkpoint: int = 0):
    parameters = network.unflatten(vector)
    return watch.measure(parameters, network.forward(parameters, stimuli), checkpoint)


def test_everything_seen_is_the_statistics_of_the_tensors() -> None:
    watch, network, vector, stimuli = observer()
    parameters = network.unflatten(vector)
    seen = measure(watch, network, vector, stimuli)
    assert tuple(seen) == STATISTICS
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
    seen = watch.measure(
        parameters, network.forward(parameters, stimuli, added=[drive, None, None]), 0
    )
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


def test_a_network_is_measured_alike_alone_and_in_an_ensemble() -> None:
    measurement = Measurement(units=0.5, noise_std=0.5)
    watch, network, vector, stimuli = observer(measurement)
    together = measure(watch, network, vector, stimuli)
    alone = Observer(measurement, network.layers, [2])
    for name, value in measure(alone, network, vector[1:2], stimuli[1:2]).items():
        torch.testing.assert_close(value[0], together[name][1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("units", "n", "kept"),
    [
        (1.0, 7, 7),
        (0.5, 7, 4),
        (1, 7, 1),
        (100, 7, 7),
        (0.01, 7, 1),
        (0.07, 100, 7),
        (0.55, 100, 55),
    ],
)
def test_how_many_units(units: float | int, n: int, kept: int) -> None:
    assert n_kept(units, n) == kept
