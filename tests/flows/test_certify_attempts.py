"""Attempts are counted by the rows that they looked at, from one certified bundle to the next, whatever file the rows came in."""

import json
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from flows.certify_attempts import Attempt, CertifyAttempts
from flows.home import Home
from tasks.errors import UserError


def rows(*ranges: range) -> np.ndarray:
    return np.array(sorted({number for each in ranges for number in each}), dtype=np.uint64)


ROWS = rows(range(100))


def attempt(result: str, *, certified: bool, number: int = 1, of: str = "run") -> Attempt:
    return Attempt(of=of, result=result, number=number, certified=certified)


@pytest.fixture
def attempts(tmp_path: Path) -> CertifyAttempts:
    return CertifyAttempts(Home(tmp_path))


def test_attempts_count_from_one_certified_bundle_to_the_next(attempts: CertifyAttempts) -> None:
    numbers = []
    for step, certified in enumerate([False, False, True, False, True, True, False]):
        numbers.append(attempts.number(ROWS))
        attempts.record(ROWS, attempt(f"result {step}", certified=certified))
    assert numbers == [1, 2, 3, 1, 2, 1, 1]
    assert attempts.number(ROWS) == 2


def test_the_same_result_found_again_is_the_same_attempt_and_another_one_of_the_same_run_is_not(
    attempts: CertifyAttempts,
) -> None:
    attempts.record(ROWS, attempt("a", certified=False))
    attempts.record(ROWS, attempt("a", certified=False))
    assert attempts.number(ROWS) == 2
    attempts.record(ROWS, attempt("measured again", certified=False))
    assert attempts.number(ROWS) == 3


def test_a_run_that_would_find_its_attempt_made_is_told_that_ones_number(attempts: CertifyAttempts) -> None:
    attempts.record(ROWS, attempt("a", certified=False, number=1, of="one"))
    attempts.record(ROWS, attempt("b", certified=False, number=2, of="other"))
    assert [attempts.number(ROWS, of=of) for of in ("one", "other", "third")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("other", "number"),
    [
        (rows(range(49, 149)), 2),  # 51 of 100 in both
        (rows(range(50, 150)), 1),  # one half, and no more
        (rows(range(95, 104)), 2),  # 5 of the smaller one's 9
        (rows(range(100, 200)), 1),
        (rows(range(1000)), 2),  # it has grown
    ],
)
def test_sets_that_share_more_than_half_of_the_smaller_ones_rows_are_one_series(
    attempts: CertifyAttempts, other: np.ndarray, number: int
) -> None:
    attempts.record(ROWS, attempt("a", certified=False))
    assert attempts.number(other) == number


def test_a_chain_of_overlaps_is_one_series_in_whatever_order_its_links_came(attempts: CertifyAttempts) -> None:
    first, last = rows(range(100)), rows(range(80, 180))
    attempts.record(first, attempt("a", certified=False))
    attempts.record(last, attempt("b", certified=False))
    assert (attempts.number(first), attempts.number(last)) == (2, 2)
    attempts.record(rows(range(40, 140)), attempt("c", certified=False))
    assert (attempts.number(first), attempts.number(last)) == (4, 4)
    assert attempts.number(rows(range(130, 230))) == 1 + 0  # 50 of the last one's 100
    assert attempts.number(rows(range(129, 229))) == 4
    attempts.record(last, attempt("d", certified=True))
    assert attempts.number(first) == 1


def test_two_series_that_later_rows_join_are_counted_together_in_the_order_of_their_attempts(
    attempts: CertifyAttempts,
) -> None:
    one, other = rows(range(100)), rows(range(200, 300))
    attempts.record(one, attempt("a", certified=False))
    attempts.record(other, attempt("b", certified=True))
    attempts.record(one, attempt("c", certified=False))
    attempts.record(other, attempt("d", certified=False))
    assert attempts.number(rows(range(300))) == 3


def test_what_no_attempt_has_looked_at_is_told_apart(attempts: CertifyAttempts) -> None:
    assert attempts.unseen(ROWS).all()
    attempts.record(rows(range(10)), attempt("a", certified=True))
    attempts.record(rows(range(20, 30)), attempt("b", certified=False))
    assert np.flatnonzero(attempts.unseen(rows(range(35)))).tolist() == [*range(10, 20), *range(30, 35)]


def test_retired_rows_stay_so_for_their_model(attempts: CertifyAttempts, tmp_path: Path) -> None:
    assert len(attempts.retired("model")) == 0
    attempts.retire("model", rows(range(5)))
    attempts.retire("model", rows(range(3, 9)))
    again = CertifyAttempts(Home(tmp_path))
    assert again.retired("model").tolist() == [*range(9)]
    assert len(again.retired("other")) == 0


def test_attempts_that_were_counted_by_the_file_count_on_where_the_same_rows_come_again(
    attempts: CertifyAttempts, tmp_path: Path
) -> None:
    file = tmp_path / "certify_attempts" / "digest.json"
    file.parent.mkdir()
    earlier = [{"key": key, "number": number, "certified": False} for number, key in enumerate("ab", start=1)]
    file.write_text(json.dumps({"attempts": earlier}))
    assert (attempts.number(ROWS, known_as="digest"), attempts.number(ROWS, known_as="another")) == (3, 1)
    attempts.record(ROWS, attempt("c", certified=False, number=3), known_as="digest")
    assert attempts.number(ROWS, known_as="digest") == 4
    assert attempts.number(rows(range(300))) == 4


@pytest.mark.parametrize("damage", ["{", '{"sets": 3}'])
def test_a_record_that_cannot_be_read_is_no_clean_start(attempts: CertifyAttempts, tmp_path: Path, damage: str) -> None:
    attempts.record(ROWS, attempt("a", certified=False))
    (tmp_path / "certify_attempts" / "attempts.json").write_text(damage)
    with pytest.raises(UserError, match=r"attempts\.json"):
        attempts.number(ROWS)


def test_rows_that_are_gone_are_no_clean_start(attempts: CertifyAttempts, tmp_path: Path) -> None:
    attempts.record(ROWS, attempt("a", certified=False))
    for file in (tmp_path / "certify_attempts" / "rows").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="gone or not as it was written"):
        attempts.number(rows(range(1, 90)))


def _record(folder: Path, number: int) -> None:
    CertifyAttempts(Home(folder)).record(ROWS, attempt(f"of {number}", certified=False))


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    context = get_context("fork")
    processes = [context.Process(target=_record, args=(tmp_path, number)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert CertifyAttempts(Home(tmp_path)).number(ROWS) == 7


def test_a_second_attempt_waits_and_says_so(attempts: CertifyAttempts, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.locks.mkdir()
    other, said = FileLock(home.locks / "certify.lock", thread_local=False), []
    other.acquire()

    def tell(message: str) -> None:
        said.append(message)
        other.release()

    with attempts.one_at_a_time(tell):
        pass
    assert len(said) == 1
    assert "another certificate" in said[0]
