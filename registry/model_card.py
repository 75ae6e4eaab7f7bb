"""The model card: what a person reads on the version's page. A pure function of the evidence and the verdict.

After Mitchell et al., "Model Cards for Model Reporting" (2019), cut down to what is known and proven here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from registry.checks import Check, Outcome, Verdict
from registry.evidence import Evidence, chosen_certificate
from registry.headline import adaptive_contender
from registry.markdown import markdown_table, number, plain
from tasks.records import BenchmarkResult, Figure, Interval, Percentile, Ratio, TokenLatency, TokenServer

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
        _Section(5, _quality(evidence)),
        *(_Section(6, _tokens(entry.target, entry.tokens)) for entry in evidence.benchmarks if entry.tokens),
        *(
            _Section(6, _token_server(entry.target, entry.token_server))
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
        f"Adaptive {evidence.account.kind}, from `{plain(evidence.fine_tuned.base_model)}` "
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


def _quality(evidence: Evidence) -> str:
    """The accuracies, the figures that nights are compared by, the slices; what was not measured has no row."""
    evaluation, right = evidence.evaluation, evidence.account.accuracy
    compared = [figure for figure in evaluation.figures if figure.reference is not None]
    rows: list[tuple[str, str | None]] = [
        (f"routed, {right}", _interval(evaluation.accuracy)),
        *((f"routed, {figure.title}", _figure(figure)) for figure in compared),
        (f"reference (fp32), {right}", _interval(evaluation.reference_accuracy)),
        *((f"reference (fp32), {each.title}", _interval(each.reference)) for each in compared if each.reference),
        (f"static model, {right}", _interval(evaluation.static_accuracy)),
        *((each.title, _figure(each)) for each in evaluation.figures if each.headline and each not in compared),
        *((f"slice {entry.name}", _interval(entry.accuracy)) for entry in evaluation.slices),
    ]
    measured = ((name, value) for name, value in rows if value is not None)
    return markdown_table(f"Quality on {evaluation.rows} gate rows", ("metric", "value and exact interval"), measured)


def _figure(figure: Figure) -> str | None:
    """Its value, with the interval of a share, or with the bound of another one that is compared by it too."""
    if figure.value is None:
        return None
    if figure.interval is not None:
        return _interval(figure.interval)
    value = number(figure.value, figure.unit) if figure.unit else f"{figure.value:.4f}"
    if figure.bound is None or figure.headline == ("value",):
        return value
    return f"{value} ({'at least' if figure.better == 'more' else 'at most'} {figure.bound:.4f})"


def _tokens(target: str, tokens: TokenLatency) -> str:
    """Token latencies of single requests on one target, and the rate that they give."""
    rows = _token_rows(tokens)
    rows.append(("completion tokens per second", f"{tokens.tokens_per_second:.4g}", ""))
    return markdown_table(f"Tokens on {target}, {tokens.queries} queries", ("metric", "measured", "at most"), rows)


def _token_server(target: str, server: TokenServer) -> str:
    """Token latencies under load on one target, and the rate that was sustained."""
    sustained, rows = server.sustained_tokens_per_second, _token_rows(server)
    bounds = f"{server.ttft_bound_ms:g} ms to the first token and {server.tpot_bound_ms:g} ms per further token"
    rows.append((f"tokens per second within {bounds}", "none" if sustained is None else f"{sustained:.4g}", ""))
    rows.append(("LoadGen", server.validity, ""))
    title = f"Tokens on {target}, Server at {server.target_qps:.4g} queries per second"
    return markdown_table(title, ("metric", "measured", "at most"), rows)


def _token_rows(tokens: TokenLatency | TokenServer) -> list[tuple[str, ...]]:
    def row(name: str, percentile: Percentile) -> tuple[str, ...]:
        bound = percentile.upper_bound_ms
        missing = f"{percentile.missing} more queries needed"
        return (
            f"{name}, p{percentile.percentile:g}",
            f"{percentile.value_ms:.3g}",
            missing if bound is None else f"{bound:.3g}",
        )

    rows = [row("time to the first token (ms)", entry) for entry in tokens.first]
    return rows + [row("time per further token (ms)", entry) for entry in tokens.further]


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
    account = evidence.account
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
            f'model.predict(["some text"])  # {", ".join(account.answer)}',
            *account.examples,
            "```",
            "",
        ]
    )


def _interval(interval: Interval) -> str:
    return f"{interval.value:.2%} ({interval.low:.2%} to {interval.high:.2%}, n = {interval.n})"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
