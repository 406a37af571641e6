"""Passes through all layers: in training, in measuring, and what they cost."""

from __future__ import annotations

import pytest
import torch
from small import N_OUT, noise, small

from rule_id.networks import ARCHITECTURES, build_network
from rule_id.networks.network import TIME_STEPS

WITH_DROPOUT = [
    name
    for name in ARCHITECTURES
    if any(one.dropout for one in small(name, dropout=0.5).network.layers)
]


def test_dropout_is_for_hidden_layers_of_which_lenet_s_and_alexnet_s_are_dense() -> None:
    assert set(WITH_DROPOUT) == set(ARCHITECTURES)
    for name in WITH_DROPOUT:
        *hidden, last = small(name, dropout=0.5).network.layers
        assert last.dropout == 0
        if name.startswith(("lenet", "alexnet")):
            assert all(bool(one.dropout) == (one.kind == "dense") for one in hidden)


@pytest.mark.parametrize("architecture", WITH_DROPOUT)
def test_dropout_in_training_alone(architecture: str) -> None:
    made = small(architecture, dropout=0.5)
    network, own, x = made.network, made.parameters, made.batch.x
    plain = small(architecture).network.forward(own, x).output
    assert torch.equal(network.forward(own, x).output, plain)
    first, again, later = (
        network.training(noise(3).at(step)).forward(own, x).output for step in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, plain) and not torch.allclose(first, later)
    measured = network.training(noise(3).at(0)).evaluating(own, x)
    torch.testing.assert_close(measured.forward(own, x).output, plain)


def test_training_without_dropout_draws_nothing() -> None:
    network = small("resnet18").network
    assert network.training(noise(3).at(0)) is network


def test_a_recurrent_layer_leaves_the_same_units_out_at_every_time_step() -> None:
    made = small("rnn", "tanh", dropout=0.5)
    activity = made.network.training(noise(3).at(0)).forward(made.parameters, made.batch.x)
    silent = activity.outputs[1] == 0
    assert bool(silent.any()) and torch.equal(silent[:, :, :1].expand_as(silent), silent)


BATCH_NORMALISED = [n for n, one in ARCHITECTURES.items() if "batch" in one.normalisations]


@pytest.mark.parametrize("architecture", BATCH_NORMALISED)
def test_measuring_uses_the_statistics_of_the_examples_it_is_given(architecture: str) -> None:
    made = small(architecture, "relu", normalisation="batch")
    own, x = made.parameters, made.batch.x
    training = made.network.forward(own, x).output
    measured = made.network.evaluating(own, x)
    torch.testing.assert_close(measured.forward(own, x).output, training)
    # What one example does not depend on the others.
    alone = measured.forward(own, x[:, 4:5]).output
    torch.testing.assert_close(alone, training[:, 4:5])
    assert not torch.allclose(made.network.forward(own, x[:, :5]).output, training[:, :5])


def test_measuring_again_takes_new_statistics() -> None:
    made = small("dense3", "relu", normalisation="batch")
    own, x = made.parameters, made.batch.x
    other = made.network.evaluating(own, 3 * x + 1)
    torch.testing.assert_close(
        other.evaluating(own, x).forward(own, x).output, made.network.forward(own, x).output
    )


@pytest.mark.parametrize("normalisation", ["none", "layer"])
def test_other_normalisations_are_the_same_in_measuring(normalisation: str) -> None:
    made = small("dense3", normalisation=normalisation)
    own, x = made.parameters, made.batch.x
    assert made.network.evaluating(own, x) == made.network


def test_inputs_in_the_form_that_a_network_takes() -> None:
    image = torch.arange(2 * 3 * 2 * 4 * 5.0).view(2, 3, 2, 4, 5)
    dense, knet, rnn = (small(name).network for name in ("dense1", "knet4", "rnn"))
    assert torch.equal(dense.arrange(image), image.flatten(2))
    assert knet.arrange(image) is image
    columns = rnn.arrange(image)
    assert columns.shape == (2, 3, 5, 8)
    assert torch.equal(columns[:, :, 3], image[..., 3].flatten(2))
    vector = image.flatten(2)
    assert torch.equal(dense.arrange(vector), vector)
    held = rnn.arrange(vector)
    assert held.shape == (2, 3, TIME_STEPS, 40)
    assert all(torch.equal(held[:, :, t], vector) for t in range(TIME_STEPS))


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("dense2", 6 * 5 + 5 * 5 + 5 * N_OUT),
        # 8 time steps, of which the readout sees the last.
        ("rnn", 8 * (6 * 5 + 5 * 5) + 5 * N_OUT),
        ("rate_rnn2", 8 * (6 * 5 + 3 * 5 * 5) + 5 * N_OUT),
        # 4 x 4 positions, then 2 x 2, then 2 x 2: kernels 3 x 3 of 2, 4 and 4 channels.
        ("knet4", 16 * 9 * 2 * 2 + 4 * 9 * 2 * 4 + 4 * 9 * 4 * 4 + 4 * 4 * N_OUT),
    ],
)
def test_products_by_hand(architecture: str, expected: int) -> None:
    assert small(architecture).network.n_products() == expected


def test_products_follow_positions_and_time_steps() -> None:
    rnn = small("rnn").network
    assert rnn.n_products(5) - rnn.n_products(4) == 6 * 5 + 5 * 5
    few, many = (
        build_network("resnet18", input_shape=(3, n, n), n_out=9, width=4, activation="relu")
        for n in (16, 32)
    )
    assert many.n_products() - 32 * 9 == 4 * (few.n_products() - 32 * 9)


def test_chains_are_dense_and_convolutional_networks() -> None:
    chains = [name for name in ARCHITECTURES if small(name).network.is_chain]
    assert chains == [
        name for name, one in ARCHITECTURES.items() if one.group in ("dense", "convolutional")
    ]


def test_names_of_layers_are_unique_and_each_is_fed_by_an_earlier_one() -> None:
    for architecture in ARCHITECTURES:
        layers = small(architecture).network.layers
        assert len({one.name for one in layers}) == len(layers)
        for index, layer in enumerate(layers):
            others = (layer.source, layer.skip, layer.stream)
            assert all(one is None or -1 <= one < index for one in others)
