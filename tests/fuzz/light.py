"""Cases without the command line: up to the training, or up to a bundle that meets the probes, each in a forked process.

Nothing is timed: a case is not about how fast this machine is.

The libraries are imported once, before the forks; no thread may run in this process then.
"""

import io
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.fuzz.drawn import Depth, Drawn
from tests.fuzz.outcomes import GOOD, Outcome, not_strict, refused

if TYPE_CHECKING:
    from tasks.records import ProbesResult

LIMIT_S: Final[dict[Depth, float]] = {"prepared": 120.0, "probed": 400.0}
_MEMORY: Final = 8 << 30
_LOOK_EVERY_S: Final = 0.02
_IMPORTED: Final = (
    "pyarrow.parquet",
    "transformers",
    "flows.command_line",
    "flows.inbox.landed_data",
    "flows.inbox.landing",
    "flows.steps.runner",
    "flows.make_bundle",
    "tasks.families.classification.plan",
    "tasks.families.generation.plan",
    "tasks.data.snapshot",
    "tasks.families.classification.export",
    "tasks.families.classification.fine_tune",
    "tasks.families.generation.check_rows",
    "tasks.families.generation.fine_tune",
    "tasks.families.classification.calibrate",
    "tasks.families.generation.calibrate",
    "tasks.probes.step",
    "tasks.families.classification.encoder.from_base",
)
_TRAINING: Final = "fine-tune"


class _Stopped(Exception):  # noqa: N818 - the end that is wanted
    """The case has come as far as it was meant to."""


def import_libraries(folder: Path) -> None:
    """All that a case needs, so that the forked processes share it."""
    os.environ |= {"MIAOTUI_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    from flows.home import Home

    Home.open()
    import torch

    for module in _IMPORTED:
        import_module(module)
    torch.set_num_threads(1)


def run_light(case: Drawn, folder: Path) -> Outcome:
    """What becomes of the case whose files lie in `folder`."""
    result = folder.absolute() / "outcome.json"
    result.unlink(missing_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _child(case, folder, result)
    status, deadline = None, time.monotonic() + LIMIT_S[case.depth]
    while status is None and time.monotonic() < deadline:
        done, code = os.waitpid(child, os.WNOHANG)
        status = code if done else None
        time.sleep(_LOOK_EVERY_S)
    if status is None:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return Outcome("HANG", f"not done within {LIMIT_S[case.depth]:.0f} s")
    if not result.exists():
        return Outcome("KILLED", f"ended with status {os.waitstatus_to_exitcode(status)}, without a word")
    return Outcome(**json.loads(result.read_text("utf-8")))


def _child(case: Drawn, folder: Path, result: Path) -> None:
    """Never returns."""
    from tasks.machine.child_process import die_with_parent

    os.setsid()
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    os.chdir(folder)
    sink = os.open("output.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.environ["MIAOTUI_HOME"] = str(Path("home").absolute())
    try:
        outcome = _attempt(case)
        if outcome.kind in GOOD:
            outcome = _landed(case) or outcome
        text = json.dumps(asdict(outcome))
        result.with_suffix(".part").write_text(text, encoding="utf-8")
        result.with_suffix(".part").rename(result)
        sys.stdout.flush()
    finally:
        os._exit(0)


def _attempt(case: Drawn) -> Outcome:
    """As the command line has it: a person's error is a line, anything else an internal error."""
    from engine.errors import EngineError
    from tasks.errors import UserError

    try:
        probes = _make(case)
    except _Stopped:
        return Outcome("PREPARED")
    except (UserError, EngineError) as error:
        return refused(str(error))
    except BaseException as error:  # noqa: BLE001 - the boundary: what is internal is counted
        return Outcome("INTERNAL_ERROR", f"{type(error).__name__}: {error}", traceback.format_exc())
    if case.depth == "prepared":
        raise AssertionError("the steps ended without the training")
    met = "; ".join(f"{each.name} {each.problem}" for each in probes.problems)
    return Outcome("UNANSWERED", met) if met else Outcome("PROBED")


def _landed(case: Drawn) -> Outcome | None:
    """What went wrong where the case's train files are landed for its model; None where nothing did."""
    from flows.command_line import main

    files = [name for name in case.files if not name.startswith("targets/")] or ["missing.jsonl"]
    name = case.recipe.get("name")
    arguments = [
        "land",
        name if isinstance(name, str) else "fuzz",
        "--recipe",
        case.recipe_file,
        "--json",
        "--",
        *files,
    ]
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(arguments)
    except SystemExit as usage:
        code = int(usage.code or 0)
    last = err.getvalue().strip().rpartition("\n")[2]
    if code not in (0, 2):
        logs = sorted(Path("home", "logs").glob("error-*.log"))
        return Outcome("INTERNAL_ERROR", f"land: {last}", logs[-1].read_text("utf-8") if logs else "")
    if problem := not_strict(out.getvalue(), several=True) if out.getvalue() else "":
        return Outcome("NOT_JSON", f"land: {problem}")
    return None


def _make(case: Drawn) -> "ProbesResult":
    from flows.gather_evidence import PROBE
    from flows.home import Home
    from flows.make_bundle import make_bundle
    from flows.pools.remote_benchmark import require_servers
    from flows.preparation import built_for, prepare
    from flows.progress import SilentObserver
    from flows.steps.cache import StepCache
    from flows.steps.runner import StepRunner
    from tasks.families.load_recipe import load_recipe

    class Stopping(StepRunner):
        """Runs steps in this process, up to the training where the case goes no further."""

        def run(self, step: Any, *arguments: Any, **options: Any) -> Any:
            self._stop_at([step])
            return super().run(step, *arguments, **options)

        def run_all(self, calls: Sequence[Any]) -> list[Any]:
            self._stop_at([call.step for call in calls])
            return super().run_all(calls)

        def _stop_at(self, steps: Sequence[Any]) -> None:
            if case.depth == "prepared" and any(step.name == _TRAINING for step in steps):
                raise _Stopped

    home = Home.open()
    prepared = prepare(load_recipe(Path(case.recipe_file), case.overrides), home)
    require_servers(prepared.targets)
    steps = Stopping(StepCache(home), SilentObserver(), call=lambda _name, function: function())
    _without_timing()
    made = make_bundle(prepared, steps, home)
    return steps.run(PROBE, {"router": made.router, "target": built_for(prepared.targets)}).result


def _without_timing() -> None:
    """From now on, in this process, whatever is timed takes a millisecond."""
    from tasks.timing.stopwatch import Stopwatch
    from tests.without_clock import timed

    def interleaved(_watch: object, _what: str, contenders: Any, rows: Sequence[Any], *_rest: object) -> Any:
        return timed(contenders, rows, lambda _name: 1.0)

    Stopwatch.interleaved = interleaved  # type: ignore[method-assign]
