"""The flow `look`: lands what is new for a recipe, and hands on to `take-in` where that may have something to do.

It is light: it neither trains nor measures, and needs no turn of its own among the pipelines. So it never waits behind one.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.following import next_step
from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox, read_by, sweep_inbox
from flows.inbox.rows import Columns
from flows.inbox.standing import Standing, remember_standing
from flows.inbox.trigger import ask_again, hand_on
from flows.inbox.watch import land_watched
from registry.inbox import FollowUp, Inbox, Known, Wait, admitted, reason_to_wait
from tasks.families.load_recipe import load_recipe
from tasks.recipe import Recipe

NOTHING_LANDED = "Nothing landed"
WAITING = "Waiting"
HANDED_ON = "Handed on"


@flow(name="look", validate_parameters=False, persist_result=False)
def look(recipe: str, overrides: list[str] | None = None) -> "State[None]":
    """Looks at what has landed for the recipe in the file `recipe`, in the home that the environment names.

    Raises UserError for whatever a person can mend, NotAnnouncedError where nobody is there to hand on to.
    """
    home, loaded = Home.open(), load_recipe(Path(recipe), overrides or [])
    name, folders = loaded.recipe.name, InboxFolders.of(home, loaded.recipe.name)
    read_by(home, name, Columns.of(loaded.recipe.data))
    land_watched(home, name, loaded.recipe.intake.watch, folder=loaded.folder)
    sweep_inbox(home, name, announce=lambda _file: None)  # whatever has landed by now, this run looks at
    with open_inbox(home) as inbox:
        last = next(reversed(inbox.trials(name)), None)
        left_open = next_step(loaded.recipe, last)
        found = to_do(inbox, loaded.recipe, left_open, datetime.now(UTC))
    if found is None:
        return Completed(name=NOTHING_LANDED, message="no rows wait to be taken in")
    if isinstance(found, Wait):
        remember_standing(folders, Standing(at=datetime.now(UTC), wait=found, follow_up=left_open))
        ask_again(name, found.until)
        return Completed(name=WAITING, message=str(found))
    return Completed(name=HANDED_ON, message=f"{found}; {hand_on(name)}")


def to_do(inbox: Inbox, recipe: Recipe, left_open: FollowUp | None, now: datetime) -> str | Wait | None:
    """What there may be to do for `take-in`, in words, why it is too early, or None.

    What is known without reading any snapshot: every label counts as known here, so that this never waits where `take-in`
    would not; what is new to the model, and how long to rest after the last batch, it judges itself.
    """
    portions = inbox.portions(recipe.name)
    if any(batch.running for batch in inbox.batches(recipe.name)):
        return "a batch that a run was cut off from is gone on with"
    again_at = left_open.again_at if left_open else None
    if left_open is not None and again_at is not None and again_at <= now:
        return left_open.sentence
    waiting = [portion for portion in portions if portion.batch is None]
    if not waiting:
        return Wait(reason=left_open.sentence, until=again_at) if left_open and again_at else None
    if left_open is not None and left_open.progress:
        return f"{sum(portion.rows for portion in waiting):,} rows may settle what was left open"
    everything = Known(
        labels=frozenset(portion.label for portion in portions),
        slices=frozenset(portion.slice for portion in portions if portion.slice is not None),
    )
    ready, _ = admitted(portions, everything, recipe.intake)
    wait = reason_to_wait(ready, recipe.intake, last_finished=None, now=now)
    return wait or f"{sum(portion.rows for portion in ready):,} rows wait"
