"""What the processes of one test session share: fixtures that are made once for all of them, and the machine's time.

`pytest -n 2` runs files beside one another. A tiny model takes half a minute to make, so whoever needs it first makes it and
the others wait for it; a test that is marked `alone` waits until no other runs, and the others wait for it.
"""

import fcntl
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

T = TypeVar("T")
_LONG = ("e2e", "prefect")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What `make` makes in an empty folder of that name, made in the first process that asks; it has to be picklable."""
    folder = shared_folder(factory) / name
    record = folder.with_name(f"{name}.pickle")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not record.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process in which it could not be made
            folder.mkdir()
            made = pickle.dumps(make(folder))
            record.write_bytes(made)
        return pickle.loads(record.read_bytes())


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The session's temporary folder, whichever of its processes asks."""
    own = factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Holds the machine, together with others or `alone`; who waits for it to be free of others lets nobody else begin."""
    with (folder / "next.lock").open("w") as next_one, (folder / "machine.lock").open("w") as machine:
        fcntl.flock(next_one, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(next_one, fcntl.LOCK_UN)
        yield


def longest_first(items: list[pytest.Item]) -> None:
    """Files that start servers or run pipelines before the other slow ones, so that no process ends with a long one."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = (
            0 if any(item.get_closest_marker(name) for name in _LONG) else 1 if item.get_closest_marker("slow") else 2
        )
        ranks[item.path] = min(rank, ranks.get(item.path, rank))
    items.sort(key=lambda item: ranks[item.path])
