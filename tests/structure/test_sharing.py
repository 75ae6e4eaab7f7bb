"""Tests that run beside one another share what is dear, and leave the machine to those that judge by the clock."""

from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sharing import longest_first, made_once, turn


def factory(worker: Path) -> Any:
    return SimpleNamespace(getbasetemp=lambda: worker)


def test_what_one_process_made_is_there_for_all_and_what_failed_is_made_anew(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> Path:
        made.append(folder)
        (folder / "half").touch(exist_ok=False)
        if len(made) == 1:
            raise RuntimeError("flaky")
        return folder / "half"

    first, second = factory(tmp_path / "popen-gw0"), factory(tmp_path / "popen-gw1")
    with pytest.raises(RuntimeError, match="flaky"):
        made_once(first, "thing", make)
    assert made_once(second, "thing", make) == made_once(first, "thing", make) == tmp_path / "thing" / "half"
    assert len(made) == 2


def test_who_runs_alone_waits_for_the_others_and_they_for_it(tmp_path: Path) -> None:
    order: list[str] = []
    begun, may_end, asked = Event(), Event(), Event()

    def together() -> None:
        with turn(tmp_path, alone=False):
            begun.set()
            assert may_end.wait(30)
            order.append("together")

    def alone() -> None:
        asked.set()
        with turn(tmp_path, alone=True):
            order.append("alone")

    def later() -> None:
        with turn(tmp_path, alone=False):
            order.append("later")

    threads = [Thread(target=work) for work in (together, alone, later)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    assert asked.wait(30)
    while not _held(tmp_path / "next.lock"):
        pass
    threads[2].start()
    threads[2].join(0.2)
    assert order == []
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert order == ["together", "alone", "later"]


def _held(lock: Path) -> bool:
    import fcntl

    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_files_with_a_long_test_are_begun_first(tmp_path: Path) -> None:
    def item(file: str, *marks: str) -> Any:
        return SimpleNamespace(
            path=tmp_path / file, get_closest_marker=lambda name: name in marks, name=f"{file} {marks}"
        )

    items = [item("a"), item("b"), item("b", "slow"), item("c", "slow", "prefect"), item("c"), item("a")]
    longest_first(items)
    assert [each.path.name for each in items] == ["c", "c", "b", "b", "a", "a"]
    assert [each.name for each in items[:4]] == ["c ('slow', 'prefect')", "c ()", "b ()", "b ('slow',)"]
