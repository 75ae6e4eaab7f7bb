"""Every block is told, whatever the others do; no block fails a run, and nothing that a block holds gets out."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flows.notices import send as notification
from flows.notices.content import Notice
from flows.notices.send import failures_notified, notify
from flows.progress import SilentObserver, observing
from tasks.errors import UserError
from tasks.recipe.schema import NotifyConfig

NOTICE = Notice(kind="verdict", subject="a: PASS", body="All checks passed.")


class Listener(SilentObserver):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, message: str) -> None:
        self.notes.append(message)


class Block:
    """A block that does this with a message."""

    def __init__(self, act: Callable[[str, str], Any]) -> None:
        self._act = act

    def notify(self, body: str, subject: str) -> Any:
        return self._act(body, subject)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    with observing(listener):
        yield listener


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> dict[str, Block]:
    """The blocks that the server holds."""
    blocks: dict[str, Block] = {}

    def load(name: str) -> Block:
        if name not in blocks:
            raise UserError(f"there is no block {name}")
        return blocks[name]

    monkeypatch.setattr(notification, "load_block", load)
    return blocks


def config(*blocks: str, **fields: Any) -> NotifyConfig:
    return NotifyConfig(blocks=blocks, **fields)


def failing(error: Exception) -> Block:
    def act(_body: str, _subject: str) -> None:
        raise error

    return Block(act)


def test_each_block_gets_subject_and_body(saved: dict[str, Block], listener: Listener) -> None:
    got: list[tuple[str, str, str]] = []
    saved["a/1"] = Block(lambda body, subject: got.append(("1", subject, body)))
    saved["a/2"] = Block(lambda body, subject: got.append(("2", subject, body)))
    notify(config("a/1", "a/2"), NOTICE)
    assert got == [("1", "a: PASS", "All checks passed."), ("2", "a: PASS", "All checks passed.")]
    assert listener.notes == []


def test_what_the_recipe_does_not_want_told_is_not_told(saved: dict[str, Block], listener: Listener) -> None:
    saved["a/1"] = failing(AssertionError("told"))
    notify(config("a/1", on=("failure",)), NOTICE)
    assert listener.notes == []


def test_one_that_fails_or_is_missing_is_noted_without_its_words_and_the_others_are_told(
    saved: dict[str, Block], listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    saved["a/fails"] = failing(ValueError("https://hooks.example/hush"))
    saved["a/works"] = Block(lambda _body, subject: told.append(subject))
    notify(config("a/fails", "a/gone", "a/works"), NOTICE)
    assert told == ["a: PASS"]
    assert listener.notes == [
        'nobody was told by a/fails of "a: PASS": ValueError',
        'nobody was told by a/gone of "a: PASS": there is no block a/gone',
    ]
    assert "hush" not in caplog.text


def test_the_status_of_an_answer_is_noted(saved: dict[str, Block], listener: Listener) -> None:
    import httpx

    request = httpx.Request("POST", "https://hooks.example/hush")
    refusal = httpx.HTTPStatusError("hush", request=request, response=httpx.Response(403, request=request))
    saved["a/1"] = failing(refusal)
    notify(config("a/1"), NOTICE)
    assert listener.notes == ['nobody was told by a/1 of "a: PASS": HTTPStatusError 403']


def test_one_that_hangs_is_left_behind(
    saved: dict[str, Block], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(notification, "_TIMEOUT_S", 0.05)
    saved["a/hangs"] = Block(lambda _body, _subject: over.wait())
    notify(config("a/hangs"), NOTICE)
    over.set()
    assert listener.notes == ['nobody was told by a/hangs of "a: PASS": no answer within 0 s']


def test_a_block_whose_method_is_asynchronous_is_awaited(saved: dict[str, Block], listener: Listener) -> None:
    told: list[str] = []

    async def later(_body: str, subject: str) -> None:
        told.append(subject)

    saved["a/1"] = Block(later)
    notify(config("a/1"), NOTICE)
    assert told == ["a: PASS"]
    assert listener.notes == []


def test_a_block_that_only_says_so_when_asked_is_asked_to_raise(saved: dict[str, Block], listener: Listener) -> None:
    class Quiet(Block):
        raises = False

        @contextmanager
        def raise_on_failure(self) -> Iterator[None]:
            self.raises = True
            yield

        def notify(self, body: str, subject: str) -> None:
            if self.raises:
                raise RuntimeError

    saved["a/1"] = Quiet(lambda _body, _subject: None)
    notify(config("a/1"), NOTICE)
    assert listener.notes == ['nobody was told by a/1 of "a: PASS": RuntimeError']


def test_the_address_that_is_called_is_not_logged_even_where_everything_is(
    saved: dict[str, Block], listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")

    def act(_body: str, _subject: str) -> None:
        logging.getLogger("httpx").info("HTTP Request: POST https://hooks.example/hush")

    saved["a/1"] = Block(act)
    notify(config("a/1"), NOTICE)
    assert "hush" not in caplog.text
    logging.getLogger("httpx").info("as before")
    assert "as before" in caplog.text


def test_an_error_that_ends_a_run_is_told_and_goes_on(saved: dict[str, Block], listener: Listener) -> None:
    told: list[str] = []
    saved["a/1"] = Block(lambda body, subject: told.append(f"{subject}: {body}"))
    with pytest.raises(UserError, match="no rows"), failures_notified(config("a/1"), "a"):
        raise UserError("no rows")
    with pytest.raises(KeyboardInterrupt), failures_notified(config("a/1"), "a"):
        raise KeyboardInterrupt
    assert told == ["a: the run failed: no rows"]
