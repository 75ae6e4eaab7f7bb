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
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from flows.home import Home
from flows.servers.embedded import PrefectServer
from tasks.artifact import Workspace
from tests.benchmarks.trivial_step import Written, write_number


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
        self._around: list[float] = []

    def run(self, rounds: int, *, artifacts: bool) -> None:
        """Times `rounds` turns after one that warms up, and prints medians."""
        ways = {"plain calls": self._plain, "step cache": self._cached, "Prefect tasks over it": self._orchestrated}
        for way in ways.values():
            way()
        self._around.clear()
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        names = list(ways)
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                seconds[name].append(ways[name]())
        print(f"medians of {rounds} rounds of {self._steps} steps:")
        for name, values in (*seconds.items(), ("the flow run around these", self._around)):
            print(f"  {name:26} {statistics.median(values):7.3f} s  ({min(values):.3f} to {max(values):.3f})")
        plain, cached, orchestrated = (statistics.median(values) for values in seconds.values())
        whole = orchestrated + statistics.median(self._around)
        print("a step costs, beyond its own work:")
        print(f"  in the step cache                     {(cached - plain) / self._steps:7.4f} s")
        print(f"  as a Prefect task, besides            {(orchestrated - cached) / self._steps:7.4f} s")
        print(f"  in all, with its part of the flow run {(whole - plain) / self._steps:7.4f} s")
        if artifacts:
            self._time_artifacts(rounds)

    def _plain(self) -> float:
        with tempfile.TemporaryDirectory(dir=self._home.folder) as folder:
            begin = time.perf_counter()
            for _ in range(self._steps):
                out = Path(folder) / str(self._next())
                out.mkdir()
                write_number(number=self._number, workspace=Workspace(out=out, scratch=out))
            return time.perf_counter() - begin

    def _cached(self) -> float:
        return self._run_steps(lambda _name, function: function())

    def _orchestrated(self) -> float:
        from prefect import flow

        begin = time.perf_counter()
        seconds = flow(name="steps", persist_result=False, validate_parameters=False)(self._run_steps)(None)
        self._around.append(time.perf_counter() - begin - seconds)
        return seconds

    def _run_steps(self, call: Callable[[str, Callable[[], Any]], Any] | None) -> float:
        from flows.progress import SilentObserver
        from flows.steps.cache import StepCache
        from flows.steps.runner import StepRunner
        from tasks.step import Step

        step = Step("write-number", "tests.benchmarks.trivial_step:write_number", Written)
        runner = StepRunner(StepCache(self._home), SilentObserver(), call=call)
        begin = time.perf_counter()
        for _ in range(self._steps):
            runner.run(step, {"number": self._next()})
        return time.perf_counter() - begin

    def _time_artifacts(self, rounds: int) -> None:
        from prefect import flow

        @flow(name="artifacts", persist_result=False)
        def artifacts() -> None:
            from flows.pages.artifact_writer import ArtifactWriter

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
