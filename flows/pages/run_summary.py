"""What a run came to in a few sentences and links, for its page in Prefect and for those who are told of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flows.pages.served import run_page
from flows.run_log import warn
from registry.pages import report_page, version_page
from registry.store import MlflowStore

if TYPE_CHECKING:
    from flows.run_outcome import RunOutcome

_MOST_NAMED: Final = 8


@dataclass(frozen=True)
class RunPages:
    """Addresses. `report` is MLflow's page where a server has it, else the file; the others are None where there is none."""

    report: str
    version: str | None
    run: str | None


def pages_of(outcome: "RunOutcome", store: MlflowStore) -> RunPages:
    """Where people find what the run has left."""
    from mlflow.exceptions import MlflowException

    report = None
    if outcome.run_id is not None:
        try:
            report = report_page(store, outcome.run_id, outcome.report.name)
        except MlflowException as error:
            warn(f"MLflow did not say where the report is ({error.error_code}); its file is linked instead")
    return RunPages(
        report=report or outcome.report.as_uri(),
        version=version_page(store, outcome.registered.version),
        run=run_page(),
    )


def promotion_sentence(outcome: "RunOutcome") -> str:
    """Which version this is and what became of it."""
    uri, sentence = outcome.registered.version.uri, outcome.registered.promotion.sentence
    return sentence if uri in sentence else f"{uri}: {sentence}"


def steps_sentence(outcome: "RunOutcome") -> str:
    """What of the pipeline had to be computed."""
    computed = [step.name for step in outcome.steps if not step.reused]
    if not computed:
        return "Nothing has changed: every step was reused."
    more = f" and {len(computed) - _MOST_NAMED} more" if len(computed) > _MOST_NAMED else ""
    reused = len(outcome.steps) - len(computed)
    return f"Computed: {', '.join(computed[:_MOST_NAMED])}{more}; {reused} of {len(outcome.steps)} steps were reused."
