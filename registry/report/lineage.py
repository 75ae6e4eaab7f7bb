"""From the data to the verdict by digests, and what every step of the run took."""

from dataclasses import dataclass
from typing import Final

from registry.report.content import ReportContent, StepSummary
from tasks.families.generation.records import GenerationFineTuneResult
from tasks.formatting import NOT_MEASURED, count, is_measured, megabytes, number, percent
from tasks.records import FineTuneResult

_METHODS: Final = {"init": "from nothing", "full": "in all weights", "lora": "by low-rank updates, merged"}


@dataclass(frozen=True, slots=True)
class Station:
    """One thing on the way from data to verdict; `digest` is its SHA-256."""

    title: str
    detail: str
    digest: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step; `share` is its bar's length in percent of the longest step."""

    step: StepSummary
    share: float


def lineage(content: ReportContent) -> list[list[Station]]:
    """What went in, the bundle that came out, where its bytes were measured, and the verdict, as four columns."""
    snapshot, fine_tune, compression = content.snapshot, content.fine_tune, content.compression
    rows = sum(snapshot.rows.values())
    labels = f", {count(len(snapshot.labels))} labels" if snapshot.labels else ""
    measured = [
        Station("measured", f"bundle on {benchmark.target}", benchmark.bundle_digest)
        for benchmark in content.benchmarks
    ]
    inputs = [
        Station("data", f"snapshot of {count(rows)} rows{labels}", snapshot.content_digest),
        Station("base model", fine_tune.base_model, fine_tune.base_digest or ""),
        Station("certify rows", f"attempt {content.router.attempt} on these rows", content.router.certify_digest),
    ]
    served = f"{compression.model}, {compression.precision}, {megabytes(content.router.size_mb)}"
    bundle = Station("bundle", served, content.router.bundle_digest)
    verdict = Station(
        "verdict", f"{content.verdict.outcome}, {len(content.verdict.checks)} checks", content.verdict.digest
    )
    return [inputs, [bundle], measured or [Station("measured", NOT_MEASURED, "")], [verdict]]


def other_bytes(content: ReportContent) -> list[str]:
    """Targets on which another bundle was measured than the one that was calibrated."""
    return [b.target for b in content.benchmarks if b.bundle_digest != content.router.bundle_digest]


def step_rows(content: ReportContent) -> list[StepRow]:
    """All steps in order."""
    longest = max((step.seconds for step in content.steps if is_measured(step.seconds)), default=0.0) or 1.0
    return [
        StepRow(step, round(100 * step.seconds / longest, 2) if is_measured(step.seconds) else 0.0)
        for step in content.steps
    ]


def fine_tune_sentence(content: ReportContent) -> str:
    """How the fine-tuned model came about."""
    tuned = content.fine_tune
    return _decoder(tuned) if isinstance(tuned, GenerationFineTuneResult) else _encoder(tuned)


def _encoder(tuned: FineTuneResult) -> str:
    compared = ""
    if tuned.plain_accuracy is not None:
        compared = (
            f" The last head is right on {tuned.accuracy['full']:.2%} of tune; fine-tuned without early exits, "
            f"it is on {tuned.plain_accuracy:.2%}."
        )
    return (
        f"{tuned.layers} layers with exit heads after {', '.join(map(str, tuned.exits)) or 'none'}; "
        f"{number(tuned.parameters / 1e6)} M parameters; {tuned.epochs_run} epochs, best after {tuned.best_epoch}; "
        f"last training loss {number(tuned.train_loss)}.{compared}"
    )


def _decoder(tuned: GenerationFineTuneResult) -> str:
    training, tune = tuned.training, tuned.tune
    left_out = f", {count(training.left_out)} longer ones left out" if training.left_out else ""
    return (
        f"{tuned.shape.layers} decoder layers of width {count(tuned.shape.width)}; "
        f"{number(tuned.shape.parameters / 1e6)} M parameters, vocabulary {count(tuned.shape.vocabulary)}; trained "
        f"{_METHODS[tuned.method]} on {count(training.rows)} rows{left_out}, {count(training.tokens)} tokens in "
        f"{count(training.steps)} steps; last training loss {number(training.train_loss)}. On tune it completes "
        f"{percent(tune.exact_match)} of the rows token by token as wanted, with a perplexity of {number(tune.perplexity)}."
    )
