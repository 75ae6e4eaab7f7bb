"""What each technique gained: a fall from the uncompressed model to the router, each step against its own parent."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.report.content import ReportContent
from tasks.formatting import (
    NOT_MEASURED,
    budget,
    count,
    is_measured,
    megabytes,
    milliseconds,
    number,
    p_value,
    percent,
    points,
    times,
)
from tasks.records import CompressionResult, Screened, Technique
from tasks.records.sections import Fact


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the fall. `kept_share` and `changed_share` are bar lengths in percent of the longest bar.

    `changed_share` is the time saved against the parent, or the time added where `slower`.
    """

    name: str
    state: str
    time: str
    change: str
    ratio: str
    kept_share: float
    changed_share: float
    slower: bool
    facts: tuple[Fact, ...] = ()
    reason: str = ""


def stages(content: ReportContent) -> list[Stage]:
    """The uncompressed model, every technique in the order it was tried, and the router."""
    techniques = content.evidence.compression.techniques
    router_ms, static_ms = _router_times(content)
    pairs = [(technique.parent_mean_ms, technique.mean_ms) for technique in techniques]
    longest = (
        max((ms for pair in [*pairs, (static_ms, router_ms)] for ms in pair if is_measured(ms)), default=1.0) or 1.0
    )
    falls = [_start(techniques, longest)] if techniques else []
    falls += [_technique(technique, longest, content.evidence.account.outputs) for technique in techniques]
    return [*falls, _router(content, router_ms, static_ms, longest)]


@dataclass(frozen=True, slots=True)
class ScreenedRow:
    """A setting of the search, ready to be shown."""

    name: str
    speed: str
    accuracy: str
    perplexity: str
    agreement: str
    rows: str
    outcome: str


def screened_rows(compression: CompressionResult) -> list[ScreenedRow]:
    """All that a search of settings tried, in order."""
    return [_screened(entry) for entry in compression.screened]


def _screened(entry: Screened) -> ScreenedRow:
    outcome = f"{'tried on all rows' if entry.taken else 'left'}: {entry.reason}"
    figures = entry.figures
    if figures is None:
        nothing = NOT_MEASURED
        return ScreenedRow(entry.name, nothing, nothing, nothing, nothing, nothing, outcome)
    return ScreenedRow(
        name=entry.name,
        speed=f"{number(figures.speedup)}× {entry.parent}",
        accuracy=f"{percent(figures.parent_accuracy)} → {percent(figures.accuracy)}",
        perplexity=f"{number(figures.parent_perplexity)} → {number(figures.perplexity)}",
        agreement=percent(figures.agreement),
        rows=count(figures.rows),
        outcome=outcome,
    )


def _router_times(content: ReportContent) -> tuple[float, float]:
    """Mean milliseconds of the router and of the best static model: measured side by side, else as calibrated."""
    contender = content.adaptive
    if contender is not None:
        return contender.mean_ms, contender.mean_ms * contender.speedup.value
    return content.evidence.router.expected_cost_ms, content.evidence.router.static_cost_ms


def _start(techniques: Sequence[Technique], longest: float) -> Stage:
    first = techniques[0]
    facts = (Fact("accuracy on tune", percent(first.parent_accuracy)), Fact("size", megabytes(first.parent_size_mb)))
    return Stage(
        name=first.parent,
        state="start",
        time=milliseconds(first.parent_mean_ms),
        change="",
        ratio="1×",
        kept_share=_share(first.parent_mean_ms, longest),
        changed_share=0.0,
        slower=False,
        facts=facts,
    )


def _technique(technique: Technique, longest: float, outputs: str) -> Stage:
    before, after = technique.parent_mean_ms, technique.mean_ms
    test = technique.test
    return Stage(
        name=technique.name,
        state=technique.state,
        time=milliseconds(after),
        change=f"parent {technique.parent}: {milliseconds(before)}",
        ratio=times(technique.speedup),
        kept_share=min(_share(before, longest), _share(after, longest)),
        changed_share=abs(_share(before, longest) - _share(after, longest)),
        slower=after > before,
        facts=(
            *_timed(technique),
            Fact("accuracy on tune", f"{percent(technique.parent_accuracy)} → {percent(technique.accuracy)}"),
            Fact(
                "loss",
                f"{percent(test.loss, 2)}, at most {percent(test.upper_bound, 2)}; budget {budget(test.epsilon)}",
            ),
            Fact(
                "harms / gains",
                f"{count(test.harms)} / {count(test.gains)} of {count(test.n)}, p {p_value(test.p_value)}",
            ),
            Fact("size", f"{megabytes(technique.parent_size_mb)} → {megabytes(technique.size_mb)}"),
            *_perplexity(technique),
            Fact("same answers", f"{percent(technique.agreement)}, {outputs} within {number(technique.parity)}"),
        ),
        reason=technique.reason,
    )


def _timed(technique: Technique) -> tuple[Fact, ...]:
    """How often it was timed, and which clock decided; nothing in results from before that was on the record."""
    if technique.blocks is None:
        return ()
    clock = (
        "the wall clock"
        if technique.clock == "wall"
        else "the thread's CPU time, since others disturbed the wall clock"
    )
    return (Fact("timed", f"{count(technique.blocks)} interleaved blocks, decided by {clock}"),)


def _perplexity(technique: Technique) -> tuple[Fact, ...]:
    if technique.perplexity is None:
        return ()
    before, after = number(technique.parent_perplexity), number(technique.perplexity)
    return (Fact("perplexity of the gold completions on tune", f"{before} → {after}"),)


def _router(content: ReportContent, router_ms: float, static_ms: float, longest: float) -> Stage:
    contender, evaluation = content.adaptive, content.evidence.evaluation
    test = evaluation.reference
    predicted = (
        f"{number(static_ms / router_ms)}× (predicted)" if is_measured(router_ms) and router_ms > 0 else NOT_MEASURED
    )
    return Stage(
        name="routing",
        state="router",
        time=milliseconds(router_ms),
        change=f"parent {content.evidence.compression.static_precision}: {milliseconds(static_ms)}",
        ratio=times(contender.speedup) if contender else predicted,
        kept_share=min(_share(static_ms, longest), _share(router_ms, longest)),
        changed_share=abs(_share(static_ms, longest) - _share(router_ms, longest)),
        slower=router_ms > static_ms,
        facts=(
            Fact(
                "accuracy on gate",
                f"{percent(evaluation.static_accuracy.value)} → {percent(evaluation.accuracy.value)}",
            ),
            Fact("against the fp32 reference", points(evaluation.accuracy.value - evaluation.reference_accuracy.value)),
            Fact(
                "harms / gains",
                f"{count(test.harms)} / {count(test.gains)} of {count(test.n)}, p {p_value(test.p_value)}",
            ),
        ),
    )


def _share(milliseconds_taken: float, longest: float) -> float:
    return round(100 * milliseconds_taken / longest, 2) if is_measured(milliseconds_taken) else 0.0
