"""Computes one step in a process of its own, which ends with this one, and hands on its progress and its errors."""

import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final

from flows.steps.order import Receipt, StepOrder
from tasks.machine.child_process import how_it_ended, importing_environment

_LOOK_EVERY_S: Final = 0.2
_END_TIMEOUT_S: Final = 30.0


class StepProcessError(RuntimeError):
    """The process of a step ended without a word, by a signal as a rule: out of memory, say."""


class StepStoppedError(RuntimeError):
    """The run that wanted the step has ended before it."""


def run_in_process(order: StepOrder) -> Receipt:
    """Carries the order out in a fresh process of this machine.

    Raises what the step raises, StepProcessError where its process is lost, and StepStoppedError where the listener says
    so; the process is gone then, and its scratch folder stays for the next try.
    """
    ours, theirs = Pipe()
    with ours:
        with theirs:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "flows.steps.child", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=_environment(order),
                pass_fds=[theirs.fileno()],
            )
        try:
            receipt = _answer(order, ours, child)
            child.wait(_END_TIMEOUT_S)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    return receipt


def _answer(order: StepOrder, connection: Connection, child: "subprocess.Popen[bytes]") -> Receipt:
    try:
        connection.send(order)
        while True:
            if order.listener.stopped.is_set():
                raise StepStoppedError(f"the step {order.label} was stopped")
            if not connection.poll(_LOOK_EVERY_S):
                continue
            kind, content = connection.recv()
            if kind == "receipt":
                return _received(content)
            if kind == "error":
                raise content
            order.listener(*content)
    except (EOFError, ConnectionError) as lost:
        raise StepProcessError(f"the process of the step {order.label} {how_it_ended(child.wait())}") from lost


def _received(content: object) -> Receipt:
    if not isinstance(content, Receipt):
        raise TypeError(f"a step's process answered with {type(content).__name__}")
    return content


def _environment(order: StepOrder) -> dict[str, str]:
    environment = order.cache.home.environment_defaults() | importing_environment()
    if order.threads is not None:
        environment["OMP_NUM_THREADS"] = str(order.threads)
    return environment
