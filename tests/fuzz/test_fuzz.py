"""The fuzz run itself: drawn alike at any time, resumed where it stopped, and honest about what is not as expected."""

from pathlib import Path

import pytest

from tests.fuzz import run
from tests.fuzz.draw import draw
from tests.fuzz.drawn import Depth, Drawn
from tests.fuzz.outcomes import Outcome, append, line_of, read, refused, suspicion

DEPTHS: tuple[Depth, ...] = ("prepared", "probed", "full")


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_case_is_the_same_whatever_was_drawn_before_it(depth: Depth) -> None:
    cases = [draw(7, number, depth) for number in range(40)]
    again = [draw(7, number, depth) for number in reversed(range(40))]
    for one, other in zip(cases, reversed(again), strict=True):
        assert (one.yaml, one.files, one.overrides, one.names) == (
            other.yaml,
            other.files,
            other.overrides,
            other.names,
        )
    assert {case.family for case in cases} == {"text-classification", "text-generation"}
    assert len({case.yaml for case in cases}) == len(cases)
    assert draw(8, 3, depth).yaml != cases[3].yaml


def test_a_run_that_was_killed_goes_on_with_the_cases_that_the_log_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    monkeypatch.setattr(run, "import_libraries", lambda folder: None)
    monkeypatch.setattr(run, "make_bases", lambda folder: None)

    def ends_well(case: Drawn, folder: Path) -> Outcome:
        ran.append(case.number)
        assert (folder / "recipe.yaml").read_bytes() == case.yaml
        return Outcome("PREPARED") if case.expected != "error" else refused(f"{case.names[0]}: no")

    monkeypatch.setattr(run, "run_light", ends_well)
    arguments = ["--full", "0", "--seed", "3", "--folder", str(tmp_path)]
    assert run.main([*arguments, "--cases", "3"]) == 0
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write(b'{"case": 3, "kin')  # a kill in the middle of a line
    assert run.main([*arguments, "--cases", "5"]) == 0
    assert ran == [0, 1, 2, 3, 4]
    assert sorted(read(tmp_path / "log.jsonl")) == [0, 1, 2, 3, 4]


def test_an_internal_error_makes_the_run_fail_and_its_case_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "import_libraries", lambda folder: None)
    monkeypatch.setattr(run, "make_bases", lambda folder: None)
    monkeypatch.setattr(run, "run_light", lambda case, folder: Outcome("INTERNAL_ERROR", "KeyError: 'x'", "the trace"))
    assert run.main(["--full", "0", "--cases", "1", "--folder", str(tmp_path)]) == 1
    assert (tmp_path / "cases" / "0000" / "trace.txt").read_text("utf-8") == "the trace"


def test_an_outcome_that_was_not_expected_is_told(tmp_path: Path) -> None:
    case = draw(1, 0, "prepared")
    case.expected, case.names = "error", ("router",)
    assert suspicion(case, refused("recipe.yaml: router: must not be empty")) == ""
    assert suspicion(case, refused("recipe.yaml: gates: must not be empty")) == "names none of router"
    assert suspicion(case, Outcome("PREPARED")) == "taken, though it cannot be used"
    assert suspicion(case, Outcome("HANG")) == "not an outcome that a person can act on"
    case.expected = "fine"
    assert suspicion(case, refused("router: no")) == "refused, though nothing is wrong with it"
    assert suspicion(case, Outcome("PASS")) == ""
    assert refused("one\ntwo").kind == "SEVERAL_LINES"
    append(tmp_path / "log.jsonl", line_of(case, Outcome("PASS"), 1.0, "abc"))
    assert read(tmp_path / "log.jsonl")[0]["kind"] == "PASS"
