"""A Server scenario is judged at the rate that somebody asks for, else at half of what is sustained, and says which."""

import pytest

from tasks.benchmark.job import LoadRun
from tasks.benchmark.server_rate import judged_queries, keeps_up, served
from tasks.benchmark.sustained import Search

PATIENT = Search(probes=6, budget_s=1e9)


class Target:
    """Keeps up with so many queries per second; remembers every run."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.runs: list[tuple[str, float, int]] = []

    def load(self, qps: float, queries: int, name: str) -> LoadRun:
        self.runs.append((name, qps, queries))
        return LoadRun(
            scenario="Server",
            valid=qps <= self.limit,
            validity="",
            qps=min(qps, self.limit),
            target_qps=qps,
            scheduled_qps=qps,
            latency_bound_ms=50.0,
            latencies_ms=(1.0,),
            errors=0,
        )

    def served(self, *, asked: float | None = None, by: str = "", queries: int = 1500, search: Search = PATIENT):
        return served(self.load, "Server", asked=asked, asked_by=by, capacity=500.0, queries=queries, search=search)


@pytest.mark.parametrize("by", ["gates.throughput_qps", "benchmark.server_qps"])
def test_a_rate_that_is_asked_for_is_the_one_that_is_judged(by: str) -> None:
    target = Target(limit=300)
    found = target.served(asked=80.0, by=by)
    assert (found.run.target_qps, found.run.rate) == (80.0, f"as {by} asks")
    assert target.runs[0] == ("Server", 80.0, 1500)
    assert 80 < (found.sustained_qps or 0) <= 300


def test_without_one_it_is_half_of_what_is_sustained_far_from_the_knee_of_the_queue() -> None:
    target = Target(limit=370)
    found = target.served()
    assert found.sustained_qps is not None
    assert 350 < found.sustained_qps <= 370
    assert found.run.target_qps == pytest.approx(found.sustained_qps / 2)
    assert found.run.rate == f"half of the {found.sustained_qps:.4g} that were sustained"
    assert target.runs[-1][0] == "Server"
    assert all(name.startswith("Server-") for name, _, _ in target.runs[:-1])


def test_where_no_rate_is_sustained_it_is_a_quarter_of_the_capacity_and_that_is_said() -> None:
    found = Target(limit=1).served()
    assert found.sustained_qps is None
    assert (found.run.target_qps, found.run.rate) == (125.0, "a quarter of the capacity, no rate having been sustained")


@pytest.mark.parametrize("given", [{"search": Search(probes=6, budget_s=0.1)}, {"queries": 300}])
def test_where_there_is_no_time_for_a_search_one_probe_is_made_all_the_same(given: dict) -> None:
    target = Target(limit=370)
    found = target.served(**given)
    assert [qps for _, qps, _ in target.runs] == [250.0, 125.0]
    assert (found.sustained_qps, found.run.rate) == (250.0, "half of the 250 that were sustained")


def test_an_asked_rate_that_is_not_kept_up_with_is_judged_all_the_same() -> None:
    found = Target(limit=40).served(asked=80.0, by="gates.throughput_qps")
    assert not keeps_up(found.run)
    assert found.sustained_qps is not None
    assert found.sustained_qps <= 40


def test_a_low_rate_has_fewer_queries_but_enough_for_a_99th_percentile() -> None:
    assert judged_queries(1.0, 1500) == 800
    assert judged_queries(60.0, 1500) == 1200
    assert judged_queries(500.0, 1500) == 1500
    assert judged_queries(500.0, 40) == 40
