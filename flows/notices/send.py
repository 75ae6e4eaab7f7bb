"""Tells people of a run through the notification blocks that its recipe names: chat, mail, any webhook.

Telling is a courtesy: a block that is missing, fails or hangs is noted in the run's log, and neither fails the run nor
keeps the others from being told. What a block holds is secret, so nothing that it raises is repeated word for word.
"""

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Final

from flows.notices.blocks import Notifier, load_block
from flows.notices.content import Notice, failure_notice
from flows.run_log import warn
from tasks.errors import UserError
from tasks.recipe.schema import NotifyConfig

_TIMEOUT_S: Final = 30.0
# They log the address that is called, which often is the secret.
_LOGGERS: Final = ("httpx", "httpcore", "urllib3", "apprise")


def notify(config: NotifyConfig, notice: Notice) -> None:
    """Tells every block of `config` where the recipe wants such notices told. Raises nothing, whatever a block does."""
    if notice.kind not in config.on:
        return
    with _unlogged():
        for block in config.blocks:
            problem = _told(block, notice)
            if problem is not None:
                warn(f'nobody was told by {block} of "{notice.subject}": {problem}')


@contextmanager
def failures_notified(config: NotifyConfig, name: str) -> Iterator[None]:
    """Within it, an error that ends the run of the recipe `name` is told of and goes on. A person's Ctrl-C is not told."""
    try:
        yield
    except Exception as error:
        notify(config, failure_notice(name, error))
        raise


def _told(name: str, notice: Notice) -> str | None:
    """Why the block did not take the notice, or None. In a thread of its own, so that one that hangs is left behind."""
    problems: list[str | None] = []

    def tell() -> None:
        try:
            _tell(load_block(name), notice)
            problems.append(None)
        except UserError as error:
            problems.append(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a block of a person's raises, the run goes on
            problems.append(_described(error))

    thread = threading.Thread(target=copy_context().run, args=(tell,), name=f"notify {name}", daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S)
    return problems[0] if problems else f"no answer within {_TIMEOUT_S:.0f} s"


def _tell(block: Notifier, notice: Notice) -> None:
    with getattr(block, "raise_on_failure", _nothing)():
        sent = block.notify(body=notice.body, subject=notice.subject)
        if inspect.isawaitable(sent):
            asyncio.run(_awaited(sent))


async def _awaited(sent: Awaitable[Any]) -> None:
    await sent


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _described(error: Exception) -> str:
    """The error's type, and the answer's status where there was one."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return type(error).__name__ + (f" {status}" if isinstance(status, int) else "")


@contextmanager
def _unlogged() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.getEffectiveLevel(), logging.WARNING))
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
