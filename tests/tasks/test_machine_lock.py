"""One process at a time measures on a machine, whichever user or home it belongs to, and a dead one holds nobody up."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tasks.machine.machine_lock import FOLDER_VARIABLE, exclusive_machine, lock_file


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tests' own lock: others may be measuring on this machine."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def hold(folder: str, held: object, release: object) -> None:
    os.environ[FOLDER_VARIABLE] = folder
    with exclusive_machine():
        held.set()  # type: ignore[attr-defined]
        release.wait(60)  # type: ignore[attr-defined]


def count_up(folder: str, file: str) -> None:
    os.environ[FOLDER_VARIABLE] = folder
    for _ in range(20):
        with exclusive_machine():
            before = int(Path(file).read_text(encoding="ascii"))
            time.sleep(0.001)
            Path(file).write_text(str(before + 1), encoding="ascii")


def test_processes_that_measure_take_turns(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0", encoding="ascii")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=count_up, args=(str(tmp_path), str(counter))) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert counter.read_text(encoding="ascii") == "60"


def test_whoever_waits_is_told_and_a_holder_that_is_killed_lets_go(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held, never = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(tmp_path), held, never))
    holder.start()
    assert held.wait(60)
    told: list[str] = []
    waiting, entered = threading.Event(), threading.Event()

    def measure() -> None:
        def progress(message: str) -> None:
            told.append(message)
            waiting.set()

        with exclusive_machine(progress):
            entered.set()

    thread = threading.Thread(target=measure)
    thread.start()
    assert waiting.wait(60)
    assert not entered.is_set()
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    assert entered.wait(60)
    thread.join(60)
    holder.join(60)
    assert told == ["another measurement is going on on this machine; waiting for it to end"]


def test_a_lock_whose_file_was_removed_while_it_was_waited_for_is_taken_anew(tmp_path: Path) -> None:
    waiting = threading.Event()
    with exclusive_machine():
        thread = threading.Thread(target=lambda: exclusive_machine(lambda _message: waiting.set()).__enter__())
        thread.start()
        assert waiting.wait(60)
        lock_file().unlink()
    thread.join(60)
    assert lock_file().is_file()


def test_all_users_can_open_the_lock_and_nobody_is_led_elsewhere(tmp_path: Path) -> None:
    with exclusive_machine():
        assert lock_file().stat().st_mode & 0o777 == 0o444
    lock_file().unlink()
    lock_file().symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="is a symbolic link"), exclusive_machine():
        pass
    assert not (tmp_path / "victim").exists()


def test_the_place_is_decided_by_the_machine_and_not_by_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("TMPDIR", "/somewhere/of/mine")
    assert lock_file() in (Path("/run/lock/miaotui-measurement.lock"), Path("/tmp/miaotui-measurement.lock"))
