"""What an observer keeps of layers to compare each two checkpoints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.networks import Network, build_network
from rule_id.observables.feedback import ahead_tables, stage
from rule_id.observables.measurement import Measurement
from rule_id.observables.observer import Observer
from rule_id.observables.pairs import (
    agreement_table,
    distance_table,
    evenness_table,
    shape_tables,
    similarity,
)
from rule_id.schema import PAIRS

E, T, STIMULI = 3, 4, 9
WEIGHTS = [name for name in PAIRS if name.startswith("weight_")]


def dense() -> Network:
    return build_network("dense2", input_shape=(8,), n_out=4, width=20, activation="relu")


def courses(network: Network) -> list[torch.Tensor]:
    """Parameters of E networks (E, n) at T checkpoints."""
    source = torch.Generator().manual_seed(0)
    steps = torch.randn(T, E, network.n_parameters, generator=source, dtype=torch.float64)
    return list(0.3 * steps.cumsum(0))


def followed(network: Network, measurement: Measurement, seeds=(1, 2, 3), some=slice(None)):
    """Pairs by name (E, layers, T, T), and what they are of."""
    shape = (8,) if network.layers[0].kind == "dense" else (1, 6, 6)
    stimuli = torch.randn(E, STIMULI, *shape, dtype=torch.float64,
                          generator=torch.Generator().manual_seed(1))  # fmt: skip
    observer = Observer(measurement, np.array(seeds)[some].tolist())
    seen = []
    for checkpoint, vector in enumerate(courses(network)):
        parameters = network.unflatten(vector[some])
        activity = network.forward(parameters, network.arrange(stimuli[some]))
        observer.measure(network.layers, parameters, activity, checkpoint)
        seen.append((parameters, activity))
    pairs = observer.pairs()
    assert pairs is not None
    return dict(zip(PAIRS, pairs.unbind(2), strict=True)), seen


def test_a_measurement_that_does_not_ask_keeps_nothing() -> None:
    assert Observer(Measurement(pairs=False), [1]).pairs() is None


def test_pairs_are_of_all_weights_and_of_similarity() -> None:
    network = dense()
    found, seen = followed(network, Measurement(pairs=True))
    assert found["weight_distance"].shape == (E, 3, T, T)
    for layer in range(3):
        w = torch.stack([parameters[layer]["weight"] for parameters, _ in seen], 1)
        expected = shape_tables(w) | {"weight_distance": distance_table(w.flatten(2))}
        expected["weight_entry_evenness"] = evenness_table(w.flatten(2))
        kernels = [
            torch.stack([similarity(activity.outputs[k]) for _, activity in seen], 1)
            for k in range(layer, min(layer + 2, 3))
        ]
        expected["activation_distance"] = distance_table(kernels[0])
        if layer < 2:
            expected["activation_agreement"] = agreement_table(*kernels)
            v = torch.stack([parameters[layer + 1]["weight"] for parameters, _ in seen], 1)
            expected |= ahead_tables(w, v, w.shape[2])
        for name, table in expected.items():
            torch.testing.assert_close(found[name][:, layer], table, equal_nan=True)
        assert {name for name in PAIRS if found[name][:, layer].isfinite().any()} == set(expected)


def test_of_units_that_run_in_time_their_own_weights_come_in_and_go_out() -> None:
    network = build_network("rnn", input_shape=(1, 3, 6), n_out=4, width=7, activation="relu")
    observer = Observer(Measurement(pairs=True), [1, 2, 3])
    stimuli = torch.randn(E, STIMULI, 1, 3, 6, dtype=torch.float64,
                          generator=torch.Generator().manual_seed(1))  # fmt: skip
    seen = []
    for checkpoint, vector in enumerate(courses(network)):
        parameters = network.unflatten(vector)
        activity = network.forward(parameters, network.arrange(stimuli))
        observer.measure(network.layers, parameters, activity, checkpoint)
        seen.append([own["weight"].flatten(2) for own in parameters])
    u, w, v = (torch.stack(own, 1) for own in zip(*seen, strict=True))
    ahead, own = stage(u, w, v[..., None])
    found = dict(zip(PAIRS, observer.pairs().unbind(2), strict=True))
    for name, table in ahead_tables(own, ahead, 7).items():
        for layer in range(2):
            torch.testing.assert_close(found[name][:, layer], table, equal_nan=True)
        assert found[name][:, 2].isnan().all()
    some = Observer(Measurement(units=5, pairs=True), [1, 2, 3])
    for checkpoint, vector in enumerate(courses(network)):
        parameters = network.unflatten(vector)
        activity = network.forward(parameters, network.arrange(stimuli))
        some.measure(network.layers, parameters, activity, checkpoint)
    found = dict(zip(PAIRS, some.pairs().unbind(2), strict=True))
    assert found["weight_agreement"].isnan().all()
    assert found["weight_distance"][..., -1, 0].isfinite().all()


def test_a_network_is_compared_alike_alone() -> None:
    measurement = Measurement(units=7, noise_std=0.5, pairs=True)
    every, _ = followed(dense(), measurement)
    one, _ = followed(dense(), measurement, some=slice(1, 2))
    for name in PAIRS:
        torch.testing.assert_close(one[name][0], every[name][1], equal_nan=True)


def test_of_some_units_those_seen_on_both_sides_are_joined() -> None:
    """Sides of a layer are drawn apart; the gain is that of what both draws share."""
    network, half = dense(), Measurement(units=0.5, pairs=True)
    found, seen = followed(network, half)
    observer = Observer(half, [1, 2, 3])
    rows, _ = observer._channels(network.layers[0], 0, torch.device("cpu"), 0)
    columns, inputs = (observer._channels(network.layers[k], k, torch.device("cpu"), 0)[1]
                       for k in (1, 0))  # fmt: skip
    ahead, _ = observer._channels(network.layers[1], 1, torch.device("cpu"), 0)
    for index in range(E):
        shared = sorted(set(rows[index].tolist()) & set(columns[index].tolist()))
        w = torch.stack([p[0]["weight"][index][shared][:, inputs[index]] for p, _ in seen])
        v = torch.stack([p[1]["weight"][index][ahead[index]][:, shared] for p, _ in seen])
        for name, table in ahead_tables(w, v, len(shared)).items():
            torch.testing.assert_close(found[name][index, 0], table, equal_nan=True)


@pytest.mark.parametrize(
    "measurement",
    [
        Measurement(units=7, tracked=False, pairs=True),
        Measurement(units=7, observation="poisson", pairs=True),
        Measurement(units=7, observation="calcium", pairs=True),
    ],
)
def test_where_weights_are_not_followed_activity_still_is(measurement: Measurement) -> None:
    found, _ = followed(dense(), measurement)
    assert all(found[name].isnan().all() for name in WEIGHTS)
    lower = torch.ones(T, T).tril().bool()
    assert found["activation_distance"][..., lower].isfinite().all()


def test_all_units_are_the_same_ones_tracked_or_not() -> None:
    tracked, _ = followed(dense(), Measurement(pairs=True))
    redrawn, _ = followed(dense(), Measurement(tracked=False, pairs=True))
    for name in PAIRS:
        torch.testing.assert_close(redrawn[name], tracked[name], equal_nan=True)


def test_channels_are_joined_through_convolutions_to_the_readout() -> None:
    network = build_network("knet4", input_shape=(1, 6, 6), n_out=4, width=3, activation="relu")
    found, seen = followed(network, Measurement(pairs=True))
    gains = found["weight_gain"]
    for layer, one in enumerate(network.layers):
        last = layer == len(network.layers) - 1
        fed = not last and network.layers[layer + 1].channels_in % one.channels_out == 0
        assert gains[:, layer].tril().isfinite().all() == bool(fed and not last), layer
    first = [p[0]["weight"].flatten(2) for p, _ in seen]
    torch.testing.assert_close(
        found["weight_row_evenness"][:, 0],
        shape_tables(torch.stack(first, 1))["weight_row_evenness"],
        equal_nan=True,
    )


def test_what_is_kept_is_a_copy() -> None:
    """Training changes weights in place."""
    network, observer = dense(), Observer(Measurement(pairs=True), [1, 2, 3])
    vector, stimuli = courses(network)[0], torch.randn(E, STIMULI, 8, dtype=torch.float64)
    for checkpoint in range(2):
        parameters = network.unflatten(vector)
        activity = network.forward(parameters, stimuli)
        observer.measure(network.layers, parameters, activity, checkpoint)
        vector += 1.0
    pairs = observer.pairs()
    assert pairs is not None and (pairs[:, :, 0, 1, 0] > 0).all()
