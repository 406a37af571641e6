"""What every architecture must do, compared with plain torch written apart (tests/plain.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from plain import plain_forward
from small import N_OUT, CallCount, Small, small
from torch import Tensor

from rule_id.networks import ACTIVATIONS, ARCHITECTURES, get_architecture
from rule_id.rules.teaching import gradients_of, leaves_of, teach

EVERY = [
    (name, normalisation)
    for name, one in ARCHITECTURES.items()
    for normalisation in one.normalisations
]
"""Every architecture under every normalisation that it may have."""

IMAGES = [name for name, one in ARCHITECTURES.items() if one.images]
LARGE = [name for name in IMAGES if name.startswith(("alexnet", "resnet"))]

every = pytest.mark.parametrize(("architecture", "normalisation"), EVERY)


def plain(made: Small, index: int, own: list[dict[str, Tensor]], *names: str) -> Tensor:
    """The output of one network of the ensemble, in plain torch."""
    by_name = {
        layer.name: {name: one[index] for name, one in tensors.items()}
        for layer, tensors in zip(made.network.layers, own, strict=True)
    }
    architecture, activation, normalisation = names
    return plain_forward(architecture, by_name, made.batch.x[index], activation, normalisation)


def assert_as_plain(made: Small, index: int, architecture: str, activation: str = "relu") -> None:
    own = get_architecture(architecture).normalisations[0]
    output = made.network.forward(made.parameters, made.batch.x).output
    expected = plain(made, index, made.parameters, architecture, activation, own)
    torch.testing.assert_close(output[index], expected, rtol=1e-8, atol=1e-8)


@every
def test_forward_is_that_of_plain_torch(architecture: str, normalisation: str) -> None:
    made = small(architecture, "relu", normalisation=normalisation)
    output = made.network.forward(made.parameters, made.batch.x).output
    for index in range(3):
        expected = plain(made, index, made.parameters, architecture, "relu", normalisation)
        torch.testing.assert_close(output[index], expected, rtol=1e-9, atol=1e-9)


@every
def test_the_gradient_is_that_of_plain_torch(architecture: str, normalisation: str) -> None:
    made = small(architecture, "tanh", normalisation=normalisation)
    found = made.network.flatten(teach(made.network, made.parameters, made.batch)[0])
    vector = made.vector.clone().requires_grad_()
    own = made.network.unflatten(vector)
    outputs = [plain(made, i, own, architecture, "tanh", normalisation) for i in range(3)]
    losses = [
        torch.nn.functional.cross_entropy(output, y)
        for output, y in zip(outputs, made.batch.y, strict=True)
    ]
    (expected,) = torch.autograd.grad(sum(losses), vector)
    assert bool(expected.any(1).all())
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_nonlinearity_is_that_of_plain_torch(activation: str) -> None:
    for architecture in ("dense2", "knet4", "resnet18", "rate_rnn"):
        assert_as_plain(small(architecture, activation), 1, architecture, activation)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_without_biases(architecture: str) -> None:
    made = small(architecture, "relu", bias=False)
    assert all(list(one) == ["weight"] for one in made.parameters)
    assert_as_plain(made, 0, architecture)


@pytest.mark.parametrize(
    ("architecture", "side"),
    [(name, side) for name in IMAGES for side in (8, 16, 32)] + [(name, 64) for name in LARGE],
)
def test_images_of_every_size(architecture: str, side: int) -> None:
    made = small(architecture, "relu", networks=2, shape=(3, side, side), width=2, batch=3)
    assert made.network.forward(made.parameters, made.batch.x).output.shape == (2, 3, N_OUT)
    assert_as_plain(made, 1, architecture)


@pytest.mark.parametrize("architecture", IMAGES)
def test_images_need_not_be_square(architecture: str) -> None:
    assert_as_plain(small(architecture, "relu", shape=(1, 9, 6)), 2, architecture)


@pytest.mark.parametrize("architecture", ("rnn", "rnn2", "rate_rnn", "rate_rnn2"))
def test_recurrent_networks_read_images_column_by_column(architecture: str) -> None:
    made = small(architecture, "tanh", shape=(2, 3, 7))
    assert made.batch.x.shape[2:] == (7, 6)
    assert_as_plain(made, 0, architecture, "tanh")


@every
def test_a_network_alone_and_in_an_ensemble(architecture: str, normalisation: str) -> None:
    made = small(architecture, normalisation=normalisation)
    alone = made.only(1)
    together, one = (m.network.forward(m.parameters, m.batch.x) for m in (made, alone))
    for many, few in zip(together.outputs, one.outputs, strict=True):
        torch.testing.assert_close(many[1], few[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_activity_holds_what_every_layer_saw_and_did(architecture: str) -> None:
    made = small(architecture)
    network = made.network
    activity = network.forward(made.parameters, made.batch.x)
    for layer, h, z, y in zip(
        network.layers, activity.inputs, activity.preactivations, activity.outputs, strict=True
    ):
        assert h.shape[-layer.unit_dims :] == layer.map.shape_in
        assert z.shape == y.shape and z.shape[-layer.unit_dims :] == layer.map.shape_out
        torch.testing.assert_close(layer.activate(z), y)
        if layer.recurrent:
            assert not h[:, :, 0].any()
            torch.testing.assert_close(h[:, :, 1:], y[:, :, :-1])
        elif layer.source >= 0:
            torch.testing.assert_close(h, layer.receive(activity.outputs[layer.source]))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_local_cuts_every_layer_off_from_all_others(architecture: str) -> None:
    """What is asked of one layer's z moves the parameters of that layer alone."""
    made = small(architecture)
    vector = made.vector.clone().requires_grad_()
    parameters = made.network.unflatten(vector)
    local = made.network.forward(parameters, made.batch.x, local=True)
    whole = made.network.forward(made.parameters, made.batch.x)
    torch.testing.assert_close(local.output, whole.output)
    # Sums over a batch would say nothing of z that is normalised over it.
    weights = torch.arange(local.output.shape[1], dtype=torch.float64)
    for index, z in enumerate(local.preactivations):
        asked = (z.flatten(2).sum(-1) ** 2 * weights).sum()
        (gradient,) = torch.autograd.grad(asked, vector, retain_graph=True)
        moved = [
            any(bool(one.any()) for one in own.values()) for own in made.network.unflatten(gradient)
        ]
        assert moved == [place == index for place in range(len(moved))]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_added_reaches_z(architecture: str) -> None:
    made = small(architecture)
    activity = made.network.forward(made.parameters, made.batch.x)
    nothing = [None] * (len(made.network.layers) - 1)
    push = torch.full_like(activity.output, 0.5)
    pushed = made.network.forward(made.parameters, made.batch.x, added=[*nothing, push])
    torch.testing.assert_close(pushed.output, activity.output + 0.5)
    first = torch.full_like(activity.preactivations[0], 0.5)
    pushed = made.network.forward(made.parameters, made.batch.x, added=[first, *nothing])
    torch.testing.assert_close(pushed.preactivations[0], activity.preactivations[0] + 0.5)
    assert not torch.allclose(pushed.output, activity.output)


@every
def test_the_slope_by_what_is_added_is_each_layer_s_teaching_signal(
    architecture: str, normalisation: str
) -> None:
    """Which is why rules may perturb z; in residual streams its statistics are held."""
    made = small(architecture, normalisation=normalisation)
    whole = made.network.forward(made.parameters, made.batch.x)
    added = [torch.zeros_like(z).requires_grad_() for z in whole.preactivations]
    pushed = made.network.forward(made.parameters, made.batch.x, added=added)
    signals = torch.autograd.grad(made.batch.losses(pushed.output).sum(), added)
    leaves = leaves_of(made.parameters)
    local = made.network.forward(leaves, made.batch.x, local=True)
    found = made.network.flatten(gradients_of(leaves, local.preactivations, signals))
    true = made.network.flatten(teach(made.network, made.parameters, made.batch)[0])
    if architecture.endswith("v2"):
        assert float(torch.cosine_similarity(found, true, dim=1).min()) > 0.99
    else:
        torch.testing.assert_close(found, true, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_feedback_tied_to_the_weights_is_none_at_all(architecture: str) -> None:
    made = small(architecture)
    tied = [own["weight"] for own in made.parameters]
    found, expected = (
        made.network.flatten(teach(made.network, made.parameters, made.batch, b)[0])
        for b in (tied, None)
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_feedback_changes_no_activity_and_not_what_the_readout_learns(architecture: str) -> None:
    made = small(architecture)
    fixed, losses, activity = teach(made.network, made.parameters, made.batch, made.feedback)
    true, same, forward = teach(made.network, made.parameters, made.batch)
    assert torch.equal(losses, same) and torch.equal(activity.output, forward.output)
    torch.testing.assert_close(fixed[-1], true[-1])
    assert not torch.allclose(fixed[0]["weight"], true[0]["weight"])


def counted(do: Callable[[], object]) -> int:
    with CallCount() as calls:
        do()
    return calls.n


@every
def test_operator_calls_do_not_depend_on_the_number_of_networks(
    architecture: str, normalisation: str
) -> None:
    counts = []
    for networks in (2, 9):
        made = small(architecture, normalisation=normalisation, networks=networks, batch=4)
        own = made.parameters
        counts.append(counted(lambda m=made, p=own: teach(m.network, p, m.batch, m.feedback)))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_parameters_side_by_side_share_memory_with_those_by_layer(architecture: str) -> None:
    made = small(architecture)
    vector = made.vector.clone()
    parameters = made.network.unflatten(vector)
    assert torch.equal(made.network.flatten(parameters), vector)
    vector += 1
    assert torch.equal(made.network.flatten(parameters), vector)
    assert vector.shape == (3, made.network.n_parameters)
