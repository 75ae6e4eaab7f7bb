"""`miaotui bench`: measures one bundle on a target, or two of them interleaved."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import strict_json
from flows.command_line import data_file, models
from flows.command_line.schema_file import schema_text
from tasks.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from tasks.records import BenchmarkResult, Contender, Percentile, Scenario, TokenServer


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "bench", help="measure a bundle on a target", description="Measures MODEL with the texts or prompts of FILE."
    )
    parser.add_argument("model", metavar="MODEL", help=models.HELP)
    parser.add_argument(
        "--data", metavar="FILE", required=True, type=Path, help=f"the texts or prompts: {data_file.FORMATS}"
    )
    parser.add_argument(
        "--target", metavar="T", required=True, help="name of a target (configs/targets/, or ./targets/)"
    )
    parser.add_argument("--against", metavar="MODEL", help="another model, measured interleaved with the first")
    parser.add_argument(
        "--text-column", default="text", metavar="NAME", help="the column of the texts or prompts in FILE"
    )
    data_file.add_delimiter(parser)
    parser.add_argument(
        "--schema", type=Path, metavar="FILE", help="also measure MODEL with completions kept to this JSON schema"
    )
    parser.add_argument("--queries", type=int, metavar="N", help="queries per scenario")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Measures and prints what was found."""
    from flows.command_line.capture import captured_output, new_log
    from flows.command_line.console import console_for
    from flows.command_line.watching import watching
    from flows.home import Home
    from tasks.recipe.load_target import load_target
    from tasks.recipe.schema import BenchmarkConfig

    target = load_target(options.target)
    texts = read_texts(options.data, options.text_column, options.delimiter)
    if options.queries is not None and options.queries < 1:
        raise UserError("must be at least 1", file="--queries")
    config = BenchmarkConfig() if options.queries is None else BenchmarkConfig(queries=options.queries)
    schema = None if options.schema is None else read_schema(options.schema)
    home = Home.open()
    with captured_output(new_log(home.logs, "bench")) as (_, err), watching(console_for(err)) as observer:
        from tasks.benchmark import bench_bundle

        bundle = models.bundle_folder(options.model)
        against = models.bundle_folder(options.against) if options.against else None
        with tempfile.TemporaryDirectory(prefix="miaotui-bench-") as folder:
            observer.started("benchmark")
            result = bench_bundle(
                bundle,
                texts,
                against=against,
                config=config,
                target=target,
                workspace_folder=Path(folder),
                schema=schema,
                progress=lambda message, fraction=None: observer.progressed("benchmark", message, fraction),
            )
    if options.json:
        print(strict_json.dumps(result.as_json(exclude={"latencies_ms"}), indent=1))
    else:
        print_benchmark(console_for(sys.stdout), result)
    return 0


def read_texts(file: Path, column: str, delimiter: str | None = None) -> list[str]:
    """The texts in one column of a data file; `delimiter` of a CSV, None finds it.

    Raises UserError naming the first row that has none.
    """
    from tasks.data.raw import place
    from tasks.data.readers import read_records, required_format
    from tasks.hints import excerpt, quote

    texts: list[str] = []
    for record in read_records(file, required_format(file), [column], location=str(file), delimiter=delimiter):
        text = record.values.get(column)
        if not isinstance(text, str):
            reason, shown = (
                (f"row {record.reason}", record.excerpt)
                if record.reason
                else (f"column {column!r} holds no text", excerpt(text))
            )
            raise UserError(
                f"{reason}: {quote(shown)}" if shown else reason, file=place(str(file), record.number, record.unit)
            )
        texts.append(text)
    return texts


def read_schema(file: Path) -> str:
    """The JSON schema in a file. Raises UserError where there is none that answers could keep to."""
    from engine.errors import InputError
    from engine.generation.guidance import checked_schema

    try:
        return checked_schema(schema_text(file))
    except InputError as error:
        raise UserError(str(error), file=file) from error


def print_benchmark(console: "Console", result: "BenchmarkResult") -> None:
    """The evidence of one target as tables."""
    from flows.command_line.console import print_rows

    console.print(f"target {result.target}: {result.host.cpu}, {', '.join(result.execution_providers)}", style="bold")
    header = ("contender", "mean ms", "p50 ms", "p99 ms", "speed-up (95 %)")
    print_rows(console, [header, *(_contender_row(contender) for contender in result.contenders)])
    console.print()
    columns = ("scenario", "queries", "qps", "mean ms", "p99 ms", "p99 at most", "LoadGen")
    print_rows(console, [columns, *(_scenario_row(scenario) for scenario in result.scenarios)])
    console.print()
    if result.tokens is not None:
        rows = [("tokens", "p50 ms", "p99 ms", "p99 at most")]
        rows += [
            ("to the first", *_token_row(result.tokens.first)),
            ("per further one", *_token_row(result.tokens.further)),
        ]
        print_rows(console, rows)
        console.print(f"{result.tokens.tokens_per_second:.1f} tokens/s, {result.tokens.mean_tokens:.1f} an answer")
        console.print()
    if result.token_server is not None:
        print_token_server(console, result.token_server)
        console.print()
    shares = ", ".join(f"{name} {share:.1%}" for name, share in result.stop_shares.items())
    console.print(f"paths: {shares}", soft_wrap=True)
    console.print(
        f"cold start {result.cold_start_s:.2f} s, first answer {result.first_answer_ms:.1f} ms, "
        f"peak memory {result.peak_memory_mb:.0f} MB, size {result.size_mb:.1f} MB",
        soft_wrap=True,
    )
    if result.disturbance is not None and result.disturbance.disturbed:
        console.print(f"the machine was busy: {result.disturbance.sentence}", soft_wrap=True)


def print_token_server(console: "Console", server: "TokenServer") -> None:
    """Streamed answers under load, and what LoadGen says of both bounds."""
    from flows.command_line.console import print_rows

    rows = [
        (f"tokens at {server.target_qps:.1f} qps", "p50 ms", "p99 ms", "p99 at most", "bound ms"),
        ("to the first", *_token_row(server.first), f"{server.ttft_bound_ms:g}"),
        ("per further one", *_token_row(server.further), f"{server.tpot_bound_ms:g}"),
    ]
    print_rows(console, rows)
    sustained = "no rate"
    if server.sustained_qps is not None:
        sustained = f"{server.sustained_qps:.1f} qps, {server.sustained_tokens_per_second:.1f} tokens/s"
    console.print(f"LoadGen: {server.validity}", soft_wrap=True)
    console.print(f"sustained within both bounds: {sustained}", soft_wrap=True)


def _contender_row(contender: "Contender") -> tuple[str, ...]:
    ratio = contender.speedup
    numbers = (f"{value:.3f}" for value in (contender.mean_ms, contender.p50_ms, contender.p99_ms))
    return contender.name, *numbers, f"{ratio.value:.2f}× ({ratio.low:.2f}–{ratio.high:.2f})"


def _scenario_row(scenario: "Scenario") -> tuple[str, ...]:
    rates = (f"{scenario.qps:.1f}", f"{scenario.mean_ms:.3f}")
    return scenario.name, str(scenario.queries), *rates, *_tail(scenario.percentiles), scenario.validity


def _token_row(percentiles: "Sequence[Percentile]") -> tuple[str, str, str]:
    median = next((f"{entry.value_ms:.3f}" for entry in percentiles if entry.percentile == 50), "–")
    return median, *_tail(percentiles)


def _tail(percentiles: "Sequence[Percentile]") -> tuple[str, str]:
    """The 99th percentile and its upper bound, or what is missing for one."""
    p99 = next((entry for entry in percentiles if entry.percentile == 99), None)
    if p99 is None:
        return "–", "–"
    bound = f"{p99.missing} queries short" if p99.upper_bound_ms is None else f"{p99.upper_bound_ms:.3f}"
    return f"{p99.value_ms:.3f}", bound
