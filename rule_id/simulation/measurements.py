"""What the networks of a block are measured with."""

from __future__ import annotations

from rule_id.observables.measurement import Measurement
from rule_id.simulation.draws import generator
from rule_id.simulation.plan import Plan

__all__ = ["draw_measurements"]


def draw_measurements(root: int, shape: int, plan: Plan) -> tuple[Measurement, ...]:
    """Draw the measurements of a block: a function of seed, shape, position and key.

    Networks that see different numbers of units cannot be measured together: blocks share an
    ensemble only where their measurements are equal, as those of a plan that draws none are.

    Args:
        root: The plan's seed.
        shape: Position of what the block's networks have in common among all shapes that the plan
            draws, 0 for the first.
        plan: A checked plan.

    Returns:
        One for each of `plan.measurements`, in that order.
    """
    return tuple(
        Measurement(
            units=one.units.draw(generator(root, "measurement", shape, index, "units")),
            noise_std=float(
                one.noise_std.draw(generator(root, "measurement", shape, index, "noise_std"))
            ),
            tracked=one.tracked,
            observation=one.observation,
            counts=one.counts,
            pairs=one.pairs,
        )
        for index, one in enumerate(plan.measurements)
    )
