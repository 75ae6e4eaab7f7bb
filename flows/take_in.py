"""The flow `take-in`: what has landed is looked at, and the router is recalibrated or the model retrained if it calls for it.

A batch is claimed, decided on and completed in the inbox; between them stand only steps that are found again when a run is
repeated. Whoever is killed in between, the next run goes on with the same batch and the same decision.
"""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.exclusive import one_pipeline_at_a_time
from flows.family import snapshots
from flows.home import Home
from flows.inbox.batches import claim_batch, complete
from flows.inbox.drift_decision import decide_use
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
from flows.steps.cache import StepCache
from flows.steps.runner import StepRunner
from flows.unwatched import concluded
from registry.inbox import Batch, Known, Use, Wait
from tasks.recipe import Recipe
from tasks.recipe.load import LoadedRecipe, load_recipe

WAITING = "Waiting"
NOTHING_LANDED = "Nothing landed"
NOTHING_TO_DO = "No drift"


@flow(name="take-in", validate_parameters=False, persist_result=False)
def take_in(recipe: str, overrides: list[str] | None = None) -> "State[None]":
    """Takes in what has landed for the recipe in the file `recipe`, in the home that the environment names.

    Raises UserError for whatever a person can mend; a batch that was claimed is given back then.
    """
    home, observer = Home.open(), current_observer()
    loaded = load_recipe(Path(recipe), overrides or [])
    folders = InboxFolders.of(home, loaded.recipe.name)
    with one_pipeline_at_a_time(home, observer):
        try:
            return _TakeIn(loaded, home, observer).run()
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

    def __init__(self, loaded: LoadedRecipe, home: Home, observer: RunObserver) -> None:
        self._home = home
        self._observer = observer
        self._loaded = loaded
        self._recipe = loaded.recipe

    def run(self) -> "State[None]":
        name, home = self._recipe.name, self._home
        folders = InboxFolders.of(home, name)
        read_by(home, name, Columns.of(self._recipe.data))
        land_watched(home, name, self._recipe.intake.watch, folder=self._loaded.folder)
        sweep_inbox(home, name, announce=lambda _file: None)  # whatever has landed by now, this run looks at
        with open_inbox(home) as inbox:
            running = next((entry for entry in inbox.batches(name) if entry.running), None)
            if running is None and all(portion.batch is not None for portion in inbox.portions(name)):
                return Completed(name=NOTHING_LANDED, message="no rows wait to be taken in")
        # A batch that another run left is this run's: it alone is at work here.
        batch = self._claim(running.key if running else f"take-in-{uuid4()}")
        if isinstance(batch, Wait):
            remember_standing(folders, Standing(at=datetime.now(UTC), wait=batch))
            ask_again(name, batch.until)
            return Completed(name=WAITING, message=str(batch))
        try:
            state = self._use(batch, running.use if running else None)
        except Exception:
            complete(home, name, batch.key, ok=False)
            raise
        complete(home, name, batch.key, ok=True)
        remember_standing(folders, Standing(at=datetime.now(UTC), last=state.message or ""))
        return state

    def _claim(self, key: str) -> Batch | Wait:
        prepared = self._prepared()
        trained_on, judged_by = snapshots(prepared, self._steps())
        labels = frozenset(trained_on.result.labels) if self._recipe.data.classes else {COMPLETIONS}
        known = Known(labels=frozenset(labels), slices=frozenset(judged_by.result.slices))
        return claim_batch(self._home, self._recipe.name, key, policy=self._recipe.intake, known=known)

    def _use(self, batch: Batch, decided: Use | None) -> "State[None]":
        name, home, why = self._recipe.name, self._home, "as decided by a run that was cut off"
        if decided is None:
            decision = decide_use(self._prepared(), home, self._steps())
            with open_inbox(home) as inbox:
                decided = inbox.decide(name, batch.key, decision.use, now=datetime.now(UTC))
            why = decision.sentence
        self._observer.noted(f"{batch.rows:,} landed rows call for: {decided.value}; {why}")
        if decided is Use.KEEP:
            return Completed(name=NOTHING_TO_DO, message=f"{batch.rows:,} rows: {why}")
        # What has landed and what it is good for stands in the inbox; the pipeline reads it there, as every other run does.
        outcome = run_recipe(self._prepared(), home, self._observer, on_step=lambda: self._renew(batch.key))
        done = "retrained" if decided is Use.RETRAIN else "recalibrated"
        return concluded(outcome, home, self._recipe.notify, [f"{done} with {batch.rows:,} rows that landed: {why}"])

    def _prepared(self) -> PreparedRun:
        """Anew each time: what has landed belongs to it, and changes with every claim and decision."""
        return prepare(self._loaded.file, self._loaded.overrides, self._home)

    def _renew(self, key: str) -> None:
        with open_inbox(self._home) as inbox:
            inbox.renew(self._recipe.name, key, policy=self._recipe.intake, now=datetime.now(UTC))

    def _steps(self) -> StepRunner:
        return StepRunner(StepCache(self._home), self._observer)
