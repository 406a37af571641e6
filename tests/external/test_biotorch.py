"""One update of each rule that BioTorch has too, from the same weights, feedback and batch.

BioTorch asks for torchvision and more, of which its layers need nothing: `make` installs it
without what it depends on.
"""

from __future__ import annotations

import pytest
import torch
from small import Small, hyperparameters, moved, noise, small, start

from rule_id.rules import get_rule

fa = pytest.importorskip("biotorch.layers.fa_constructor.linear")
dfa = pytest.importorskip("biotorch.layers.dfa.linear")

RATE = 0.1
OURS = {
    "fa": "feedback_alignment+sgd",
    "usf": "sign_symmetry_uniform+sgd",
    "frsf": "sign_symmetry_fixed_random+sgd",
    "dfa": "direct_feedback_alignment+sgd",
}


def theirs(kind: str, made: Small, index: int, state: dict) -> list[torch.nn.Module]:
    """BioTorch's layers with our weights and feedback."""
    layers = []
    for place, (layer, own) in enumerate(zip(made.network.layers, made.parameters, strict=True)):
        config = {"type": kind, "options": {"init": "xavier"}}
        made_of = (layer.n_in, layer.n_out)
        if kind == "dfa":
            module = dfa.Linear(*made_of, output_dim=made.network.layers[-1].n_out,
                                layer_config=config)  # fmt: skip
        else:
            module = fa.Linear(*made_of, layer_config=config)
        module = module.double()
        with torch.no_grad():
            module.weight.copy_(own["weight"][index])
            module.bias.copy_(own["bias"][index])
            if kind in ("fa", "frsf"):
                module.weight_backward.copy_(state["feedback"][place][index])
            elif kind == "usf":
                module.scaling_factor = float(state["scales"][place][index])
            elif place:
                # Theirs belongs to the layer above: from the output's error to this layer's input.
                module.weight_backward.copy_(state["direct_feedback"][place - 1][index].mT)
        layers.append(module)
    return layers


@pytest.mark.filterwarnings("ignore:.*backward hook:FutureWarning")
@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("architecture", ["dense1", "dense2", "dense4"])
def test_one_update_is_the_same(kind: str, architecture: str) -> None:
    made, rule = small(architecture), get_rule(OURS[kind])
    given = hyperparameters(rule, 3, learning_rate=RATE, weight_decay=0.0)
    state = start(rule, made, given)
    change, _, losses = rule.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(0)
    )
    ours = moved(made.parameters, change)
    for index in range(3):
        layers = theirs(kind, made, index, state.assignment)
        h = made.batch.x[index]
        for module in layers[:-1]:
            h = torch.tanh(module(h))
        output = layers[-1](h)
        loss = torch.nn.functional.cross_entropy(output, made.batch.y[index])
        if kind == "dfa":
            (error,) = torch.autograd.grad(loss, output, retain_graph=True)
            for module in layers:
                module.loss_gradient = error
        loss.backward()
        assert float(losses[index]) == pytest.approx(loss.item())
        for own, module in zip(ours, layers, strict=True):
            for name in ("weight", "bias"):
                parameter = getattr(module, name)
                torch.testing.assert_close(
                    own[name][index], parameter.detach() - RATE * parameter.grad
                )
