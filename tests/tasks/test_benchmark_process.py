"""The measuring process: pinned, watched, killed when silent, and its crash told with the end of its log."""

import json
import os
import textwrap
import time
from pathlib import Path

import pytest

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.process import run_pinned, usable_cpus
from tasks.errors import UserError
from tasks.recipe import Target


def run(
    tmp_path: Path, body: str, *, target: Target | None = None, limit_s: float = 20.0, next_limit_s: float | None = None
) -> list[str]:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(body), encoding="utf-8")
    lines: list[str] = []

    def follow(line: str) -> float | None:
        lines.append(line)
        return next_limit_s

    run_pinned(
        script,
        ["argument"],
        target=target or Target(name="here"),
        log=tmp_path / "child.log",
        limit_s=limit_s,
        on_line=follow,
    )
    return lines


def test_process_is_pinned_before_it_imports_anything_numeric(tmp_path: Path) -> None:
    cpu = max(usable_cpus())
    body = """
        import json, os, sys
        print(json.dumps([sorted(os.sched_getaffinity(0)), os.environ["OMP_NUM_THREADS"], sys.argv[1:],
                          "numpy" in sys.modules]))
    """

    lines = run(tmp_path, body, target=Target(name="pinned", cpus=(cpu,), threads=3))

    assert json.loads(lines[0]) == [[cpu], "3", ["argument"], False]


def test_cpus_that_are_not_there_are_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cpus: target 'elsewhere' names CPUs 100000, but this process may use"):
        run(tmp_path, "", target=Target(name="elsewhere", cpus=(100_000,)))


def test_crash_names_the_signal_and_ends_with_the_log(tmp_path: Path) -> None:
    body = """
        import os, signal, sys
        print("about to fall", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    """

    with pytest.raises(BenchmarkError, match=r"(?s)ended by SIGSEGV.*about to fall"):
        run(tmp_path, body)


def test_exception_ends_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"(?s)exit status 1.*ValueError: broken"):
        run(tmp_path, "raise ValueError('broken')")


def test_silent_process_is_killed_and_its_last_words_are_told(tmp_path: Path) -> None:
    body = """
        import os, time
        print(os.getpid(), flush=True)
        time.sleep(600)
    """
    begin = time.monotonic()

    with pytest.raises(BenchmarkError, match=r"silent for 1 s after: (\d+)") as caught:
        run(tmp_path, body, limit_s=20, next_limit_s=1)

    assert time.monotonic() - begin < 15
    process = int(str(caught.value).split("after: ")[1].split(";")[0])
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_process_that_never_starts_talking_is_killed_too(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="silent for 1 s after: start"):
        run(tmp_path, "import time; time.sleep(600)", limit_s=1)
