"""Which old runs, models and versions may go, and how they go: first a plan that changes nothing, then its execution.

May import MLflow. Begin with `planning.py` (what is protected, and why), then `deletion.py`.
"""

from registry.retention.deletion import carry_out, delete_item
from registry.retention.planning import plan_retention, standing_digests
from registry.retention.records import Item, Kept, Protected, RetentionOutcome, RetentionPlan, RetentionPolicy

__all__ = [
    "Item",
    "Kept",
    "Protected",
    "RetentionOutcome",
    "RetentionPlan",
    "RetentionPolicy",
    "carry_out",
    "delete_item",
    "plan_retention",
    "standing_digests",
]
