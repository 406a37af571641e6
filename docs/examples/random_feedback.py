"""A rule of one's own: feedback weights drawn anew in every step."""

from rule_id.rules import Assignment, CreditAssignment, teach


def init(setup):
    # For each layer the size of its initial weights, one number a network.
    return {"sizes": [b.flatten(1).std(1)[:, None, None] for b in setup.feedback]}


def step(network, parameters, state, batch, hyperparameters, noise):
    feedback = [
        size * noise.normal(f"feedback {index}", own["weight"].shape[1:])
        for index, (own, size) in enumerate(zip(parameters, state["sizes"], strict=True))
    ]
    gradients, losses, _ = teach(network, parameters, batch, feedback)
    return Assignment(gradients, state, losses)


CREDIT_ASSIGNMENTS = [CreditAssignment("random_feedback", "fixed feedback", init, step)]
