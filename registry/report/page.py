"""Renders one run as one self-contained HTML page: no scripts, nothing to fetch, the verdict first.

The page is a pure function of the records, so the same run always gives the same bytes. Jinja escapes everything; what
is not escaped was made by the project's own drawing kit, which escapes on its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from registry.evidence import chosen_certificate
from registry.report.accuracy_rows import MOST_ROWS, WORST_CLASSES, class_rows, promise_rows, slice_rows
from registry.report.content import ReportContent
from registry.report.cost_accuracy import cost_accuracy_picture
from registry.report.facts import (
    champion_facts,
    data_facts,
    figures_by_heading,
    machine_facts,
    quality_facts,
    token_facts,
    token_server_facts,
)
from registry.report.formatting import breakable, clipped, moment, short_digest
from registry.report.headline import checks_by_urgency, headline, tiles
from registry.report.latency import far_objectives, latency_picture
from registry.report.lineage import lineage, other_bytes, step_rows
from registry.report.paths import cost_bars, mixing_sentence, optimal_share, path_rows, share_bars
from registry.report.techniques import screened_rows, stages
from registry.what_would_settle import what_would_settle
from tasks.formatting import (
    NOT_MEASURED,
    budget,
    count,
    duration,
    limit,
    megabytes,
    milliseconds,
    number,
    p_value,
    percent,
    proportion,
    times,
    with_unit,
)
from tasks.records import BenchmarkResult, Percentile
from tasks.records.sections import Fact
from tasks.whole_files import write_whole

_MOST_SOURCES: Final = 40
_MOST_RECIPE_CHARACTERS: Final = 20_000
_FILTERS: Final[tuple[Callable[..., str], ...]] = (
    breakable,
    budget,
    clipped,
    count,
    duration,
    limit,
    megabytes,
    milliseconds,
    moment,
    number,
    p_value,
    percent,
    proportion,
    short_digest,
    times,
    with_unit,
)


@dataclass(frozen=True, slots=True)
class PercentileRow:
    """One percentile of every scenario or kind of latency, in their order; None where one does not report it."""

    percentile: float
    by_scenario: tuple[Percentile | None, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One target's evidence, ready to be shown."""

    benchmark: BenchmarkResult
    picture: Markup
    far: dict[str, float]
    percentiles: tuple[PercentileRow, ...]
    facts: tuple[Fact, ...]
    tokens: tuple[PercentileRow, ...]
    token_facts: tuple[Fact, ...]
    token_server: tuple[PercentileRow, ...]
    token_server_facts: tuple[Fact, ...]


def write_report(content: ReportContent, file: Path) -> Path:
    """Writes the page; a reader finds the old page or the whole new one, never half of it."""
    page = render_report(content)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, page)
    return file


def render_report(content: ReportContent) -> str:
    """The page as text."""
    evidence = content.evidence
    benchmarks = [_measured(content, benchmark) for benchmark in evidence.benchmarks]
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            content=content,
            headline=headline(content),
            tiles=tiles(content),
            targets=[benchmark.target for benchmark in evidence.benchmarks] or list(content.recipe.targets),
            checks=checks_by_urgency(content.verdict.checks),
            settled_by=[str(missing) for missing in what_would_settle(content.verdict)],
            certificate=chosen_certificate(evidence.router),
            promises=promise_rows(content),
            stages=stages(content),
            screened=screened_rows(evidence.compression),
            cost_picture=cost_accuracy_picture(content),
            mixing_sentence=mixing_sentence(content),
            share_bars=share_bars(content),
            paths=path_rows(content),
            cost_bars=cost_bars(content),
            optimal_share=optimal_share(content),
            benchmarks=benchmarks,
            quality_facts=quality_facts(evidence.evaluation),
            champion_facts=champion_facts(evidence.champion, evidence.benchmarks) if evidence.champion else (),
            headed_facts=figures_by_heading(evidence.evaluation),
            slices=slice_rows(content),
            classes=class_rows(content),
            data_facts=data_facts(evidence.snapshot, evidence.evaluation.leaking_rows),
            lineage=lineage(content),
            other_bytes=other_bytes(content),
            steps=step_rows(content),
            computed_seconds=sum(step.seconds for step in content.steps if not step.reused),
            recipe_text=_recipe_text(content),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({function.__name__: function for function in _FILTERS})
    environment.globals.update(
        not_measured=NOT_MEASURED,
        most_rows=MOST_ROWS,
        worst_classes=WORST_CLASSES,
        most_sources=_MOST_SOURCES,
    )
    return environment


def _measured(content: ReportContent, benchmark: BenchmarkResult) -> Measured:
    gates = content.recipe.gates
    tokens, server = benchmark.tokens, benchmark.token_server
    return Measured(
        benchmark=benchmark,
        picture=latency_picture(benchmark, gates),
        far=far_objectives(benchmark, gates),
        percentiles=_rows([scenario.percentiles for scenario in benchmark.scenarios]),
        facts=machine_facts(benchmark),
        tokens=_rows([tokens.first, tokens.further]) if tokens else (),
        token_facts=token_facts(tokens) if tokens else (),
        token_server=_rows([server.first, server.further]) if server else (),
        token_server_facts=token_server_facts(server) if server else (),
    )


def _rows(columns: Sequence[Sequence[Percentile]]) -> tuple[PercentileRow, ...]:
    """One row for every percentile that any of the columns has."""
    known = [{entry.percentile: entry for entry in column} for column in columns]
    percentiles = sorted({percentile for by_percentile in known for percentile in by_percentile})
    return tuple(PercentileRow(p, tuple(by_percentile.get(p) for by_percentile in known)) for p in percentiles)


def _recipe_text(content: ReportContent) -> str:
    text: str = yaml.safe_dump(content.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text if len(text) <= _MOST_RECIPE_CHARACTERS else f"{text[:_MOST_RECIPE_CHARACTERS]}…"
