"""Direct feedback alignment."""

from __future__ import annotations

import torch
from small import BATCH, N_OUT, small, start
from small import hyperparameters as drawn

from rule_id.networks import Layer, Network
from rule_id.rules import get_rule, teach
from rule_id.rules.direct import teach_directly


def test_retied_to_the_product_of_later_weights_it_is_backprop_in_linear_networks() -> None:
    made = small("dense4")
    linear = Network(tuple(Layer(la.name, la.map, la.source) for la in made.network.layers))
    weights = [own["weight"] for own in made.parameters]
    products = [weights[-1].mT]
    for weight in weights[-2:0:-1]:
        products.insert(0, weight.mT @ products[0])
    direct, _ = teach_directly(linear, made.parameters, made.batch, products)
    true, _, _ = teach(linear, made.parameters, made.batch)
    torch.testing.assert_close(linear.flatten(direct), linear.flatten(true))


def test_every_hidden_layer_gets_the_error_of_the_output() -> None:
    made = small()
    rule = get_rule("direct_feedback_alignment+sgd")
    feedback = start(rule, made, drawn(rule, 3)).assignment["direct_feedback"]
    found, losses = teach_directly(made.network, made.parameters, made.batch, feedback)
    activity = made.network.forward(made.parameters, made.batch.x)
    wanted = torch.nn.functional.one_hot(made.batch.y, N_OUT)
    e = (torch.softmax(activity.output, -1) - wanted) / BATCH
    torch.testing.assert_close(losses, made.batch.losses(activity.output))
    for layer in (0, 1):
        d = (1 - activity.outputs[layer] ** 2) * (e @ feedback[layer].mT)
        torch.testing.assert_close(found[layer]["weight"], d.mT @ activity.inputs[layer])
    torch.testing.assert_close(found[2]["weight"], e.mT @ activity.inputs[2])


def test_feedback_has_glorot_s_variance() -> None:
    made = small(networks=400)
    rule = get_rule("direct_feedback_alignment+sgd")
    for b in start(rule, made, drawn(rule, 400)).assignment["direct_feedback"]:
        expected = 2 / (b.shape[1] + b.shape[2])
        assert abs(float(b.var()) / expected - 1) < 0.05
