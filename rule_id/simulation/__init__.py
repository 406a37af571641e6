"""From a plan to ensembles to trajectories, and where the work runs."""

from rule_id.simulation.plan import Plan, read_plan
from rule_id.simulation.simulate import Estimate, simulate

__all__ = ["Estimate", "Plan", "read_plan", "simulate"]
