"""The certify rows that a run proves its promise with, and which attempt at them it is: settled before any training.

Where attempts at the rows have failed, and so many rows have come since that these alone, at a first attempt's level, are more
likely to prove the promise than all of them at the level that is left, those are a certify set of their own from then on; the
others leave the split for good. What was decided is on the home's record before it is acted on, so a run that is repeated finds
the same rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from engine.digests import combined_digest, file_digest
from flows.certify_attempts import Attempt, CertifyAttempts
from flows.home import Home
from flows.preparation import PreparedRun
from tasks.artifact import Artifact
from tasks.data.row_sets import RowSet, row_keys, row_set, set_digest
from tasks.data.rows import read_row_file, split_file
from tasks.recipe import Recipe
from tasks.records import RouterResult, SnapshotResult
from tasks.statistics.attempts import attempt_level, chance_to_certify
from tasks.statistics.paired_test import rows_needed
from tasks.step import Keyed, Step, StepCall, Steps

FRESH_CERTIFY: Final = Step("fresh-certify", "tasks.data.fresh_certify:without_retired", SnapshotResult)

_AFTER_THE_BUNDLE: Final = {"gates", "benchmark", "promotion", "schedule", "intake", "drift", "notify", "scale_out"}


@dataclass(frozen=True)
class CertifyRows:
    """`snapshot`: what the router is calibrated and judged by. `rows`: its certify rows, `unseen` of which no attempt has seen.

    `attempt`: the number of this run's attempt since the last certified bundle. `of`: what is run, by its content.
    `known_as`: what the rows were counted under before they were counted by what they say.
    """

    snapshot: Artifact[SnapshotResult]
    rows: RowSet
    unseen: int
    attempt: int
    of: str
    known_as: str


def certify_labels(prepared: PreparedRun, home: Home) -> list[str]:
    """What the steps of `certify_rows` are called, as far as is settled: rows that retire in a run make one more."""
    return [FRESH_CERTIFY.name] if len(CertifyAttempts(home).retired(prepared.recipe.name)) else []


def certify_rows(
    prepared: PreparedRun,
    trained_on: Artifact[SnapshotResult],
    judged_by: Artifact[SnapshotResult],
    steps: Steps,
    home: Home,
    *,
    retired: Callable[[], None] = lambda: None,
) -> CertifyRows:
    """Those of `judged_by`, or such of them as no attempt has seen where these alone promise more.

    `retired` is told that rows have left the split in this run.
    """
    attempts, name = CertifyAttempts(home), prepared.recipe.name
    found = _without_retired(attempts.retired(name), prepared, trained_on, judged_by, steps, attempts)
    promise = prepared.recipe.router
    if not fresh_rows_promise_more(
        len(found.rows), found.unseen, found.attempt, promise.max_accuracy_loss, promise.confidence
    ):
        return found
    keys = row_keys(read_row_file(split_file(found.snapshot.folder, "certify")))
    seen = keys[~attempts.unseen(keys)]
    attempts.retire(name, np.unique(seen))
    steps.note(
        f"certificate: the {len(seen)} certify rows that attempts have seen leave the split; the {found.unseen} that none has "
        f"seen prove more by themselves than all of them at attempt {found.attempt}"
    )
    retired()
    return _without_retired(attempts.retired(name), prepared, trained_on, judged_by, steps, attempts)


def counted_attempt(
    call: StepCall[RouterResult],
    found: CertifyRows,
    recipe: Recipe,
    steps: Steps,
    home: Home,
) -> Artifact[RouterResult]:
    """Runs a calibrating step as the attempt at these rows that it is, and writes down what came of it."""
    attempts = CertifyAttempts(home)
    with attempts.one_at_a_time(steps.note):
        # Which attempt this is follows from the rest; in the key it would make an attempt a new one when run again.
        number = attempts.number(found.rows, known_as=found.known_as)
        router = steps.run(call.step, {**call.inputs, "attempt": Keyed(number, "counted")})
        promise, made = recipe.router.max_accuracy_loss, router.result.attempt
        if can_test(recipe, len(found.rows), made):
            certified = any(entry.certified for entry in router.result.certificates if entry.epsilon == promise)
            attempt = Attempt(of=found.of, result=router.digest, number=made, certified=certified)
            attempts.record(found.rows, attempt, known_as=found.known_as)
    return router


def fresh_rows_promise_more(rows: int, unseen: int, attempt: int, epsilon: float, confidence: float) -> bool:
    """Whether the unseen ones of these certify rows are more likely to be certified on alone than all at this attempt."""
    if attempt == 1 or unseen == rows:
        return False
    alone, together = (attempt_level(1 - confidence, number) for number in (1, attempt))
    return chance_to_certify(unseen, epsilon, alone) > chance_to_certify(rows, epsilon, together)


def can_test(recipe: Recipe, rows: int, attempt: int) -> bool:
    """Whether any outcome on so many rows could prove any of the recipe's promises; where none could, nobody looks at them."""
    promise = recipe.router
    widest = max(promise.max_accuracy_loss, *promise.operating_points)
    return rows >= rows_needed(widest, attempt_level(1 - promise.confidence, attempt))


def _without_retired(
    retired: RowSet,
    prepared: PreparedRun,
    trained_on: Artifact[SnapshotResult],
    judged_by: Artifact[SnapshotResult],
    steps: Steps,
    attempts: CertifyAttempts,
) -> CertifyRows:
    snapshot = judged_by
    if len(retired):
        snapshot = steps.run(FRESH_CERTIFY, {"snapshot": judged_by, "retired": Keyed(retired, set_digest(retired))})
    file = split_file(snapshot.folder, "certify")
    rows = row_set(read_row_file(file))
    of = _identity(prepared.recipe, trained_on, snapshot)
    known_as = file_digest(file)
    return CertifyRows(
        snapshot=snapshot,
        rows=rows,
        unseen=int(attempts.unseen(rows).sum()),
        attempt=attempts.number(rows, of=of, known_as=known_as),
        of=of,
        known_as=known_as,
    )


def _identity(recipe: Recipe, trained_on: Artifact[Any], snapshot: Artifact[Any]) -> str:
    """Of all that a bundle is made of: a run with the same finds its attempt made already."""
    made_of = recipe.model_dump_json(exclude=_AFTER_THE_BUNDLE)
    return combined_digest({"recipe": made_of, "trained on": trained_on.digest, "judged by": snapshot.digest})
