"""What is measured of a network: statistics of tensors, and who measures what when."""

from rule_id.observables.statistics import (
    activation_statistics,
    activity_change_statistics,
    tensor_statistics,
)

__all__ = ["activation_statistics", "activity_change_statistics", "tensor_statistics"]
