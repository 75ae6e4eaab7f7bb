"""Who waits longer than five seconds says for what, and no wait for a lock is without an end."""

import threading
from pathlib import Path

import pytest
from filelock import FileLock

from tasks.errors import UserError
from tasks.machine.waiting import locked, telling, too_long, waiting_for


class FakeTime(threading.Event):
    """A clock that jumps to the end of every wait, and an event that is set once `until` seconds are over."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self.now = 100.0
        self.end = 100.0 + until
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now = min(self.now + timeout, self.end)
        if self.now >= self.end:
            self.reached.set()
            return True
        return False


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (4.9, []),
        (6.0, ["waiting for the server (5 s)"]),
        (70.0, [f"waiting for the server ({waited} s)" for waited in (5, 35, 65)]),
    ],
)
def test_a_wait_is_told_after_five_seconds_and_then_every_half_minute(seconds: float, said: list[str]) -> None:
    fake, told = FakeTime(seconds), []
    with waiting_for("the server", told.append, clock=lambda: fake.now, ended=fake):
        assert fake.reached.wait(20)
    assert told == said


def test_whoever_faces_a_person_hears_it_and_else_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    for tell in (None, []):
        fake = FakeTime(6)
        if tell is None:
            with waiting_for("a", clock=lambda fake=fake: fake.now, ended=fake):
                assert fake.reached.wait(20)
            assert capfd.readouterr() == ("", "waiting for a (5 s)\n")
        else:
            with telling(tell.append), waiting_for("b", clock=lambda fake=fake: fake.now, ended=fake):
                assert fake.reached.wait(20)
            assert tell == ["waiting for b (5 s)"]


def test_a_lock_that_is_never_let_go_of_ends_in_one_line_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "a.lock"
    with (
        FileLock(file),
        pytest.raises(UserError, match=r"a\.lock: waited 0\.2 s for another run to end; end the process"),
        locked(file, "another run to end", longest_s=0.2, tell=lambda _sentence: None),
    ):
        raise AssertionError("it is held by another")


@pytest.mark.parametrize(("seconds", "words"), [(86400, "24 hours"), (1800, "30 minutes"), (5, "5 s")])
def test_the_end_of_a_wait_is_told_in_words(seconds: float, words: str) -> None:
    assert too_long("x", seconds) == f"waited {words} for x"
