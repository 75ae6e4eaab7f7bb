"""The model card: what a person reads on the version's page. A pure function of the evidence and the verdict.

After Mitchell et al., "Model Cards for Model Reporting" (2019), cut down to what is known and proven here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from registry.checks import Check, Outcome, Verdict
from registry.evidence import Evidence, chosen_certificate
from registry.headline import adaptive_contender
from registry.markdown import markdown_table
from registry.model_card_tokens import token_section, token_server_section
from registry.wording import number, plain
from tasks.records import (
    BenchmarkResult,
    EvaluationResult,
    GenerationScores,
    Interval,
    Ratio,
)

DESCRIPTION_LENGTH: Final = 5000
"""What MLflow's column for a version's description holds, in characters."""

_LEFT_OUT: Final = "\nThe whole card is `model_card.md` among the model's artifacts.\n"


@dataclass(frozen=True)
class _Section:
    """A part of the card. Where not all fit, those with the smaller `rank` stay, at worst in their `brief` form."""

    rank: int
    text: str
    brief: str = ""


def model_card(name: str, evidence: Evidence, verdict: Verdict) -> str:
    """The whole card, in Markdown. `name` is the registered model's."""
    return "\n".join(section.text for section in _sections(name, evidence, verdict))


def model_description(name: str, evidence: Evidence, verdict: Verdict, *, limit: int = DESCRIPTION_LENGTH) -> str:
    """The card cut to `limit` characters, whole sections at a time, for the version's page."""
    sections = _sections(name, evidence, verdict)
    room = limit - len(_LEFT_OUT)
    chosen: dict[int, str] = {}
    for place, section in sorted(enumerate(sections), key=lambda entry: entry[1].rank):
        text = next((form for form in (section.text, section.brief) if form and len(form) < room), None)
        if text is not None:
            chosen[place] = text
            room -= len(text) + 1
    complete = all(chosen.get(place) == section.text for place, section in enumerate(sections))
    return "\n".join(chosen[place] for place in sorted(chosen)) + ("" if complete else _LEFT_OUT)


def _sections(name: str, evidence: Evidence, verdict: Verdict) -> tuple[_Section, ...]:
    return (
        _Section(0, model_headline(name, evidence, verdict)),
        _Section(1, _gates(verdict.checks), brief=_gates(verdict.decisive) if verdict.decisive else ""),
        _Section(2, _certificate(evidence)),
        _Section(4, _paths(evidence)),
        _Section(5, _quality(evidence.evaluation)),
        *(_Section(6, token_section(entry.target, entry.tokens)) for entry in evidence.benchmarks if entry.tokens),
        *(
            _Section(6, token_server_section(entry.target, entry.token_server))
            for entry in evidence.benchmarks
            if entry.token_server
        ),
        _Section(7, _techniques(evidence)),
        _Section(8, _data(evidence)),
        *([_Section(9, _remarks(evidence))] if evidence.remarks else []),
        _Section(3, _serving(name, evidence)),
    )


def model_headline(name: str, evidence: Evidence, verdict: Verdict) -> str:
    """The card's beginning, in Markdown: verdict, speed, comparison with the champion, and what did not pass."""
    lines = [
        f"# {name}: {verdict.outcome.value}",
        "",
        f"{_kind(evidence)}, from `{plain(evidence.fine_tuned.base_model)}` "
        f"({evidence.compression.model}, {evidence.compression.precision}), {evidence.router.size_mb:.1f} MB.",
    ]
    for benchmark in evidence.benchmarks:
        if contender := adaptive_contender(benchmark):
            lines.append(
                f"On {benchmark.target} ({plain(benchmark.host.cpu)}): {_ratio(contender.speedup)} times faster than "
                f"the static {evidence.compression.static_precision} model, {contender.mean_ms:.2f} ms on average"
                f"{_point(evidence, benchmark)}."
            )
    lines += against_champion(evidence)
    lines += [f"- {check.outcome.value}: {plain(check.sentence)}" for check in verdict.decisive]
    lines += ["", f"Bundle `{evidence.bundle_digest}`", f"Evidence `{evidence.digest}`", ""]
    return "\n".join(lines)


def _kind(evidence: Evidence) -> str:
    if evidence.evaluation.generation is not None:
        return "Adaptive text generator"
    return f"Adaptive text classifier with {len(evidence.snapshot.labels)} labels"


def _point(evidence: Evidence, benchmark: BenchmarkResult) -> str:
    """The operating point of a target that does not serve at the bundle's default, and how to load it so."""
    point = benchmark.operating_point
    if point in (None, evidence.router.operating_point):
        return ""
    return f", at its own operating point {point} (`operating_point={point!r}` at loading)"


def against_champion(evidence: Evidence) -> Iterator[str]:
    """How it compares with the version that served when it was judged, on the same rows and in the same blocks."""
    if unreadable := evidence.unreadable_champion:
        yield f"Not compared with the champion {unreadable.uri}: {plain(unreadable.problem)}."
    if champion := evidence.champion:
        yield (
            f"Champion then: {champion.uri}, {_interval(champion.champion_accuracy)}; a loss of {champion.test.loss:.2%} "
            f"against it, at most {champion.test.upper_bound:.2%}."
        )
        for benchmark in evidence.benchmarks:
            if against := benchmark.against_champion:
                yield f"On {benchmark.target}: {_ratio(against.speedup)} times as fast as the champion."


def _gates(checks: Sequence[Check]) -> str:
    rows = (
        (
            check.name,
            number(check.measured, check.unit),
            number(check.bound, check.unit),
            number(check.threshold, check.unit),
            check.outcome.value,
        )
        for check in sorted(checks, key=lambda check: -check.outcome.severity)
        if check.threshold is not None or check.outcome is not Outcome.PASS
    )
    return markdown_table("Gates", ("check", "measured", "bound", "threshold", "outcome"), rows)


def _certificate(evidence: Evidence) -> str:
    chosen = chosen_certificate(evidence.router)
    lines = ["## Certificate", ""]
    if chosen is None:
        lines.append(f"None: the router stays on the path {evidence.router.paths[-1].name} alone.")
    else:
        lines.append(plain(" ".join(sentence for sentence in (chosen.statement, chosen.promise) if sentence)))
        lines.append(
            f"Evidence: {chosen.test.harms} harms and {chosen.test.gains} gains on {chosen.test.n} certify rows, "
            f"p = {chosen.test.p_value:.3g}; attempt {evidence.router.attempt} on these rows."
        )
    others = [
        f"{entry.epsilon:.2%} ({'certified' if entry.certified else 'not certified'}, {entry.expected_cost_ms:.3g} ms)"
        for entry in evidence.router.certificates
    ]
    if others:
        lines.append(f"Operating points: {', '.join(others)}.")
    return "\n".join([*lines, ""])


def _paths(evidence: Evidence) -> str:
    gate = {path.name: path for path in evidence.evaluation.paths}
    rows = []
    for path in evidence.router.paths:
        judged = gate.get(path.name)
        rows.append(
            (
                path.name,
                f"{path.cost_ms:.3f}",
                f"{path.cumulative_ms:.3f}",
                _interval(judged.accuracy) if judged else "",
                f"{judged.stop_share:.1%}" if judged else "",
            )
        )
    table = markdown_table("Paths", ("path", "cost (ms)", "sum (ms)", "accuracy alone", "answers"), rows)
    ahead = [f"- {path.name} {path.drafting.sentence}" for path in evidence.router.paths if path.drafting]
    return "\n".join([table, "Tokens ahead, over one token at a time:", "", *ahead, ""]) if ahead else table


def _quality(evaluation: EvaluationResult) -> str:
    """What was measured on the gate rows; a metric that the task family has not, or the data do not give, has no row."""
    scores = evaluation.generation
    right = "all rows" if scores is None else "exact match"
    rows: list[tuple[str, Interval | str | None]] = [
        (f"routed, {right}", evaluation.accuracy),
        ("routed, in scope", evaluation.in_scope_accuracy),
        (f"reference (fp32), {right}", evaluation.reference_accuracy),
        ("reference (fp32), in scope", evaluation.reference_in_scope_accuracy),
        (f"static model, {right}", evaluation.static_accuracy),
        ("macro F1", _decimals(evaluation.macro_f1)),
        ("expected calibration error", _decimals(evaluation.expected_calibration_error)),
        ("out-of-scope recall", evaluation.out_of_scope_recall),
        *(_completions(scores) if scores is not None else ()),
        *((f"slice {entry.name}", entry.accuracy) for entry in evaluation.slices),
    ]
    measured = (
        (name, value if isinstance(value, str) else _interval(value)) for name, value in rows if value is not None
    )
    title = "Accuracy" if scores is None else "Completions"
    return markdown_table(f"{title} on {evaluation.rows} gate rows", ("metric", "value and exact interval"), measured)


def _completions(scores: GenerationScores) -> Iterator[tuple[str, Interval | str | None]]:
    yield "token F1", f"{scores.token_f1:.4f} (at least {scores.token_f1_low:.4f})"
    yield "ROUGE-L", f"{scores.rouge_l:.4f} (at least {scores.rouge_l_low:.4f})"
    yield "completions that are JSON", scores.json_validity
    yield "perplexity of the gold completions, reference (fp32)", f"{scores.perplexity:.4f}"
    yield "perplexity of the gold completions, last path as it serves", f"{scores.served_perplexity:.4f}"
    yield "answers the same as plain greedy decoding's", scores.identical
    yield "mean tokens of an answer", f"{scores.mean_tokens:.1f}"


def _techniques(evidence: Evidence) -> str:
    rows = (
        (entry.name, entry.state, f"{_ratio(entry.speedup)}x over {entry.parent}", entry.reason)
        for entry in evidence.compression.techniques
    )
    return markdown_table("Techniques", ("technique", "", "speed", "why"), rows)


def _data(evidence: Evidence) -> str:
    snapshot = evidence.snapshot
    lines = [
        "## Data",
        "",
        f"Snapshot `{snapshot.content_digest}`: "
        + ", ".join(f"{split} {count}" for split, count in snapshot.rows.items())
        + " rows.",
        f"{snapshot.quarantined} rows were quarantined, {snapshot.duplicates} were duplicates, "
        f"{snapshot.leaking_exact + snapshot.leaking_near} left a split because a better protected one has their text.",
        *([f"{snapshot.landed.sentence}."] if snapshot.landed else []),
        *([f"{snapshot.retired} rows left certify, since failed attempts had seen them."] if snapshot.retired else []),
        *(
            f"- `{plain(source.location)}` ({source.rows} rows, SHA-256 {source.sha256[:12]})"
            for source in snapshot.sources
        ),
        "",
    ]
    return "\n".join(lines)


def _remarks(evidence: Evidence) -> str:
    """What the steps put on the record."""
    return "\n".join(["## Remarks", "", *(f"- {plain(remark)}" for remark in evidence.remarks), ""])


def _serving(name: str, evidence: Evidence) -> str:
    answer, wishes = "label, confidence, path, abstained", list[str]()
    if evidence.evaluation.generation is not None:
        answer = "completion, confidence, path, tokens, cost_ms, error"
        wishes = ['model.predict(["some text"], params={"max_new_tokens": 64, "schema": \'{"type": "object"}\'})']
    return "\n".join(
        [
            "## How to serve",
            "",
            "```",
            f'miaotui predict models:/{name}@champion "some text" --json',
            "```",
            "```python",
            "import mlflow.pyfunc",
            f'model = mlflow.pyfunc.load_model("models:/{name}@champion")',
            f'model.predict(["some text"])  # {answer}',
            *wishes,
            "```",
            "",
        ]
    )


def _interval(interval: Interval) -> str:
    return f"{interval.value:.2%} ({interval.low:.2%} to {interval.high:.2%}, n = {interval.n})"


def _decimals(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
