"""The highest arrival rate at which the Server scenario is still valid, by bisection over short runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# With fewer queries even a run without one late answer proves no 99th percentile: ln 0.01 / ln 0.99 = 459.
MIN_QUERIES: Final = 459


@dataclass(frozen=True, slots=True)
class Search:
    """Bounds of a search: `probes` runs at most, and none that would end after `budget_s` seconds."""

    probes: int = 5
    budget_s: float = 12.0


def highest_sustained_qps(
    sustains: Callable[[float, int], bool],
    *,
    known: float | None,
    capacity: float,
    queries: int,
    search: Search = Search(),
    clock: Callable[[], float] = time.monotonic,
) -> float | None:
    """The highest rate that was seen to be sustained, in queries per second; None when none was.

    `sustains(qps, queries)` runs one probe. `known`: a rate already seen to be sustained; `capacity`: throughput with
    all inputs at hand, which no arrival rate can exceed for long; `queries`: how many a full run has.
    """
    if queries < MIN_QUERIES:
        return known
    best, above = known, max(capacity, known or 0.0)
    start = clock()
    for _ in range(search.probes):
        qps = ((best or 0.0) + above) / 2
        count = probe_queries(qps, queries)
        if qps <= (best or 0.0) or clock() - start + count / qps > search.budget_s:
            break
        if sustains(qps, count):
            best = qps
        else:
            above = qps
    return best


def probe_queries(qps: float, queries: int) -> int:
    """About two seconds of arrivals: long enough for a queue to grow past the bound, and enough for the percentile."""
    fewest = min(queries, 700)
    return int(min(max(2 * qps, fewest), max(queries, qps)))
