"""The table of architectures, and what does not go with which."""

from __future__ import annotations

import pytest

from rule_id.errors import InputError
from rule_id.networks import (
    ACTIVATIONS,
    ARCHITECTURE_GROUPS,
    ARCHITECTURES,
    NORMALISATIONS,
    build_network,
    get_architecture,
)


def build(architecture: str, shape: tuple[int, ...] = (3, 8, 8), **given: object):
    arguments = {"n_out": 5, "width": 3, "activation": "relu", **given}
    return build_network(architecture, input_shape=shape, **arguments)


def test_every_group_has_an_architecture_and_every_architecture_a_group() -> None:
    assert {one.group for one in ARCHITECTURES.values()} == set(ARCHITECTURE_GROUPS)
    for one in ARCHITECTURES.values():
        assert set(one.normalisations) <= set(NORMALISATIONS)
        assert one.images == (one.group in ("convolutional", "residual"))


@pytest.mark.parametrize(
    ("architecture", "layers"),
    [
        *((f"dense{n}", n + 1) for n in range(1, 7)),
        ("knet4", 4),
        ("knet5_lrn", 5),
        ("lenet", 5),
        ("alexnet", 8),
        ("rnn", 3),
        ("rate_rnn2", 5),
    ],
)
def test_depth_is_what_the_name_says(architecture: str, layers: int) -> None:
    network = build(architecture)
    assert len(network.layers) == layers
    assert network.layers[-1].name == "output" and network.layers[-1].n_out == 5


@pytest.mark.parametrize("name", ["resnet18", "resnet18v2", "resnet34", "resnet34v2"])
def test_residual_networks_have_as_many_layers_as_they_are_called_by(name: str) -> None:
    layers = build(name).layers
    counted = [one for one in layers if not one.name.endswith("shortcut")]
    assert len(counted) == int(name.removeprefix("resnet")[:2])
    # One where channels change: at the start of stages 2 to 4.
    assert len(layers) - len(counted) == 3


@pytest.mark.parametrize(
    ("architecture", "channels"),
    [
        ("knet4", [3, 6, 6]),
        ("knet5", [3, 6, 6, 6]),
        ("lenet", [3, 8]),
        ("alexnet", [3, 9, 18, 12, 12]),
    ],
)
def test_width_is_the_channels_of_the_first_convolution(
    architecture: str, channels: list[int]
) -> None:
    layers = build(architecture).layers
    assert [one.channels_out for one in layers if one.kind == "convolution"] == channels


def test_published_sizes() -> None:
    """LeCun 1998; Krizhevsky 2014; He et al. 2015 (11.2 and 21.3 million with one scale fewer)."""
    lenet = build("lenet", (1, 32, 32), width=6, n_out=10)
    assert [one.channels_out for one in lenet.layers] == [6, 16, 120, 84, 10]
    alexnet = build("alexnet", (3, 224, 224), width=64, n_out=1000)
    assert [one.channels_out for one in alexnet.layers] == [
        64, 192, 384, 256, 256, 4096, 4096, 1000,
    ]  # fmt: skip
    assert alexnet.layers[0].map.shape_out == (64, 56, 56)
    for depth, millions in (("resnet18", 11.7), ("resnet34", 21.8)):
        network = build(depth, (3, 224, 224), width=64, n_out=1000)
        assert network.n_parameters / 1e6 == pytest.approx(millions, rel=0.005)
        assert network.layers[-2].map.shape_out[0] == 512


def test_maps_of_residual_networks_stop_shrinking_below_4() -> None:
    sides = {
        n: build("resnet18", (3, n, n)).layers[-2].map.shape_out[1] for n in (4, 8, 16, 32, 64)
    }
    assert sides == {4: 2, 8: 2, 16: 2, 32: 4, 64: 4}


def test_local_response_follows_where_it_did() -> None:
    for name, where in (
        ("knet4", [False] * 4),
        ("knet4_lrn", [True] * 3 + [False]),
        ("alexnet", [False] * 8),
        ("alexnet_lrn", [True] * 2 + [False] * 6),
    ):
        assert [one.local_response for one in build(name).layers] == where


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_normalisation_is_of_all_hidden_layers_and_none_left_out_means_its_own(
    architecture: str,
) -> None:
    own = get_architecture(architecture).normalisations
    assert build(architecture) == build(architecture, normalisation=own[0])
    for normalisation in own:
        *hidden, last = build(architecture, normalisation=normalisation).layers
        assert last.normalisation == "none" and last.nonlinearity == "identity"
        if not architecture.endswith("v2"):
            assert {one.normalisation for one in hidden} == {normalisation}


@pytest.mark.parametrize(
    ("architecture", "given", "message"),
    [
        ("lenet9", {}, "architecture must be one of dense1, .*; got 'lenet9'"),
        ("dense1", {"activation": "step"}, f"one of {', '.join(ACTIVATIONS)}; got 'step'"),
        (
            "dense1",
            {"normalisation": "group"},
            f"normalisation must be one of {', '.join(NORMALISATIONS)}; got 'group'",
        ),
        (
            "knet4",
            {"shape": (64,)},
            r"architecture knet4 takes images alone; got input shape \(64,\)",
        ),
        (
            "resnet18",
            {"normalisation": "none"},
            "architecture resnet18 takes normalisation batch alone; got .* normalisation none",
        ),
        (
            "rnn",
            {"normalisation": "layer"},
            "architecture rnn takes normalisation none alone; got .* normalisation layer",
        ),
    ],
)
def test_what_is_refused_says_why(architecture: str, given: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(architecture, **given)
