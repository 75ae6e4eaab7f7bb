"""What the flows that nobody watches have in common: their state says what they came to, and people are told of it."""

from collections.abc import Sequence
from typing import Final

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.home import Home
from flows.notices.content import notice, verdict_notice
from flows.notices.send import notify
from flows.pages.run_summary import pages_of
from flows.run_outcome import RunOutcome
from registry.store import MlflowStore
from tasks.recipe.schema import NotifyConfig

NOTHING_NEW: Final = "Nothing new"


def concluded(outcome: RunOutcome, home: Home, config: NotifyConfig, changes: Sequence[str] = ()) -> "State[None]":
    """The state of a run that came to a verdict, whichever that is; tells people. `changes`: what made it run.

    The state's name says what it came to, its message what serves now.
    """
    version = outcome.registered.version.uri
    message = "; ".join([*changes, f"{version}: {outcome.registered.promotion.sentence}"])
    if outcome.nothing_new:
        said = f"{outcome.name}: nothing new"
        notify(config, notice("nothing-new", said, ["Data, recipe and code are those of an earlier run.", message]))
        return Completed(name=NOTHING_NEW, message=message)
    notify(config, verdict_notice(outcome, pages_of(outcome, MlflowStore.of_home(home.folder)), changes))
    return Completed(name=f"Verdict {outcome.verdict.outcome.value}", message=message)
