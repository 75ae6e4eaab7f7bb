"""`miaotui run`: the whole pipeline for one recipe, from its data to the verdict."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import strict_json

if TYPE_CHECKING:
    from rich.console import Console

    from flows.run_outcome import RunOutcome
    from tasks.records import BenchmarkResult


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="run a recipe",
        description="Fine-tunes, compresses, certifies, measures, judges and registers what RECIPE describes. Finished "
        "steps are kept: the same command goes on where it stopped, and reuses what has not changed.",
    )
    parser.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe (YAML)")
    parser.add_argument(
        "--set",
        metavar="A.B=VALUE",
        dest="overrides",
        action="append",
        default=[],
        help="override a field of the recipe; may be repeated",
    )
    parser.add_argument(
        "--measure-again",
        action="store_true",
        help="time everything anew, as on a machine that was busy before; what is no measurement is reused as ever",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON document")
    parser.set_defaults(execute=execute, resumes=True)


def execute(options: argparse.Namespace) -> int:
    """Runs the recipe; the exit code is the verdict's."""
    from engine.errors import EngineError
    from flows.command_line.capture import captured_output, new_log
    from flows.command_line.console import console_for
    from flows.command_line.watching import watching
    from flows.feasibility import require_usable_rows
    from flows.home import Home
    from flows.pools.remote_benchmark import require_servers
    from flows.preparation import prepare
    from flows.progress import observing
    from flows.servers.embedded import PrefectServer
    from flows.servers.named import require_prefect_server
    from tasks.families.load_recipe import load_recipe

    loaded = load_recipe(options.recipe, options.overrides)  # before a home is made for a recipe that is wrong
    require_prefect_server()
    home = Home.open()
    log = new_log(home.logs, "run")
    with captured_output(log) as (_, err), watching(console_for(err)) as observer:
        # What is wrong with data, model or targets is said at once, without waiting for Prefect to start.
        prepared = prepare(loaded, home)
        require_servers(prepared.targets)
        require_usable_rows(prepared)
        observer.started("Prefect server")
        server = PrefectServer.of_environment(log=log)
        from flows.pipeline import optimize

        server.wait()
        try:
            with observing(observer):
                outcome = optimize(prepared, home, measure_again=options.measure_again)
        except EngineError as error:
            # A bundle that was made a moment ago and does not load is no person's mistake.
            raise RuntimeError(str(error)) from error
    if options.json:
        print(strict_json.dumps(as_document(outcome), indent=1))
    else:
        print_outcome(console_for(sys.stdout), outcome)
    return outcome.exit_code


def as_document(outcome: "RunOutcome") -> dict[str, object]:
    """The outcome as JSON. Numbers that are not finite are strings that name them, as JSON has none."""
    from registry.evidence import chosen_certificate
    from registry.headline import adaptive_contender

    evidence, version = outcome.evidence, outcome.registered.version
    certificate = chosen_certificate(evidence.router)
    speedups = {
        benchmark.target: contender.speedup.as_json()
        for benchmark in evidence.benchmarks
        if (contender := adaptive_contender(benchmark))
    }
    return {
        "name": outcome.name,
        "outcome": outcome.verdict.outcome.value,
        "exit_code": outcome.exit_code,
        "checks": [check.as_json() for check in outcome.verdict.checks],
        "certificate": certificate.as_json() if certificate else None,
        "path_shares": {path.name: path.stop_share for path in evidence.evaluation.paths},
        "speedup": speedups,
        "model": version.uri,
        "version": version.version,
        "alias": outcome.registered.promotion.alias,
        "promotion": outcome.registered.promotion.sentence,
        "bundle_digest": evidence.bundle_digest,
        "data_digest": evidence.snapshot.content_digest,
        "report": str(outcome.report),
        "run_id": outcome.run_id,
        "all_reused": outcome.all_reused,
        "steps": [
            {"name": step.name, "seconds": step.seconds, "reused": step.reused, "digest": step.digest}
            for step in outcome.steps
        ],
    }


def print_outcome(console: "Console", outcome: "RunOutcome") -> None:
    """Verdict first, then what it rests on, then where things are."""
    from rich.text import Text

    from flows.command_line.console import OUTCOME_STYLES, print_rows
    from flows.pages.run_summary import promotion_sentence
    from registry.evidence import chosen_certificate

    def styled(outcome: str) -> Text:
        return Text(outcome, OUTCOME_STYLES[outcome])

    verdict, evidence = outcome.verdict, outcome.evidence
    reused = " (nothing has changed; every step was reused)" if outcome.all_reused else ""
    console.print(styled(verdict.outcome.value).append(f" {outcome.name}{reused}", "not bold default"))
    print_rows(console, [(styled(check.outcome.value), check.name, check.sentence) for check in verdict.checks])
    console.print()
    certificate = chosen_certificate(evidence.router)
    shares = ", ".join(f"{path.name} {path.stop_share:.1%}" for path in evidence.evaluation.paths)
    rows = [("certificate", certificate.statement)] if certificate else []
    rows += [("paths", shares)]
    rows += [("speed-up", _speed_sentence(benchmark)) for benchmark in evidence.benchmarks]
    rows += [
        (
            "tokens",
            f"{tokens.tokens_per_second:.0f} per second on {benchmark.target}, {tokens.mean_tokens:.1f} an answer",
        )
        for benchmark in evidence.benchmarks
        if (tokens := benchmark.tokens)
    ]
    rows += [
        ("model", promotion_sentence(outcome)),
        ("report", str(_short(outcome.report))),
    ]
    print_rows(console, rows)


def _speed_sentence(benchmark: "BenchmarkResult") -> str:
    from registry.headline import adaptive_contender

    own = adaptive_contender(benchmark)
    static = next((entry for entry in benchmark.contenders if entry is not own), None)
    if own is None or static is None:
        return f"nothing to compare with was measured on {benchmark.target}"
    ratio = own.speedup
    return (
        f"{ratio.value:.2f}× over {static.name} on {benchmark.target} (95 %: {ratio.low:.2f}–{ratio.high:.2f}), "
        f"mean {own.mean_ms:.2f} ms against {static.mean_ms:.2f} ms"
    )


def _short(file: Path) -> Path:
    """Relative where that is shorter to read: below the current folder."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
