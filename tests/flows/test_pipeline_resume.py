"""Kill -9 in any step, then run again: finished steps are not repeated, and the step that was cut off goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
STEPS = ("one", "two", "three", "four")

PIPELINE = """
import sys, time
from pathlib import Path
from flows.steps.code_digest import code_of
from flows.home import Home
from flows.steps.cache import StepCache
from tasks.step import Step
from steps import Total

folder = Path(sys.argv[1])
cache = StepCache(Home(folder / "home"), code=lambda module: code_of(module, folder, ("steps",)))
earlier = None
for name in ("one", "two", "three", "four"):
    run = cache.run(Step(name, "steps:" + name, Total), {"earlier": earlier, "folder": str(folder)}, lambda *_: None)
    earlier = run.artifact
print(earlier.result.total)
"""

STEPS_MODULE = """
import time
from pathlib import Path
from tasks.artifact import Record

class Total(Record):
    total: int

def _step(name, earlier, folder, workspace):
    log = Path(folder) / "log.txt"
    resumed = (workspace.scratch / "checkpoint").exists()
    with log.open("a") as stream:
        stream.write(f"{name} {'resumed' if resumed else 'started'}\\n")
    (workspace.scratch / "checkpoint").write_text("")
    (workspace.out / "half-written").write_text(name)
    if (Path(folder) / "hang").read_text() == name:
        (Path(folder) / "hangs").write_text(name)
        time.sleep(300)
    return Total(total=1 + (earlier.result.total if earlier else 0))

def one(*, earlier, folder, workspace): return _step("one", earlier, folder, workspace)
def two(*, earlier, folder, workspace): return _step("two", earlier, folder, workspace)
def three(*, earlier, folder, workspace): return _step("three", earlier, folder, workspace)
def four(*, earlier, folder, workspace): return _step("four", earlier, folder, workspace)
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.py").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "steps.py").write_text(STEPS_MODULE, encoding="utf-8")
    return tmp_path


def start(folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{folder}"}
    command = [sys.executable, str(folder / "pipeline.py"), str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def run_until_killed_in(folder: Path, step: str) -> None:
    (folder / "hang").write_text(step, encoding="utf-8")
    process = start(folder)
    deadline = time.monotonic() + 60
    while not (folder / "hangs").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (folder / "hangs").unlink()
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_run_that_is_killed_in_every_step_in_turn_repeats_no_finished_step(pipeline: Path) -> None:
    for step in STEPS:
        run_until_killed_in(pipeline, step)
    (pipeline / "hang").write_text("nowhere", encoding="utf-8")
    for _ in range(2):
        output, _ = start(pipeline).communicate(timeout=60)
        assert output == "4\n"
    log = (pipeline / "log.txt").read_text(encoding="utf-8").splitlines()
    assert log == [f"{step} {how}" for step in STEPS for how in ("started", "resumed")]
    assert not list((pipeline / "home" / "work").iterdir())
