"""What came of the landed rows and what follows, for the flows: results put on record, and rows that would settle it counted."""

from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256

from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landed_data import landed_data
from flows.inbox.landing import open_inbox
from flows.inbox.standing import Standing, remember_standing
from flows.run_outcome import RunOutcome
from registry.inbox import FollowUp, Result, Trial, follow_up
from registry.what_would_settle import what_would_settle
from tasks.artifact import Artifact
from tasks.data.checked import read_checked
from tasks.data.landed import extension
from tasks.data.rows import SPLITS, read_rows
from tasks.recipe import Recipe
from tasks.records import SnapshotResult

Landed = Counter[tuple[str | None, str]]


def result_of(outcome: RunOutcome) -> Result:
    """What a run came to, as a trial has it."""
    rests_on = f"{outcome.evidence.digest}\n{outcome.verdict.digest}"
    return Result(
        verdict=outcome.verdict.outcome,
        missing=what_would_settle(outcome.verdict),
        sentence=f"{outcome.registered.version.uri}: {outcome.registered.promotion.sentence}",
        evidence=sha256(rests_on.encode()).hexdigest(),
    )


def note_outcome(home: Home, recipe: Recipe, outcome: RunOutcome) -> None:
    """Records what a run of the recipe, nightly or by hand, came to, where it was made of rows that landed."""
    folders = InboxFolders.of(home, recipe.name)
    if not folders.landed.is_dir():
        return
    now, result = datetime.now(UTC), result_of(outcome)
    with open_inbox(home) as inbox:
        if not inbox.note_trial(recipe.name, result, now=now):
            return
        trial = inbox.trials(recipe.name)[-1]
    remember_standing(folders, Standing(at=now, last=result.sentence, follow_up=next_step(recipe, trial)))


def next_step(recipe: Recipe, trial: Trial | None, landed: Landed | None = None) -> FollowUp | None:
    """What follows from a trial by the recipe, with the rows that have landed since."""
    return follow_up(trial, recipe.intake, landed or Counter(), judged_share=recipe.data.shares.gate)


def landed_since(home: Home, recipe: Recipe, judged_by: Artifact[SnapshotResult]) -> Landed:
    """Gate rows that `judged_by` would gain if all rows were judged by that landed after those in use: by slice and label.

    A row that repeats another, whichever file brings it, is none.
    """
    landed = landed_data(home, recipe.name, recipe.data)
    sources = (*landed.since, *landed.waiting)
    if not sources:
        return Counter()
    placed, _, _ = read_checked(recipe.data, sources, lambda *_: None)
    present = {split: read_rows(judged_by, split) for split in SPLITS}
    added = extension(present, [entry.row for entry in placed], recipe.data, seed=recipe.seed, trained=False)
    return Counter((row.slice, row.label) for row in added.added["gate"])
