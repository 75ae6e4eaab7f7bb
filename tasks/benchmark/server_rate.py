"""At which rate a Server scenario is judged: where somebody would run it, and never near the knee of its queue.

That is the rate that a gate or the recipe asks for; else half of the highest that the target was seen to sustain. Near that
one the slowest answers are those of the queue, and any noise of the machine decides whether they are in time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tasks.benchmark.job import LoadRun
from tasks.benchmark.sustained import Search, highest_sustained_qps

JUDGED_SHARE: Final = 0.5
"""Of the sustained rate."""
_UNSUSTAINED_SHARE: Final = 0.25
"""Of the capacity, where no rate was sustained: low enough to see whether the model is too slow by itself."""
_FIRST_SHARE: Final = 0.5
"""Of the capacity, of the one probe for which there is always time."""
_KEEPS_UP: Final = 0.95
"""A rate is sustained only if answers keep this share of it: a generous bound alone hides a growing queue."""
_SEARCH: Final = Search()
_SECONDS: Final = 20.0
_FEWEST: Final = 800


@dataclass(frozen=True)
class Served:
    """The run that is judged, which says why it came at its rate, and the highest rate that was seen to be sustained."""

    run: LoadRun
    sustained_qps: float | None


def served(
    load: Callable[[float, int, str], LoadRun],
    name: str,
    *,
    asked: float | None,
    asked_by: str,
    capacity: float,
    queries: int,
    search: Search = _SEARCH,
) -> Served:
    """Runs the scenario `name` at its rate; `load(qps, queries, name)` is one run, probes of the search among them.

    `asked`: the rate that `asked_by` names, None where nobody asks for one. `capacity`: throughput with all inputs at hand,
    in queries per second; `queries`: how many a full run has.
    """
    tried: list[float] = []

    def sustains(qps: float, count: int) -> bool:
        tried.append(qps)
        return keeps_up(load(qps, count, f"{name}-{qps:.0f}"))

    def judged(qps: float, why: str) -> LoadRun:
        return load(qps, judged_queries(qps, queries), name).model_copy(update={"rate": why})

    if asked is not None:
        run = judged(asked, f"as {asked_by} asks")
        known = asked if keeps_up(run) else None
        return Served(
            run, highest_sustained_qps(sustains, known=known, capacity=capacity, queries=queries, search=search)
        )
    sustained = highest_sustained_qps(sustains, known=None, capacity=capacity, queries=queries, search=search)
    first = _FIRST_SHARE * capacity
    if not tried and sustains(
        first, judged_queries(first, queries)
    ):  # too slow for the search, not for one probe of it
        sustained = first
    if sustained is not None:
        return Served(judged(JUDGED_SHARE * sustained, f"half of the {sustained:.4g} that were sustained"), sustained)
    run = judged(_UNSUSTAINED_SHARE * capacity, "a quarter of the capacity, no rate having been sustained")
    return Served(run, run.target_qps if keeps_up(run) else None)


def judged_queries(qps: float, queries: int) -> int:
    """At a low rate all queries would take minutes; fewer of them still carry the 99th percentile's bound."""
    return min(queries, max(_FEWEST, int(_SECONDS * qps)))


def keeps_up(run: LoadRun) -> bool:
    """Whether a Server run shows that its rate can be sustained: valid, no error, and answers as fast as queries."""
    scheduled = run.scheduled_qps or 0.0
    return run.valid and run.errors == 0 and run.qps >= _KEEPS_UP * scheduled
