"""A figure keeps what it was measured with: its interval, the bound on the side that judges, its reason to be missing."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.figures import Figure, share
from tasks.records.sections import Account, Section
from tasks.statistics.binomial import exact_interval


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 100_000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_a_share_gives_back_the_interval_that_it_was_made_of(counts: tuple[int, int]) -> None:
    measured = exact_interval(*counts, 0.95)
    figure = share("recall", "recall", measured)
    assert figure.interval == measured
    assert Figure.model_validate_json(figure.model_dump_json()) == figure


def test_a_share_that_was_not_measured_has_no_interval_and_no_rows() -> None:
    figure = share("json_validity", "JSON", None, absent="the gold completions are no JSON")
    assert (figure.value, figure.interval, figure.rows, figure.numbers) == (None, None, 0, {})
    assert figure.absent == "the gold completions are no JSON"


def test_a_share_that_is_no_number_keeps_an_interval_that_a_gate_can_refuse() -> None:
    figure = share("recall", "recall", exact_interval(3, 9, 0.95)).model_copy(update={"value": math.nan})
    assert figure.interval is not None
    assert math.isnan(figure.interval.value)
    assert figure.interval.n == 9


@pytest.mark.parametrize(("better", "bound"), [("more", 0.1), ("less", 0.3)])
def test_the_bound_is_the_one_on_the_side_that_is_judged(better: str, bound: float) -> None:
    figure = Figure(name="f", title="f", kind="bounded", value=0.2, low=0.1, high=0.3, rows=9, better=better)
    assert figure.bound == bound
    assert figure.interval is None
    assert figure.numbers == {"value": 0.2, "low": 0.1, "high": 0.3}


def test_a_chapter_has_its_own_sections_in_their_order() -> None:
    sections = (Section("cost", "a"), Section("lineage", "b"), Section("cost", "c"))
    account = Account(
        kind="ranker",
        origin="",
        accuracy="accuracy",
        right="",
        outputs="scores",
        budget="its budget",
        answer=("order",),
        sections=sections,
    )
    assert [section.title for section in account.chapter("cost")] == ["a", "c"]
    assert account.chapter("techniques") == ()
