"""Where a layer's activation is taken, however the model is written."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rule_id import Recorder
from rule_id.errors import InputError

IMAGES = torch.randn(6, 2, 8, 8, generator=torch.Generator().manual_seed(0))
VECTORS = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    """Some layers, and a forward pass that is given."""

    def __init__(self, forward: Callable[[Net, Tensor], object], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.run = forward

    def forward(self, x: Tensor) -> object:
        return self.run(self, x)


def seen(model: nn.Module, stimuli, **kwargs):
    """What is recorded at one checkpoint, by layer."""
    torch.manual_seed(0)
    recorder = Recorder(model, stimuli, batch_statistics="running", **kwargs)
    for step in range(2):
        recorder.checkpoint(step)
    assert not recorder.left_out
    rows = recorder._seen
    return {layer: rows[layer][0] for layer in recorder.layers}


def dense(forward) -> Net:
    torch.manual_seed(0)
    layers = {"a": nn.Linear(5, 7), "b": nn.Linear(7, 7), "c": nn.Linear(7, 3)}
    return Net(forward, **layers, norm=nn.LayerNorm(7), relu=nn.ReLU(inplace=True))


def normalised_by_hand(x: Tensor) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()


WAYS = {
    "module": lambda m, x: m.c(m.relu(m.a(x))),
    "function": lambda m, x: m.c(functional.relu(m.a(x))),
    "function in place": lambda m, x: m.c(functional.relu(m.a(x), True)),
    "method in place": lambda m, x: m.c(m.a(x).relu_()),
    "clamp": lambda m, x: m.c(torch.clamp(m.a(x), min=0)),
    "mask": lambda m, x: m.c((lambda z: z * (z > 0))(m.a(x))),
    "where": lambda m, x: m.c((lambda z: torch.where(z > 0, z, torch.zeros(())))(m.a(x))),
    "maximum": lambda m, x: m.c(torch.maximum(m.a(x), torch.zeros(()))),
    "dropout": lambda m, x: m.c(functional.dropout(m.a(x).relu(), 0.5, m.training)),
    "another dtype between": lambda m, x: m.c(m.a(x).double().relu().float()),
    "a penalty beside it": lambda m, x: (lambda h: (m.c(h), -h.abs().mean()))(m.a(x).relu()),
    "not a number": lambda m, x: m.c((lambda z: z.masked_fill(z < 0, 0.0))(m.a(x))),
    "a list": lambda m, x: [{"out": (m.c(m.a(x).relu()),)}],
    "a slice of time": lambda m, x: m.c(m.a(x)[:, None].relu()[:, 0]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_nonlinearity_is_found_however_it_is_written(way: str) -> None:
    model = dense(WAYS[way])
    del model.b
    found = seen(model, VECTORS)
    z = model.a(VECTORS)
    np.testing.assert_array_equal(found["a"].activation, z.relu().detach())
    np.testing.assert_allclose(found["c"].activation, model.c(z.relu()).detach(), atol=1e-6)
    pull = (z > 0).float() / 7
    change = (pull * model.a.weight.sum(1)).sum(1)
    np.testing.assert_allclose(found["a"].change, change.detach(), rtol=1e-5, atol=1e-7)


ENDS = {
    "nothing follows": (lambda m, x: m.b(m.a(x)), lambda m, x: m.a(x)),
    "log softmax": (lambda m, x: m.a(x).log_softmax(-1), lambda m, x: m.a(x)),
    "unit length": (lambda m, x: functional.normalize(m.a(x)), lambda m, x: m.a(x)),
    "concatenation": (
        lambda m, x: torch.cat([m.a(x), m.a(x)], 1).relu(), lambda m, x: m.a(x).repeat(2, 1)
    ),
    "half of it": (lambda m, x: m.a(x)[:, :3].relu(), lambda m, x: m.a(x)),
    "normalisation": (lambda m, x: m.b(m.norm(m.a(x))), lambda m, x: m.norm(m.a(x))),
    "normalisation by hand": (
        lambda m, x: m.b(normalised_by_hand(m.a(x)).tanh()),
        lambda m, x: m.norm(m.a(x)).tanh(),
    ),
    "nonlinearity, then normalisation": (
        lambda m, x: m.b(m.norm(m.a(x).tanh())), lambda m, x: m.norm(m.a(x).tanh())
    ),
    "two nonlinearities": (
        lambda m, x: m.b(m.a(x).tanh().exp()), lambda m, x: m.a(x).tanh().exp()
    ),
    "a gelu by hand": (
        lambda m, x: m.b(
            (lambda z: 0.5 * z * (1 + torch.tanh(0.79788456 * (z + 0.044715 * z**3))))(m.a(x))
        ),
        lambda m, x: functional.gelu(m.a(x), approximate="tanh"),
    ),
    "a constant": (lambda m, x: m.b((2 * m.a(x) + 1).relu()), lambda m, x: (2 * m.a(x) + 1).relu()),
    "the input behind the nonlinearity": (
        lambda m, x: m.b(m.a(x).relu() + x.sum(1, keepdim=True)), lambda m, x: m.a(x).relu()
    ),
    "the input before the nonlinearity": (
        lambda m, x: m.b((m.a(x) + x.sum(1, keepdim=True)).relu()),
        lambda m, x: (m.a(x) + x.sum(1, keepdim=True)).relu(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_where_a_response_ends(case: str) -> None:
    forward, expected = ENDS[case]
    model = dense(forward)
    found = seen(model, VECTORS, layers=["a"])
    np.testing.assert_allclose(
        found["a"].activation, expected(model, VECTORS).detach(), rtol=1e-5, atol=1e-6
    )


def residual(m: Net, x: Tensor) -> Tensor:
    h = m.a(x).relu()
    h = h + m.b(h).tanh()  # behind the nonlinearity: no part of any activation
    return m.c(m.norm(h))


SUMS = {
    "what skips, before the nonlinearity": (
        lambda m, x: (lambda h: m.c((m.b(h) + h).tanh()))(m.a(x).relu()),
        {"a": lambda m, x: m.a(x).relu(),
         "b": lambda m, x: (m.b(m.a(x).relu()) + m.a(x).relu()).tanh()},
    ),
    "the same in place": (
        lambda m, x: (lambda h: m.c(h.clone().add_(m.b(h)).tanh_()))(m.a(x).relu()),
        {"a": lambda m, x: m.a(x).relu(),
         "b": lambda m, x: (m.b(m.a(x).relu()) + m.a(x).relu()).tanh()},
    ),
    "what skips, written into": (
        lambda m, x: m.c(m.a2(x).add_(m.b(m.a(x).relu())).tanh_()),
        {"a2": lambda m, x: m.a2(x),
         "b": lambda m, x: (m.a2(x) + m.b(m.a(x).relu())).tanh()},
    ),
    "what is added to it bent": (
        lambda m, x: (lambda h: m.c(torch.tanh(h + m.b(h).relu())))(m.norm(m.a(x))),
        {"a": lambda m, x: m.norm(m.a(x)), "b": lambda m, x: m.b(m.norm(m.a(x))).relu()},
    ),
    "what skips, behind it": (
        residual,
        {"a": lambda m, x: m.a(x).relu(), "b": lambda m, x: m.b(m.a(x).relu()).tanh()},
    ),
    "a gate": (
        lambda m, x: (lambda h: m.c((h * m.b(h).sigmoid()).relu()))(m.norm(m.a(x))),
        {"a": lambda m, x: (m.norm(m.a(x)) * m.b(m.norm(m.a(x))).sigmoid()).relu(),
         "b": lambda m, x: m.b(m.norm(m.a(x))).sigmoid()},
    ),
    "a bias of each stimulus": (
        lambda m, x: m.c((m.a(x) + m.b(m.a(x)).mean(1, keepdim=True)).relu()),
        {"b": lambda m, x: m.b(m.a(x))},
    ),
    "a gated unit": (
        lambda m, x: m.c(m.a(x) * m.a2(x).sigmoid()),
        {"a": lambda m, x: m.a(x) * m.a2(x).sigmoid(), "a2": lambda m, x: m.a2(x).sigmoid()},
    ),
    "the later of equally deep ones": (
        lambda m, x: m.c(torch.relu(m.a(x) + m.a2(x))),
        {"a": lambda m, x: m.a(x), "a2": lambda m, x: (m.a(x) + m.a2(x)).relu()},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SUMS)
def test_to_whom_sums_and_products_belong(case: str) -> None:
    forward, expected = SUMS[case]
    model = dense(forward)
    model.a2 = nn.Linear(5, 7)
    found = seen(model, VECTORS, layers=[*expected, "c"])
    for layer, activation in expected.items():
        np.testing.assert_allclose(
            found[layer].activation, activation(model, VECTORS).detach(), rtol=1e-5, atol=1e-6,
            err_msg=layer,
        )  # fmt: skip


MAPS = {
    "pool, then nonlinearity": lambda m, x: functional.max_pool2d(m.conv(x), 2).relu(),
    "all three of a tutorial": lambda m, x: functional.relu(
        functional.max_pool2d(functional.dropout2d(m.conv(x), training=m.training), 2)
    ),
    "in place behind the pool": lambda m, x: functional.avg_pool2d(m.conv(x), 2).relu_(),
    "pool, flat, nonlinearity": lambda m, x: functional.max_pool2d(m.conv(x), 2).flatten(1).relu(),
    "nonlinearity, then pool": lambda m, x: functional.max_pool2d(m.conv(x).relu(), 2),
    "pool with its places": lambda m, x: functional.max_pool2d(
        m.conv(x).relu(), 2, return_indices=True
    )[0],
}


@pytest.mark.parametrize("case", MAPS)
def test_pooling_belongs_to_the_next_layer(case: str) -> None:
    model = Net(
        lambda m, x: m.fc(MAPS[case](m, x).flatten(1)),
        conv=nn.Conv2d(2, 3, 3, padding=1),
        fc=nn.Linear(48, 3),
    )
    found = seen(model, IMAGES)
    expected = model.conv(IMAGES).relu().flatten(1).detach()
    np.testing.assert_array_equal(found["conv"].activation, expected)


def test_what_is_added_to_pooled_responses_ends_them() -> None:
    model = Net(
        lambda m, x: functional.relu(sum(functional.max_pool2d(c(x), 2) for c in (m.a, m.b))),
        a=nn.Conv2d(2, 3, 3),
        b=nn.Conv2d(2, 3, 3),
    )
    found = seen(model, IMAGES)
    for layer in ("a", "b"):
        expected = model.get_submodule(layer)(IMAGES).flatten(1).detach()
        np.testing.assert_array_equal(found[layer].activation, expected)


def test_channels_may_be_last_for_a_normalisation() -> None:
    model = Net(
        lambda m, x: m.fc(m.norm(m.conv(x).permute(0, 2, 3, 1)).relu()),
        conv=nn.Conv2d(2, 3, 3), norm=nn.LayerNorm(3), fc=nn.Linear(3, 4),
    )  # fmt: skip
    found = seen(model, IMAGES)
    expected = model.norm(model.conv(IMAGES).permute(0, 2, 3, 1)).relu()
    np.testing.assert_array_equal(found["conv"].activation, expected.flatten(1).detach())
    # Each place is a stimulus of a layer that sees one place.
    assert found["fc"].activation.shape == (6 * 36, 4) and found["fc"].change.shape == (6 * 36,)


def test_what_places_become_stimuli_ends_a_response() -> None:
    model = Net(lambda m, x: m.conv(x).permute(2, 3, 0, 1).relu(), conv=nn.Conv2d(2, 3, 3))
    found = seen(model, IMAGES)
    np.testing.assert_array_equal(found["conv"].activation, model.conv(IMAGES).flatten(1).detach())


def test_a_transformer_is_followed_through_its_sums() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=True)
    model, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.randn(3, 5, 4)
    names = [f"layers.{block}.linear{k}" for block in range(2) for k in (1, 2)]
    found = seen(model, x, layers=names)
    model.eval()
    first, second = model.layers
    expected = second.norm1(first(x)).flatten(0, 1).detach()
    np.testing.assert_allclose(found["layers.0.linear2"].activation, expected, atol=1e-5)
    assert (found["layers.0.linear1"].activation >= 0).all()


def test_another_module_may_answer_for_a_layer() -> None:
    model = Net(
        lambda m, x: m.c(m.act(m.b(m.act(m.a(x))[:, :7]))),
        a=nn.Linear(5, 9), b=nn.Linear(7, 7), c=nn.Linear(7, 3), act=nn.Tanh(),
    )  # fmt: skip
    found = seen(model, VECTORS, activations={"a": "act", "b": "b"})
    h = model.act(model.a(VECTORS))
    np.testing.assert_array_equal(found["a"].activation, h.detach())
    np.testing.assert_array_equal(found["b"].activation, model.b(h[:, :7]).detach())
    slopes = (1 - h**2) @ model.a.weight.sum(1) / 9
    np.testing.assert_allclose(found["a"].change, slopes.detach(), rtol=1e-5, atol=1e-7)


BAD_ANSWERS = {
    "of another layer": ({"d": "c"}, "activations must be given for .*, a, b, c; got 'd'"),
    "by nobody": ({"a": "z"}, "activations must name modules of the model, a, b, .*; got 'z'"),
    "by who ran before": ({"b": "a"}, "a module that runs after each call of b; a does not"),
    "by who is shown something else": (
        {"a": "c"}, r"gives \(6,\) on its first axes, as a does; c gives shape \(3, 6\)"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answers", "message"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_who_cannot_answer_for_a_layer(answers: dict[str, str], message: str) -> None:
    class Turned(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).T

    model = dense(lambda m, x: m.c(m.b(m.a(x))))
    model.c = Turned(7, 3)
    with pytest.raises(InputError, match=message):
        seen(model, VECTORS, activations=answers)


def test_who_answers_must_do_so_at_each_call() -> None:
    model = dense(lambda m, x: m.relu(m.c(m.b(m.b(m.a(x))))))
    with pytest.raises(InputError, match="runs after each call of b; relu does not"):
        seen(model, VECTORS, activations={"b": "relu"})
