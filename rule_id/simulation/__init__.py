"""From a plan to ensembles to trajectories, and where the work runs."""

from rule_id.simulation.engines import DaskEngine, Engine, LocalEngine, open_engine
from rule_id.simulation.plan import Plan, read_plan
from rule_id.simulation.shards import Shard, read_shard
from rule_id.simulation.simulate import Estimate, simulate

__all__ = [
    "DaskEngine",
    "Engine",
    "Estimate",
    "LocalEngine",
    "Plan",
    "Shard",
    "open_engine",
    "read_plan",
    "read_shard",
    "simulate",
]
