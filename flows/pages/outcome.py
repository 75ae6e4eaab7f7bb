"""What a run came to, as artifacts on its page in Prefect: verdict, table of checks, links to the report and to MLflow."""

from typing import TYPE_CHECKING

from engine import strict_json
from flows.pages.artifact_writer import ArtifactWriter, artifact_key
from flows.pages.run_summary import pages_of, promotion_sentence, steps_sentence
from registry.checks import Verdict
from registry.markdown import number, plain
from registry.model_card import model_headline
from registry.report.headline import checks_by_urgency
from registry.store import MlflowStore

if TYPE_CHECKING:
    from flows.run_outcome import RunOutcome


def publish(outcome: "RunOutcome", store: MlflowStore) -> None:
    """Writes the artifacts of the flow run that is going on; nothing where its server has no pages.

    Never fails the run: what cannot be written is noted in its log.
    """
    writer = ArtifactWriter.of_run()
    if writer is None:
        return
    pages, uri = pages_of(outcome, store), outcome.registered.version.uri
    writer.create("table", artifact_key("checks", outcome.name), strict_json.dumps(checks_table(outcome.verdict)))
    writer.create("markdown", artifact_key("verdict", outcome.name), verdict_text(outcome))
    writer.create("markdown", artifact_key("report", outcome.name), _link(outcome.report.name, pages.report))
    if pages.version is not None:
        writer.create("markdown", artifact_key("model", outcome.name), _link(uri, pages.version))


def checks_table(verdict: Verdict) -> list[dict[str, str]]:
    """A row per check, the worst first, with the numbers as the model card writes them."""
    return [
        {
            "check": plain(check.name),
            "outcome": check.outcome.value,
            "measured": number(check.measured, check.unit),
            "bound": number(check.bound, check.unit),
            "threshold": number(check.threshold, check.unit),
            "sentence": plain(check.sentence),
        }
        for check in checks_by_urgency(verdict.checks)
    ]


def verdict_text(outcome: "RunOutcome") -> str:
    """The model card's headline, what became of the version, and what was computed; in Markdown."""
    card = model_headline(outcome.name, outcome.evidence, outcome.verdict)
    return f"{card}\n{plain(promotion_sentence(outcome))}\n\n{plain(steps_sentence(outcome))}\n"


def _link(text: str, address: str) -> str:
    return f"[{text}]({address.replace('(', '%28').replace(')', '%29')})"
