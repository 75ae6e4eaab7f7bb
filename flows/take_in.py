"""The flow `take-in`: what has landed is looked at, and the router is recalibrated or the model retrained if it calls for it.

A batch is claimed, decided on and completed in the inbox; between them stand only steps that are found again when a run is
repeated. Whoever is killed in between, the next run goes on with the same batch and the same decision. What the last run
with landed rows left open is picked up, too: with the rows that settle it, or by measuring again.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import uuid4

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.drift_decision import decide_use
from flows.exclusive import one_pipeline_at_a_time
from flows.following import landed_since, next_step, result_of
from flows.home import Home
from flows.inbox.batches import claim_batch, complete
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox, read_by, sweep_inbox
from flows.inbox.rows import COMPLETIONS, Columns
from flows.inbox.standing import Standing, remember_standing, remembered_standing
from flows.inbox.trigger import ask_again
from flows.inbox.watch import land_watched
from flows.notices.content import failure_notice
from flows.notices.send import notify
from flows.pipeline import run_recipe
from flows.preparation import PreparedRun, prepare
from flows.progress import RunObserver, current_observer
from flows.snapshots import snapshots
from flows.steps.cache import StepCache
from flows.steps.runner import StepRunner
from flows.unwatched import concluded
from registry.inbox import Batch, BatchEntry, FollowUp, Known, Result, Trial, Use, Wait, strongest
from tasks.families.load_recipe import load_recipe
from tasks.recipe import Recipe
from tasks.recipe.reading import LoadedRecipe

WAITING = "Waiting"
NOTHING_LANDED = "Nothing landed"
NOTHING_TO_DO = "No drift"


@flow(name="take-in", validate_parameters=False, persist_result=False)
def take_in(recipe: str, overrides: list[str] | None = None) -> "State[None]":
    """Takes in what has landed for the recipe in the file `recipe`, in the home that the environment names.

    Raises UserError for whatever a person can mend; a batch that was claimed is given back then.
    """
    home = Home.open()
    return _look(load_recipe(Path(recipe), overrides or []), None, home, current_observer())


def taken_in(prepared: PreparedRun, home: Home) -> "State[None]":
    """The same for a recipe that is prepared already: how the flow ended."""
    observer = current_observer()

    @flow(name="take-in", validate_parameters=False, persist_result=False)
    def as_flow(recipe: str, overrides: list[str]) -> "State[None]":
        del recipe, overrides
        return _look(prepared.loaded, prepared, home, observer)

    state = as_flow(str(prepared.loaded.file), list(prepared.loaded.overrides), return_state=True)
    return cast("State[None]", state)


def _look(loaded: LoadedRecipe, prepared: PreparedRun | None, home: Home, observer: RunObserver) -> "State[None]":
    folders = InboxFolders.of(home, loaded.recipe.name)
    with one_pipeline_at_a_time(home, observer):
        try:
            return _TakeIn(loaded, prepared, home, observer).run()
        except Exception as error:
            _tell_once(folders, loaded.recipe, error)
            raise


def _tell_once(folders: InboxFolders, recipe: Recipe, error: Exception) -> None:
    """Remembers and tells that it failed; what fails again in the same way at every look is told once."""
    before, now = (
        remembered_standing(folders),
        Standing(at=datetime.now(UTC), failed=f"{type(error).__name__}: {error}"),
    )
    remember_standing(folders, now)
    if before is None or before.failed != now.failed:
        notify(recipe.notify, failure_notice(recipe.name, error))


class _TakeIn:
    """One look at the inbox of a recipe's model."""

    def __init__(self, loaded: LoadedRecipe, prepared: PreparedRun | None, home: Home, observer: RunObserver) -> None:
        self._known = prepared
        self._home = home
        self._observer = observer
        self._loaded = loaded
        self._recipe = loaded.recipe
        self._folders = InboxFolders.of(home, loaded.recipe.name)

    def run(self) -> "State[None]":
        name, home = self._recipe.name, self._home
        read_by(home, name, Columns.of(self._recipe.data))
        land_watched(home, name, self._recipe.intake.watch, folder=self._loaded.folder)
        sweep_inbox(home, name, announce=lambda _file: None)  # whatever has landed by now, this run looks at
        with open_inbox(home) as inbox:
            running = next((entry for entry in inbox.batches(name) if entry.running), None)
            rows_wait = any(portion.batch is None for portion in inbox.portions(name))
            last = next(reversed(inbox.trials(name)), None)
        if running is None and last is not None and last.result is None:
            return self._again(last, "a run that was cut off is gone on with")
        left_open = self._left_open(last, running)
        if running is None and not rows_wait and left_open is None:
            return Completed(name=NOTHING_LANDED, message="no rows wait to be taken in")
        wait = None
        if running is not None or rows_wait:
            # A batch that another run left is this run's: it alone is at work here.
            batch = self._claim(running.key if running else f"take-in-{uuid4()}", left_open)
            if isinstance(batch, Batch):
                return self._taken_in(batch, running.use if running else None, left_open)
            wait = batch
        if last is not None and left_open is not None and _is_due(left_open):
            return self._again(last, left_open.sentence)
        return self._waiting(wait, left_open)

    def _left_open(self, last: Trial | None, running: BatchEntry | None) -> FollowUp | None:
        """What the last run with landed rows left open, apart from that of the batch that is worked on."""
        if last is None or (running is not None and last.batch == running.key):
            return None
        without = next_step(self._recipe, last)
        if without is None or not without.progress:
            return without
        _, judged_by = snapshots(self._prepared(), self._steps())
        return next_step(self._recipe, last, landed_since(self._home, self._recipe, judged_by))

    def _claim(self, key: str, left_open: FollowUp | None) -> Batch | Wait:
        prepared = self._prepared()
        trained_on, judged_by = snapshots(prepared, self._steps())
        labels = frozenset(trained_on.result.labels) if self._recipe.data.classes else {COMPLETIONS}
        known = Known(labels=frozenset(labels), slices=frozenset(judged_by.result.slices))
        suffice = left_open is not None and left_open.rows_suffice
        policy = self._recipe.intake
        return claim_batch(self._home, self._recipe.name, key, policy=policy, known=known, suffice=suffice)

    def _taken_in(self, batch: Batch, decided: Use | None, left_open: FollowUp | None) -> "State[None]":
        name, home = self._recipe.name, self._home
        try:
            state, result = self._use(batch, decided, left_open)
        except Exception:
            complete(home, name, batch.key, ok=False)
            raise
        complete(home, name, batch.key, ok=True, result=result)
        self._remember(state.message or "")
        return state

    def _use(
        self, batch: Batch, decided: Use | None, left_open: FollowUp | None
    ) -> "tuple[State[None], Result | None]":
        name, home, why = self._recipe.name, self._home, "as decided by a run that was cut off"
        if decided is None:
            decision = decide_use(self._prepared(), home, self._steps())
            use, why = decision.use, decision.sentence
            if left_open is not None and left_open.least is not None:
                use, why = strongest(use, left_open.least), f"{why}; left open before: {left_open}"
            with open_inbox(home) as inbox:
                decided = inbox.decide(name, batch.key, use, now=datetime.now(UTC))
        self._observer.noted(f"{batch.rows:,} landed rows call for: {decided.value}; {why}")
        if decided is Use.KEEP:
            return Completed(name=NOTHING_TO_DO, message=f"{batch.rows:,} rows: {why}"), None
        with open_inbox(home) as inbox:
            trial = inbox.begin_trial(name, batch.key, decided, now=datetime.now(UTC))
        done = "retrained" if decided is Use.RETRAIN else "recalibrated"
        return self._tried(trial, f"{done} with {batch.rows:,} rows that landed: {why}", renewed=batch.key)

    def _again(self, last: Trial, why: str) -> "State[None]":
        """The same rows once more: steps that are settled are found again, and what was undecided is measured anew."""
        name, home = self._recipe.name, self._home
        with open_inbox(home) as inbox:
            trial = inbox.begin_trial(name, last.batch, last.use, now=datetime.now(UTC))
        self._observer.noted(f"try {trial.number} with the same landed rows: {why}")
        try:
            state, result = self._tried(trial, f"try {trial.number} with the same landed rows: {why}")
        except Exception as error:
            failed = Result(verdict=None, sentence=f"{type(error).__name__}: {error}")
            with open_inbox(home) as inbox:
                inbox.end_trial(name, trial, failed, now=datetime.now(UTC))
            raise
        with open_inbox(home) as inbox:
            inbox.end_trial(name, trial, result, now=datetime.now(UTC))
        self._remember(state.message or "")
        return state

    def _tried(self, trial: Trial, why: str, *, renewed: str | None = None) -> "tuple[State[None], Result]":
        """What has landed and what it is good for stands in the inbox; the pipeline reads it there, as every other run does."""
        on_step = (lambda: self._renew(renewed)) if renewed else (lambda: None)
        outcome = run_recipe(self._prepared(), self._home, self._observer, on_step=on_step)
        result = result_of(outcome)
        follows = next_step(self._recipe, trial.ended(result, datetime.now(UTC)))
        changes = [why] if follows is None else [why, *follows.lines]
        return concluded(outcome, self._home, self._recipe.notify, changes), result

    def _waiting(self, wait: Wait | None, left_open: FollowUp | None) -> "State[None]":
        times = [wait.until if wait else None, left_open.again_at if left_open else None]
        remember_standing(self._folders, Standing(at=datetime.now(UTC), wait=wait, follow_up=left_open))
        ask_again(self._recipe.name, min((at for at in times if at is not None), default=None))
        return Completed(name=WAITING, message="; ".join(str(each) for each in (wait, left_open) if each is not None))

    def _remember(self, last: str) -> None:
        """Where it stands after a run, and when to look again where that is known."""
        with open_inbox(self._home) as inbox:
            trial = next(reversed(inbox.trials(self._recipe.name)), None)
        follows = next_step(self._recipe, trial)
        remember_standing(self._folders, Standing(at=datetime.now(UTC), last=last, follow_up=follows))
        if follows is not None:
            ask_again(self._recipe.name, follows.again_at)

    def _prepared(self) -> PreparedRun:
        """What has landed anew each time, since it changes with every claim and decision; what the recipe names once."""
        known = self._known
        self._known = known.looked_again(self._home) if known else prepare(self._loaded, self._home)
        return self._known

    def _renew(self, key: str) -> None:
        with open_inbox(self._home) as inbox:
            inbox.renew(self._recipe.name, key, policy=self._recipe.intake, now=datetime.now(UTC))

    def _steps(self) -> StepRunner:
        return StepRunner(StepCache(self._home), self._observer)


def _is_due(left_open: FollowUp) -> bool:
    return left_open.again_at is not None and left_open.again_at <= datetime.now(UTC)
