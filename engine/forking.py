"""What a process inherits by `fork` and cannot use: threads that are gone, and locks that they held.

A server that loads a model before it forks its workers, or a data loader, goes on with it in the child. Whatever holds
threads or locks says here how to begin anew, and is told so in every child before anything else runs there.
"""

import ctypes
import os
from typing import Final, Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Something that a forked child cannot use as it is. Compared by identity."""

    def after_fork(self) -> None:
        """Called in the child, which has this one thread: replace locks and pools, and run nothing yet."""


_held: Final[WeakSet[Renewable]] = WeakSet()


def renewed_in_children(holder: Renewable) -> None:
    """Have `after_fork` called in every child that is forked from now on, as long as the holder lives."""
    _held.add(holder)


def leave_behind(held: object) -> None:
    """Never destroy it in this process: that would wait for threads, or ask for a device, that its parent alone has."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))


def _in_child() -> None:
    for holder in list(_held):
        holder.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
