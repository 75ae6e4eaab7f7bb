"""What does a step cost beyond its own work? Trivial steps as plain calls, through the step cache, and as Prefect tasks.

Run: python tests/benchmarks/orchestration.py [--steps 20] [--rounds 9] [--server http://127.0.0.1:4200/api]

The three take turns, each round beginning with another one. Without --server, Prefect's embedded server serves, as in
`miaotui run`; the time until it answers is printed apart. With one, the requests of a run's artifacts are timed, too.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from flows.home import Home
from flows.prefect_server import PrefectServer
from tasks.artifact import Record, Workspace


class Written(Record):
    """What the trivial step returns."""

    number: int


def write_number(*, number: int, workspace: Workspace) -> Written:
    """As little as a step can do: one small file."""
    (workspace.out / "number.txt").write_text(str(number), encoding="utf-8")
    return Written(number=number)


def main() -> None:
    """Start Prefect, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--server", metavar="URL", help="a Prefect server's API; else the embedded one")
    options = parser.parse_args()
    os.environ.pop("PREFECT_API_URL", None)
    if options.server:
        os.environ["PREFECT_API_URL"] = options.server
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MIAOTUI_HOME"] = folder
        home = Home.open()
        begin = time.perf_counter()
        server = PrefectServer.of_environment()
        import prefect  # noqa: F401 - while the server starts, as in `miaotui run`

        server.wait()
        print(f"Prefect imported and its server answering: {time.perf_counter() - begin:.2f} s")
        Comparison(home, options.steps).run(options.rounds, artifacts=bool(options.server))


class Comparison:
    """The same steps in three ways; every call has numbers of its own, so that nothing is reused."""

    def __init__(self, home: Home, steps: int) -> None:
        self._home = home
        self._steps = steps
        self._number = 0

    def run(self, rounds: int, *, artifacts: bool) -> None:
        """Times `rounds` turns after one that warms up, and prints medians."""
        ways: dict[str, Callable[[], None]] = {
            "plain calls": self._plain,
            "step cache": self._cached,
            "Prefect tasks over the step cache": self._orchestrated,
            "a flow without steps": self._empty_flow,
        }
        for way in ways.values():
            way()
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        names = list(ways)
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                begin = time.perf_counter()
                ways[name]()
                seconds[name].append(time.perf_counter() - begin)
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        plain, cached, orchestrated, empty = medians.values()
        print(f"medians of {rounds} rounds of {self._steps} steps:")
        for name, values in seconds.items():
            print(f"  {name:34} {medians[name]:7.3f} s  ({min(values):.3f} to {max(values):.3f})")
        print("a step costs, beyond its own work:")
        print(f"  in the step cache                  {(cached - plain) / self._steps:7.4f} s")
        print(f"  as a Prefect task, besides         {(orchestrated - cached - empty) / self._steps:7.4f} s")
        print(f"  in all, the run's own cost shared  {(orchestrated - plain) / self._steps:7.4f} s")
        if artifacts:
            self._time_artifacts(rounds)

    def _plain(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._home.folder) as folder:
            for _ in range(self._steps):
                out = Path(folder) / str(self._next())
                out.mkdir()
                write_number(number=self._number, workspace=Workspace(out=out, scratch=out))

    def _cached(self) -> None:
        self._run_steps(call=lambda _name, function: function())

    def _orchestrated(self) -> None:
        from prefect import flow

        flow(name="steps", persist_result=False)(self._run_steps)()

    def _run_steps(self, call: Callable | None = None) -> None:
        from flows.progress import SilentObserver
        from flows.step_cache import StepCache
        from flows.step_key import Step
        from flows.step_runner import StepRunner

        step = Step("write-number", "tests.benchmarks.orchestration:write_number", Written)
        runner = StepRunner(StepCache(self._home), SilentObserver(), call=call)
        for _ in range(self._steps):
            runner.run(step, {"number": self._next()})

    def _empty_flow(self) -> None:
        from prefect import flow

        flow(name="nothing", persist_result=False)(lambda: None)()

    def _time_artifacts(self, rounds: int) -> None:
        from prefect import flow

        @flow(name="artifacts", persist_result=False)
        def artifacts() -> None:
            from flows.artifact_writer import ArtifactWriter

            writer = ArtifactWriter.of_run()
            assert writer is not None
            created, updated = [], []
            for number in range(rounds):
                begin = time.perf_counter()
                made = writer.create("progress", "progress-orchestration", 0.0, "begun")
                created.append(time.perf_counter() - begin)
                assert made is not None
                begin = time.perf_counter()
                writer.update(made, "progress-orchestration", 1.0 * number, "going on")
                updated.append(time.perf_counter() - begin)
            print(f"an artifact: written in {statistics.median(created):.3f} s, ", end="")
            print(f"changed in {statistics.median(updated):.3f} s")

        artifacts()

    def _next(self) -> int:
        self._number += 1
        return self._number


if __name__ == "__main__":
    main()
