"""Carries out several orders at the same time over a Prefect task runner, each as a task run of the flow that is going on.

After a failure nothing new begins, and what runs goes on to its end, so that its result is there for the next run.
"""

import queue
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from flows.steps.order import Receipt, StepOrder
from flows.steps.worker import carry_out


def fan_out(
    orders: Sequence[StepOrder],
    runner: TaskRunner[Any],
    *,
    at_once: int,
    finished: Callable[[int, Receipt], None],
) -> None:
    """Carries out `orders` over a started runner, at most `at_once` at a time; `finished(index, receipt)` as they finish.

    Raises the first order's error where some fail, when all that had begun have ended; the others' errors are its notes.
    An interruption stops what this process started, and leaves what a cluster's workers have begun to them.
    """
    waiting = deque(range(len(orders)))
    running: dict[int, PrefectFuture[Receipt]] = {}
    errors: dict[int, Exception] = {}
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    try:
        while running or (waiting and not errors):
            while waiting and not errors and len(running) < at_once:
                index = waiting.popleft()
                running[index] = _submitted(orders[index], runner)
                running[index].add_done_callback(partial(_note_end, ended, index))
            index = ended.get()
            try:
                receipt = running.pop(index).result()
            except Exception as error:  # noqa: BLE001 - raised below, when the others have ended
                errors[index] = error
            else:
                finished(index, receipt)
    except BaseException:
        for order in orders:
            order.listener.stopped.set()
        raise
    if errors:
        first, *others = sorted(errors)
        for index in others:
            errors[first].add_note(f"{orders[index].label} failed as well: {errors[index]}")
        raise errors[first]


def _submitted(order: StepOrder, runner: TaskRunner[Any]) -> PrefectFuture[Receipt]:
    as_named = task(name=order.label, cache_policy=NO_CACHE, persist_result=False)(carry_out)
    future: PrefectFuture[Receipt] = runner.submit(as_named, parameters={"order": order})
    return future


def _note_end(ended: "queue.SimpleQueue[int]", index: int, _future: PrefectFuture[Receipt]) -> None:
    ended.put(index)
