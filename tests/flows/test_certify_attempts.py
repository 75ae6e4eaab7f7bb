"""Trying again on certify rows that an attempt has failed on is counted; running the same attempt again is not."""

from pathlib import Path

import pytest

from flows.certify_attempts import Attempt, CertifyAttempts
from flows.home import Home


@pytest.fixture
def attempts(tmp_path: Path) -> CertifyAttempts:
    return CertifyAttempts(Home(tmp_path), "rows")


def test_the_first_attempt_is_number_one(attempts: CertifyAttempts) -> None:
    assert attempts.number("a") == 1


def test_only_failed_attempts_raise_the_number_of_the_next(attempts: CertifyAttempts) -> None:
    attempts.record(Attempt(key="a", number=1, certified=True))
    assert attempts.number("b") == 1
    attempts.record(Attempt(key="b", number=1, certified=False))
    assert attempts.number("c") == 2
    attempts.record(Attempt(key="c", number=2, certified=False))
    assert attempts.number("d") == 3


def test_the_same_attempt_keeps_its_number(attempts: CertifyAttempts) -> None:
    attempts.record(Attempt(key="a", number=1, certified=False))
    attempts.record(Attempt(key="b", number=2, certified=False))
    attempts.record(Attempt(key="a", number=1, certified=False))
    assert (attempts.number("a"), attempts.number("b"), attempts.number("c")) == (1, 2, 3)


def test_other_rows_know_nothing_of_it(attempts: CertifyAttempts, tmp_path: Path) -> None:
    attempts.record(Attempt(key="a", number=1, certified=False))
    assert CertifyAttempts(Home(tmp_path), "other").number("b") == 1
