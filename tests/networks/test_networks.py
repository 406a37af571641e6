from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.errors import InputError
from rule_id.networks import (
    ARCHITECTURES,
    BIAS_INITS,
    INITS,
    build_network,
    draw_bias,
    draw_weight,
    linear_map,
)

ACTIVATIONS = ("relu", "tanh")


def random_network(architecture: str, activation: str, networks: int = 3):
    network = build_network(architecture, n_in=6, n_out=4, width=5, activation=activation)
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(networks, network.n_parameters, generator=generator, dtype=torch.float64)
    x = torch.randn(networks, 7, 6, generator=generator, dtype=torch.float64)
    return network, vector, x


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forward_equals_plain_torch(architecture: str, activation: str) -> None:
    network, vector, x = random_network(architecture, activation)
    activity = network.forward(network.unflatten(vector), x)
    for index in range(3):
        h = x[index]
        for layer, own in zip(network.layers, network.unflatten(vector), strict=True):
            h = torch.nn.functional.linear(h, own["weight"][index], own["bias"][index])
            if layer.nonlinearity != "identity":
                h = getattr(torch, activation)(h)
        torch.testing.assert_close(activity.output[index], h)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_flatten_and_unflatten_are_inverse_and_share_memory(architecture: str) -> None:
    network, vector, _ = random_network(architecture, "relu")
    parameters = network.unflatten(vector)
    assert torch.equal(network.flatten(parameters), vector)
    vector += 1
    assert torch.equal(network.flatten(parameters), vector)
    assert len(network.layers) == int(architecture.removeprefix("dense")) + 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_activity_holds_what_every_layer_saw(architecture: str) -> None:
    network, vector, x = random_network(architecture, "tanh")
    activity = network.forward(network.unflatten(vector), x)
    assert torch.equal(activity.inputs[0], x)
    for z, following in zip(activity.preactivations, activity.inputs[1:], strict=False):
        torch.testing.assert_close(torch.tanh(z), following)
    assert torch.equal(activity.preactivations[-1], activity.output)


def test_linear_map_without_feedback_is_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 7, 6), (2, 4, 6), (2, 4))
    ]
    assert torch.autograd.gradcheck(lambda *t: linear_map(*t), tensors)


def test_linear_map_sends_back_through_feedback() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 7, 6, generator=generator, requires_grad=True)
    weight, bias = torch.randn(2, 4, 6, generator=generator), torch.zeros(2, 4)
    feedback = torch.randn(2, 4, 6, generator=generator)
    signal = torch.randn(2, 7, 4, generator=generator)
    linear_map(x, weight, bias, feedback).backward(signal)
    torch.testing.assert_close(x.grad, signal @ feedback)


def test_a_layer_s_three_maps_belong_to_one_weight() -> None:
    """<W h, d> = <h, W^T d> = <W, n E[d h^T]>."""
    generator = torch.Generator().manual_seed(0)
    layer = build_network("dense1", n_in=6, n_out=4, width=5, activation="relu").layers[0]
    weight = torch.randn(2, 5, 6, generator=generator)
    h = torch.randn(2, 7, 6, generator=generator)
    d = torch.randn(2, 7, 5, generator=generator)
    forward = (layer.project(weight, h) * d).sum((1, 2))
    torch.testing.assert_close(forward, (h * layer.back_project(weight, d)).sum((1, 2)))
    torch.testing.assert_close(forward, 7 * (weight * layer.outer(d, h)).sum((1, 2)))


def test_what_is_added_and_what_is_cut_off() -> None:
    network, vector, x = random_network("dense2", "tanh")
    parameters = network.unflatten(vector.requires_grad_())
    plain = network.forward(parameters, x)
    added = [torch.full_like(z, 0.5) for z in plain.preactivations]
    pushed = network.forward(parameters, x, added=[added[0], None, None])
    torch.testing.assert_close(pushed.preactivations[0], plain.preactivations[0] + 0.5)
    local = network.forward(parameters, x, local=True)
    torch.testing.assert_close(local.output, plain.output)
    (gradient,) = torch.autograd.grad(local.output.sum(), vector)
    before_last = sum(p.numel() for own in parameters[:-1] for p in own.values()) // len(vector)
    assert not gradient[:, :before_last].any() and gradient[:, before_last:].any()


@pytest.mark.parametrize(
    ("init", "std"),
    [
        ("he_normal", np.sqrt(2 / 50)),
        ("pytorch_uniform", 1 / np.sqrt(3 * 50)),
        ("xavier_uniform", np.sqrt(2 / (50 + 400))),
    ],
)
def test_initial_weights_have_the_published_variance(init: str, std: float) -> None:
    weight = draw_weight(np.random.default_rng(0), init, 1.5, 400, 50)
    assert weight.shape == (400, 50)
    assert weight.std() == pytest.approx(1.5 * std, rel=0.03)
    assert abs(weight.mean()) < 0.03 * std


def test_the_default_initialisation_of_torch_is_ours() -> None:
    theirs = torch.nn.Linear(50, 400).weight.detach().abs().max()
    ours = np.abs(draw_weight(np.random.default_rng(0), "pytorch_uniform", 1.0, 400, 50)).max()
    assert ours == pytest.approx(float(theirs), rel=1e-3)


def test_biases_are_zero_or_within_their_bound() -> None:
    assert not draw_bias(np.random.default_rng(0), "zero", 40, 25).any()
    assert 0.19 < np.abs(draw_bias(np.random.default_rng(0), "uniform", 400, 25)).max() <= 0.2


def test_unknown_names_are_refused_with_the_list() -> None:
    with pytest.raises(InputError, match="architecture must be one of dense1.*got 'lenet'"):
        build_network("lenet", n_in=1, n_out=1, width=1, activation="relu")
    with pytest.raises(InputError, match="activation must be one of relu, tanh; got 'gelu'"):
        build_network("dense1", n_in=1, n_out=1, width=1, activation="gelu")
    with pytest.raises(InputError, match="init must be one of .*got 'orthogonal'"):
        draw_weight(np.random.default_rng(0), "orthogonal", 1.0, 2, 2)
    with pytest.raises(InputError, match="bias_init must be one of zero, uniform; got 'one'"):
        draw_bias(np.random.default_rng(0), "one", 2, 2)
    assert len(INITS) == 3 and len(BIAS_INITS) == 2
