"""The gates on tokens: how soon an answer begins, how fast it goes on, how many tokens there are in a second.

Judged by the token latencies of single requests on each target, percentiles by their early-stopping bounds.
"""

from typing import Final

from registry.checks import Check
from registry.rules import invalid, measured_floor, percentile_ceiling
from tasks.records import BenchmarkResult

TOKEN_GATES: Final = frozenset({"ttft_p99_ms", "tpot_p99_ms", "tokens_per_second"})
_PERCENTILE: Final = 99.0


def token_check(name: str, threshold: float, benchmark: BenchmarkResult, *, noise: float) -> Check:
    """The check of one gate of `TOKEN_GATES` on one target; `noise`: the machine's, as a factor."""
    label, tokens = f"{name}/{benchmark.target}", benchmark.tokens
    if tokens is None:
        return invalid(label, f"token latencies on {benchmark.target} were not measured", threshold=threshold)
    if name == "tokens_per_second":
        what, unit = f"completion tokens per second on {benchmark.target}", "tokens/s"
        return measured_floor(label, what, tokens.tokens_per_second, threshold, unit=unit, noise=noise)
    if name == "ttft_p99_ms":
        what, percentiles = "time to the first token", tokens.first
    elif name == "tpot_p99_ms":
        what, percentiles = "time per further token", tokens.further
    else:
        raise KeyError(f"no rule for the gate {name}")
    what = f"p{_PERCENTILE:g} {what} on {benchmark.target}"
    return percentile_ceiling(label, what, percentiles, _PERCENTILE, threshold, queries=tokens.queries, noise=noise)
