"""The early abort pays for itself on tune, or there is none."""

import numpy as np

from tasks.families.generation.routing.early_abort import Beginning, EarlyAbort, cheapest_abort

DOUBT = np.array([-5.0, -4.0, -3.0, -0.2, -0.1, -0.05])
STOPS = np.array([False, False, False, True, True, True])
NOT_WHOLE = np.zeros(6, dtype=bool)
WHOLE_MS = np.full(6, 3.0)


def beginning(doubt=DOUBT, whole=NOT_WHOLE, cost_ms=1.0) -> Beginning:
    return Beginning(4, doubt, whole, cost_ms)


def test_doubt_that_tells_what_goes_on_gives_those_up_and_no_others() -> None:
    abort = cheapest_abort([beginning()], STOPS, cost_ms=WHOLE_MS, behind_ms=4.0, alone_ms=5.0)
    assert abort is not None
    assert abort.gives_up(beginning()).tolist() == (~STOPS).tolist()
    assert abort.tokens == 4


def test_doubt_that_tells_nothing_gives_nothing_up() -> None:
    assert (
        cheapest_abort([beginning(doubt=DOUBT[::-1])], STOPS, cost_ms=WHOLE_MS, behind_ms=40.0, alone_ms=50.0) is None
    )


def test_an_abort_that_saves_next_to_nothing_is_no_rule() -> None:
    assert cheapest_abort([beginning(cost_ms=2.99)], STOPS, cost_ms=WHOLE_MS, behind_ms=4.0, alone_ms=5.0) is None


def test_where_the_draft_saves_more_than_the_abort_nothing_is_given_up() -> None:
    assert cheapest_abort([beginning()], STOPS, cost_ms=WHOLE_MS, behind_ms=2.0, alone_ms=5.0) is None


def test_an_answer_that_is_whole_by_then_is_never_given_up() -> None:
    whole = np.array([True, False, False, False, False, False])
    abort = cheapest_abort([beginning(whole=whole)], STOPS, cost_ms=WHOLE_MS, behind_ms=4.0, alone_ms=5.0)
    assert abort is not None
    assert abort.gives_up(beginning(whole=whole)).tolist() == [False, True, True, False, False, False]


def test_the_beginning_that_saves_most_is_chosen() -> None:
    short = Beginning(2, DOUBT[::-1].copy(), NOT_WHOLE, 0.5)
    assert cheapest_abort([short, beginning()], STOPS, cost_ms=WHOLE_MS, behind_ms=4.0, alone_ms=5.0) == EarlyAbort(
        4, -1.6
    )


def test_an_answer_that_runs_away_is_given_up_where_the_mean_answer_is_not_worth_it() -> None:
    doubt = np.array([-5.0, *np.full(199, -0.1)])
    late = Beginning(32, doubt, np.array([False, *np.ones(199, dtype=bool)]), 2.0)
    stops = np.ones(200, dtype=bool)
    costs = np.full(200, 0.5)
    assert cheapest_abort([late], stops, cost_ms=costs, behind_ms=1.0, alone_ms=1.0) is None
    costs[0] = 9.0
    abort = cheapest_abort([late], stops, cost_ms=costs, behind_ms=1.0, alone_ms=1.0)
    assert abort is not None
    assert abort.gives_up(late).tolist() == [True, *[False] * 199]
