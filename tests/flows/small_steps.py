"""Steps of a moment, in a module that a step's own process can import."""

import os
import signal
import time
from pathlib import Path

from tasks.artifact import Artifact, Record, Workspace
from tasks.errors import UserError
from tasks.step import Step

MODULE = "tests.flows.small_steps"


class Small(Record):
    """What a small step leaves."""

    number: int
    process: int
    threads: str | None


class OddError(Exception):
    """An exception that cannot be made again from its arguments."""

    def __init__(self, one: int, *, two: int) -> None:
        super().__init__(f"odd {one} {two}")


def write(number: int, *, workspace: Workspace, earlier: Artifact[Small] | None = None, waits_for: str = "") -> Small:
    """Writes the number. With `waits_for`, only once that file is there; says that it has begun beside it."""
    del earlier
    workspace.progress("writing", 0.5)
    if waits_for:
        Path(f"{waits_for}-begun-{number}").touch()
        _wait_for(Path(waits_for))
    (workspace.out / "number.txt").write_text(str(number), encoding="utf-8")
    return Small(number=number, process=os.getpid(), threads=os.environ.get("OMP_NUM_THREADS"))


def fail(how: str, *, workspace: Workspace) -> Small:
    """Fails in one of several ways, with half a result written."""
    (workspace.out / "half").touch()
    if how == "user":
        raise UserError("mend this", file="recipe.yaml", field="a.b")
    if how == "odd":
        raise OddError(1, two=2)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("broken")


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{file} never came")
        time.sleep(0.02)


WRITE = Step("write", f"{MODULE}:write", Small)
FAIL = Step("fail", f"{MODULE}:fail", Small)
MEASURE = Step("measure", f"{MODULE}:write", Small, measures=True)
