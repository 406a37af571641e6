"""A rule of one's own: feedback weights drawn anew in every step."""

from rule_id.rules import Assignment, CreditAssignment, per_network, teach


def init(setup):
    # For each layer the size of its initial weights, one number a network.
    return {"sizes": [b.flatten(1).std(1) for b in setup.feedback]}


def step(network, parameters, state, batch, hyperparameters, noise):
    feedback = []
    for index, (own, size) in enumerate(zip(parameters, state["sizes"], strict=True)):
        drawn = noise.normal(f"feedback {index}", own["weight"].shape[1:])
        feedback.append(per_network(size, drawn) * drawn)
    gradients, losses, _ = teach(network, parameters, batch, feedback)
    return Assignment(gradients, state, losses)


CREDIT_ASSIGNMENTS = [CreditAssignment("random_feedback", "fixed feedback", init, step)]
