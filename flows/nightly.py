"""The flow `nightly`: the recipe's whole pipeline at its hour, which ends in seconds where nothing has changed.

A run that starts too late by the recipe's policy is skipped.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.exclusive import one_pipeline_at_a_time
from flows.following import note_outcome
from flows.home import Home
from flows.notices.content import notice
from flows.notices.send import failures_notified, notify
from flows.pipeline import run_recipe
from flows.preparation import prepare
from flows.progress import current_observer
from flows.unwatched import concluded
from tasks.families.load_recipe import load_recipe
from tasks.recipe.schema import ScheduleConfig

SKIPPED: Final = "Skipped"


@flow(name="nightly", validate_parameters=False, persist_result=False)
def nightly(recipe: str, overrides: list[str] | None = None, measure_again: bool = False) -> "State[None]":
    """Runs the recipe in the file `recipe`, with `overrides` (`a.b=value`), in the home that the environment names.

    `measure_again`: nothing that was timed in an earlier run is reused. Raises UserError for whatever a person can mend.
    """
    home, observer = Home.open(), current_observer()
    loaded = load_recipe(Path(recipe), overrides or [])
    given = loaded.recipe
    late = lateness(given.schedule, due=flow_run.scheduled_start_time, now=datetime.now(UTC))
    if late is not None:
        notify(given.notify, notice("late", f"{given.name}: the nightly run was skipped", [late]))
        return Completed(name=SKIPPED, message=late)
    with failures_notified(given.notify, given.name):
        with one_pipeline_at_a_time(home, observer):
            outcome = run_recipe(prepare(loaded, home), home, observer, measure_again=measure_again)
        note_outcome(home, given, outcome)
        return concluded(outcome, home, given.notify)


def lateness(schedule: ScheduleConfig, *, due: datetime | None, now: datetime) -> str | None:
    """Why a run that was due then is not begun now; None where it is."""
    if schedule.max_delay_minutes is None or due is None:
        return None
    if now - due <= timedelta(minutes=schedule.max_delay_minutes):
        return None
    minutes = (now - due).total_seconds() / 60
    return f"{minutes:,.0f} minutes late, and schedule.max_delay_minutes is {schedule.max_delay_minutes}"
