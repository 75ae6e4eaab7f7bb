"""What libraries say that they did not do becomes part of a result, and is kept off the screen."""

import logging
import threading
import warnings

import pytest

from tasks.heard import LIBRARIES, listening


def heard(speak) -> list[str]:
    lines: list[str] = []
    with listening(lines.append):
        speak()
    return lines


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_librarys_warning_is_heard_and_not_printed(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = heard(lambda: logging.getLogger(f"{library}.part").warning("the %s was\n left out", "head"))
    assert lines == [f"{library} says: the head was left out"]
    assert capsys.readouterr() == ("", "")


def test_a_warning_by_the_language_is_heard() -> None:
    assert heard(lambda: warnings.warn("not converged", UserWarning, stacklevel=1)) == [
        "test_heard says: not converged"
    ]


@pytest.mark.parametrize(
    "speak",
    [
        lambda: logging.getLogger("transformers").info("loading"),
        lambda: warnings.warn("will go in 5.0", FutureWarning, stacklevel=1),
        lambda: logging.getLogger("transformers").warning("You should probably TRAIN this model on a down-stream task"),
    ],
)
def test_what_says_nothing_of_the_result_is_passed_over(speak) -> None:
    assert heard(speak) == []


def test_threads_are_heard_and_the_loggers_are_put_back() -> None:
    logger = logging.getLogger("transformers")
    before = (logger.handlers, logger.level, logger.propagate)

    def speak() -> None:
        thread = threading.Thread(target=lambda: logging.getLogger("transformers.x").warning("in a thread"))
        thread.start()
        thread.join()

    assert heard(speak) == ["transformers says: in a thread"]
    assert (logger.handlers, logger.level, logger.propagate) == before


def test_a_library_that_is_told_to_be_quiet_is_heard_all_the_same() -> None:
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        assert heard(lambda: logger.warning("skipped")) == ["transformers says: skipped"]
        assert logger.level == logging.ERROR
    finally:
        logger.setLevel(level)
