"""The gates on tokens: how soon an answer begins, how fast it goes on, how many tokens there are in a second.

Each is judged twice on each target: on single requests, and on LoadGen's Server scenario with both token objectives.
Percentiles are judged by their early-stopping bounds, whatever bounds the scenario itself was held against.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from registry.checks import Check, Outcome
from registry.rules import at_rate, invalid, measured_floor, percentile_ceiling
from tasks.records import BenchmarkResult, Percentile, TokenServer

TOKEN_GATES: Final = frozenset({"ttft_p99_ms", "tpot_p99_ms", "tokens_per_second"})
_PERCENTILE: Final = 99.0
_LATENCIES: Final = {"ttft_p99_ms": "time to the first token", "tpot_p99_ms": "time per further token"}


def token_checks(name: str, threshold: float, benchmark: BenchmarkResult, *, noise: float) -> Iterator[Check]:
    """The checks of one gate of `TOKEN_GATES` on one target; `noise`: the machine's, as a factor."""
    if name not in TOKEN_GATES:
        raise KeyError(f"no rule for the gate {name}")
    yield _single(name, f"{name}/{benchmark.target}/SingleStream", threshold, benchmark, noise)
    yield _server(name, f"{name}/{benchmark.target}/Server", threshold, benchmark, noise)


def _single(name: str, label: str, threshold: float, benchmark: BenchmarkResult, noise: float) -> Check:
    tokens = benchmark.tokens
    if tokens is None:
        return invalid(label, f"token latencies on {benchmark.target} were not measured", threshold=threshold)
    if name == "tokens_per_second":
        what = f"SingleStream completion tokens per second on {benchmark.target}"
        return measured_floor(label, what, tokens.tokens_per_second, threshold, unit="tokens/s", noise=noise)
    percentiles = tokens.first if name == "ttft_p99_ms" else tokens.further
    what = f"SingleStream p{_PERCENTILE:g} {_LATENCIES[name]} on {benchmark.target}"
    return percentile_ceiling(label, what, percentiles, _PERCENTILE, threshold, queries=tokens.queries, noise=noise)


def _server(name: str, label: str, threshold: float, benchmark: BenchmarkResult, noise: float) -> Check:
    server = benchmark.token_server
    if server is None:
        sentence = f"the Server scenario of streamed answers was not run on {benchmark.target}"
        return invalid(label, sentence, threshold=threshold)
    if name == "tokens_per_second":
        return _sustained(label, threshold, server, benchmark.target, noise)
    percentiles = server.first if name == "ttft_p99_ms" else server.further
    what = f"Server p{_PERCENTILE:g} {_LATENCIES[name]} on {benchmark.target}{at_rate(server.target_qps, server.rate)}"
    check = percentile_ceiling(label, what, percentiles, _PERCENTILE, threshold, queries=server.queries, noise=noise)
    # The run may well have missed the bound of the other objective, or one of this that is stricter than the gate's.
    if check.outcome is Outcome.PASS and not server.valid and not _missed(server):
        said = f"{check.sentence}, but LoadGen calls the scenario invalid: {server.validity}"
        return check.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "sentence": said})
    return check


def _sustained(label: str, floor: float, server: TokenServer, target: str, noise: float) -> Check:
    """Tokens per second at the highest rate of requests that meets both objectives."""
    what, rate = f"Server completion tokens per second on {target}", server.sustained_tokens_per_second
    if rate is not None:
        return measured_floor(label, f"{what}, sustained,", rate, floor, unit="tokens/s", noise=noise)
    said = f"{what}: no rate was sustained ({server.validity})"
    missing = max((entry.missing for entry in (*server.first, *server.further)), default=0)
    tried = server.target_qps * server.mean_tokens
    if missing:
        outcome, said = Outcome.INCONCLUSIVE, f"{said}; {missing} more queries are needed"
    elif tried > floor * noise:
        outcome, said = Outcome.INCONCLUSIVE, f"{said}; {floor:g} tokens/s themselves were not tried"
    elif math.isfinite(tried):
        outcome, said = Outcome.FAIL, f"{said} at {tried:.4g} tokens/s; {floor:g} tokens/s are asked for"
    else:
        return invalid(label, f"{what} is not a finite number", threshold=floor, unit="tokens/s")
    return Check(name=label, outcome=outcome, sentence=said, threshold=floor, unit="tokens/s", direction="floor")


def _missed(server: TokenServer) -> bool:
    """Whether the run missed one of its own bounds, which is all that LoadGen's verdict adds to the percentiles."""
    return _over(server.first, server.ttft_bound_ms) or _over(server.further, server.tpot_bound_ms)


def _over(percentiles: Sequence[Percentile], bound_ms: float) -> bool:
    found = next((entry for entry in percentiles if math.isclose(entry.percentile, _PERCENTILE)), None)
    return found is not None and (found.upper_bound_ms is None or found.upper_bound_ms > bound_ms)
