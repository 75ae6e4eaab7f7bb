"""A run shows its steps: live on a terminal, line by line elsewhere, colour only where it belongs."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from flows.command_line.capture import captured_output, new_log
from flows.command_line.console import console_for, duration
from flows.command_line.watching import LiveLine, PlainLines, watching
from flows.progress import SilentObserver, current_observer, observing

PROJECT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(console: Console) -> None:
    with watching(console) as observer:
        observer.planned(["snapshot", "fine-tune"])
        observer.started("snapshot")
        observer.finished("snapshot", reused=True, seconds=2.0)
        observer.started("fine-tune")
        observer.progressed("fine-tune", "epoch 1 of 3", 0.3)
        observer.finished("fine-tune", reused=False, seconds=75.2)


def test_elsewhere_than_on_a_terminal_there_is_one_plain_line_per_step() -> None:
    stream = io.StringIO()
    show(console_for(stream))
    assert stream.getvalue() == "[1/2] snapshot: reused (took 2.0 s)\n[2/2] fine-tune: done in 1 min 15 s\n"


def test_a_terminal_keeps_a_line_per_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    show(console_for(stream))
    assert "[1/2] snapshot: reused (took 2.0 s)" in stream.getvalue()
    assert "[2/2] fine-tune: done in 1 min 15 s" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


def test_steps_that_run_beside_one_another_have_a_moving_line_each() -> None:
    progress = Progress(TextColumn("{task.description} {task.fields[message]}"), console=console_for(Terminal()))
    live = LiveLine(progress)
    live.started("Prefect server")
    live.planned(["seed 0", "seed 1"])
    for label in ("seed 0", "seed 1"):
        live.started(label)
    live.progressed("seed 1", "epoch 2", 0.5)
    live.progressed("seed 0", "epoch 1", 0.25)
    assert [(task.description, task.fields["message"], task.completed) for task in progress.tasks] == [
        ("seed 0", "epoch 1", 0.25),
        ("seed 1", "epoch 2", 0.5),
    ]
    live.finished("seed 0", reused=False, seconds=1.0)
    live.progressed("seed 0", "too late", 1.0)
    assert [task.description for task in progress.tasks] == ["seed 1"]


def coloured(stream: io.StringIO) -> bool:
    console_for(stream).print("text", style="bold red")
    return "\x1b[" in stream.getvalue() and "31m" in stream.getvalue()


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert coloured(Terminal())
    assert not coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(Terminal())


def test_long_lines_in_a_pipe_are_not_cut() -> None:
    stream = io.StringIO()
    console_for(stream).print("[brackets] " + "x" * 500)
    assert stream.getvalue() == "[brackets] " + "x" * 500 + "\n"


def test_progress_in_a_pipe_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 1.0, 20.0, 20.0, 21.0])
    monkeypatch.setattr("flows.command_line.watching.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    lines = PlainLines(console_for(stream))
    lines.started("fine-tune")
    lines.progressed("fine-tune", "epoch 1", 0.1)
    lines.progressed("fine-tune", "epoch 2", 0.5)
    lines.progressed("fine-tune", "epoch 3", None)
    assert stream.getvalue() == "fine-tune: epoch 2 (50%)\n"


def test_a_step_that_says_nothing_is_named_once_after_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[Any] = []

    class Timer:
        def __init__(self, seconds: float, tell: Callable[[str], None], arguments: tuple[str]) -> None:
            self.seconds, self.tell, self.arguments, self.running = seconds, tell, arguments, False
            timers.append(self)

        def start(self) -> None:
            self.running = True

        def cancel(self) -> None:
            self.running = False

    monkeypatch.setattr("flows.command_line.watching.threading.Timer", Timer)
    stream = io.StringIO()
    lines = PlainLines(console_for(stream))
    lines.started("snapshot")
    lines.finished("snapshot", reused=False, seconds=1.0)
    lines.started("fine-tune")
    assert [(timer.seconds, timer.running) for timer in timers] == [(5.0, False), (5.0, True)]
    timers[1].tell(*timers[1].arguments)
    assert stream.getvalue() == "snapshot: done in 1.0 s\nfine-tune: at work\n"


def test_an_observer_is_seen_only_where_it_watches() -> None:
    lines = PlainLines(console_for(io.StringIO()))
    with observing(lines):
        assert current_observer() is lines
    assert isinstance(current_observer(), SilentObserver)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3725, "1 h 02 min")]
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_libraries_and_children_print_goes_to_the_log(tmp_path: Path) -> None:
    script = f"""
import os, subprocess, sys, atexit
from pathlib import Path
from flows.command_line.capture import captured_output
atexit.register(lambda: print("late", file=sys.stderr))
with captured_output(Path({str(tmp_path / "run.log")!r})) as (out, err):
    print("python")
    os.write(2, b"native\\n")
    subprocess.run([sys.executable, "-c", "print('child')"])
    print("shown", file=err)
    atexit.register(lambda: print("library at exit", file=sys.stderr))
print("document")
"""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("document\n", "shown\n")
    log = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert [line for line in ("python", "native", "child", "library at exit", "late") if line not in log] == []


def test_output_comes_back_after_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        with captured_output(new_log(tmp_path, "run")):
            os.write(1, b"hidden\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    os.write(1, b"seen\n")
    assert capfd.readouterr().out == "seen\n"


def test_only_the_newest_logs_are_kept(tmp_path: Path) -> None:
    for number in range(40):
        file = tmp_path / f"run-{number}.log"
        file.touch()
        os.utime(file, (number, number))
    newest = new_log(tmp_path, "run")
    kept = {file.name for file in tmp_path.iterdir()}
    assert newest.name in kept
    assert {f"run-{number}.log" for number in range(10, 40)} <= kept
    assert "run-9.log" not in kept
