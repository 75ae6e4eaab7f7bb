"""What a machine or a server lacks is one line with the way out, whichever library met it first."""

import errno
import sqlite3

import httpx
import pytest
from mlflow.exceptions import MlflowException

from flows.trouble import full_disk, lacking, lacking_by_words


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: no space left on the disk; free some"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: the place is read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: this user may not; change the permissions"),
        (OSError(errno.EMFILE, "Too many open files"), "too many files are open: at most"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
            "not enough",
        ),
        (MemoryError(), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
        (caused(RuntimeError("x"), sqlite3.OperationalError("database or disk is full")), "no space left on the disk"),
        (MlflowException("(sqlite3.OperationalError) database is locked"), "another process keeps the database locked"),
        (
            MlflowException("API request to http://h:5000/api failed with exception HTTPConnectionPool: refused"),
            "the MLflow server does not answer any more",
        ),
        (caused(RuntimeError("x"), httpx.ConnectError("refused")), "the Prefect server does not answer any more"),
    ],
)
def test_what_a_person_can_mend_is_said(error: Exception, said: str) -> None:
    line = lacking(error)
    assert line is not None
    assert line.startswith(said)
    assert "run it again" in line


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("shapes differ"), FileNotFoundError(errno.ENOENT, "no", "/a")]
)
def test_anything_else_stays_an_internal_error(error: Exception) -> None:
    assert lacking(error) is None


def test_a_full_disk_is_seen_where_a_server_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    assert full_disk(tmp_path, tmp_path / "missing") is None
    monkeypatch.setattr("flows.trouble._FREE_BYTES", 1 << 62)
    assert full_disk(tmp_path) == f"{tmp_path}: no space left on the disk; free some, then run it again"


def test_the_end_of_a_log_is_read_the_same_way() -> None:
    assert lacking_by_words("sqlite3.OperationalError: unable to open; [Errno 24] Too many open files: 'x'") is not None
    assert lacking_by_words("all is well") is None
