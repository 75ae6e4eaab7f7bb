"""What a run's attempt at its certify rows can prove at best, said before any training; where it is not enough, the run ends."""

from flows.certify_rows import CertifyRows
from flows.preparation import PreparedRun
from tasks.data.first_look import look_at
from tasks.errors import UserError, naming
from tasks.recipe import Recipe
from tasks.records import operating_point_name
from tasks.statistics.attempts import attempt_level
from tasks.statistics.paired_test import most_harms, rows_needed


def require_certifiable(recipe: Recipe, certify: CertifyRows, prepared: PreparedRun) -> None:
    """Raises UserError where no outcome on the certify rows could prove the promise, unless the recipe accepts that."""
    rows, attempt = certify.snapshot.result.rows["certify"], certify.attempt
    more = ""
    if attempt > 1:
        first = _level(recipe, 1)
        more = (
            f", or as many as make {rows_needed(recipe.router.max_accuracy_loss, first)} that no attempt has seen (there are "
            f"{certify.unseen}), which are then tried at {first:.3g}"
        )
    _require_enough(rows, attempt, prepared, more)


def require_usable_rows(prepared: PreparedRun) -> None:
    """Looks at the rows before anything is started, since most mistakes show there.

    Raises UserError for rows that no model should be made of, or that are too few for any attempt at the promise.
    """
    recipe = prepared.recipe
    with naming(prepared.loaded.file):
        rows = look_at(recipe.data, prepared.named, seed=recipe.seed, special_tokens=prepared.special_tokens)
    if rows is not None and not prepared.landed and not prepared.judged:
        _require_enough(rows, 1, prepared)


def _require_enough(rows: int, attempt: int, prepared: PreparedRun, more: str = "") -> None:
    """`more`: the way out beside as many rows as are missing."""
    promise, level = prepared.recipe.router, _level(prepared.recipe, attempt)
    needed = rows_needed(promise.max_accuracy_loss, level)
    if rows >= needed or promise.if_infeasible != "error":
        return
    raise UserError(
        f"a loss of at most {promise.max_accuracy_loss:.2%} at confidence {promise.confidence:.0%} needs {needed} "
        f"certify rows or more at the level {level:.3g} of attempt {attempt}, but there are {rows}: add "
        f"{needed - rows} labelled rows for certify{more}, raise router.max_accuracy_loss, or set router.if_infeasible: "
        "reference to ship the reference path alone",
        file=prepared.loaded.file,
        field="router.max_accuracy_loss",
    )


def feasibility(recipe: Recipe, certify: CertifyRows) -> str:
    """Which attempt it is and what it can prove, in one line, before anything is trained."""
    rows, level, parts = certify.snapshot.result.rows["certify"], _level(recipe, certify.attempt), []
    epsilons = sorted({*recipe.router.operating_points, recipe.router.max_accuracy_loss})
    for epsilon in epsilons:
        most = most_harms(rows, 0, epsilon, level)
        able = f"with at most {most} lost" if most >= 0 else f"not at all (that needs {rows_needed(epsilon, level)})"
        parts.append(f"a loss of at most {operating_point_name(epsilon)} {able}")
    said = (
        f"certificate: attempt {certify.attempt} (level {level:.3g}), in which {rows} certify rows can prove "
        f"{', '.join(parts)}"
    )
    if certify.attempt == 1:
        return said
    first = _level(recipe, 1)
    fresh = ", ".join(f"{rows_needed(epsilon, first)} for {operating_point_name(epsilon)}" for epsilon in epsilons)
    return f"{said}; rows that no attempt has seen would be tried at {first:.3g} again, which needs of them {fresh}"


def _level(recipe: Recipe, attempt: int) -> float:
    return attempt_level(1 - recipe.router.confidence, attempt)
