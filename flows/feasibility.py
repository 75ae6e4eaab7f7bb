"""What the certify rows of a snapshot can prove at best, said before any training: where that is not enough, it ends the run."""

from flows.preparation import PreparedRun
from tasks.errors import UserError
from tasks.recipe import Recipe
from tasks.records import SnapshotResult, operating_point_name
from tasks.statistics.paired_test import most_harms, rows_needed


def require_certifiable(recipe: Recipe, snapshot: SnapshotResult, prepared: PreparedRun) -> None:
    """Raises UserError where no outcome on the certify rows could prove the promise, unless the recipe accepts that."""
    promise = recipe.router
    needed, rows = rows_needed(promise.max_accuracy_loss, 1 - promise.confidence), snapshot.rows["certify"]
    if rows < needed and promise.if_infeasible == "error":
        raise UserError(
            f"a loss of at most {promise.max_accuracy_loss:.2%} at confidence {promise.confidence:.0%} needs {needed} "
            f"certify rows or more, but there are {rows}: add {needed - rows} labelled rows for certify, raise "
            "router.max_accuracy_loss, or set router.if_infeasible: reference to ship the reference path alone",
            file=prepared.loaded.file,
            field="router.max_accuracy_loss",
        )


def feasibility(recipe: Recipe, snapshot: SnapshotResult) -> str:
    """What the certify rows can prove, in one line, before anything is trained."""
    promise, rows = recipe.router, snapshot.rows["certify"]
    delta, parts = 1 - promise.confidence, []
    for epsilon in sorted({*promise.operating_points, promise.max_accuracy_loss}):
        most = most_harms(rows, 0, epsilon, delta)
        able = f"with at most {most} lost" if most >= 0 else f"not at all (that needs {rows_needed(epsilon, delta)})"
        parts.append(f"a loss of at most {operating_point_name(epsilon)} {able}")
    return f"certificate: {rows} certify rows can prove " + ", ".join(parts)
