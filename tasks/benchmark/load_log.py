"""Reads what a LoadGen run wrote: its verdict from the detail log, every query's latency from the trace.

The trace's `complete_ns` is the number LoadGen's own percentiles are made of: nanoseconds from the time a query was
*scheduled* for, so a stall is felt by all queries that should have been sent meanwhile, to its completion.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.job import LoadRun, ScenarioName, TokenRun

DETAIL_FILE: Final = "mlperf_log_detail.txt"
SUMMARY_FILE: Final = "mlperf_log_summary.txt"
TRACE_FILE: Final = "mlperf_log_trace.json"

_DETAIL_PREFIX: Final = ":::MLLOG "
# The trace as a whole is not JSON (it quotes some keys twice); the arguments of a sample's begin event are.
_SAMPLE: Final = re.compile(r'^\{"name":"Sample","cat":"default","ph":"b",.*?"ts":([\d.]+),.*?"args":(\{[^}]*\})')
# It names no sample; the time that its query was scheduled for, and the delay of its issue, tell which one it is of.
_FIRST_TOKEN: Final = re.compile(r'^\{"name":"Token_Latency",.*?"ts":([\d.]+),.*?"args":(\{[^}]*\})')
_QPS_KEY: Final[Mapping[ScenarioName, str]] = {
    "SingleStream": "result_qps_with_loadgen_overhead",
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
}
_CONSTRAINTS: Final = {
    "result_perf_constraints_met": "latency constraint",
    "result_min_duration_met": "minimum duration",
    "result_min_queries_met": "minimum number of queries",
    "early_stopping_met": "early stopping",
}
_EARLY_STOPPING: Final = {
    "early_stopping_result": "",
    "early_stopping_ttft_result": "first token: ",
    "early_stopping_tpot_result": "further tokens: ",
}
_TOKEN_CONSTRAINTS: Final = {"TTFT": "time to the first token", "TPOT": "time per further token"}


def read_run(
    folder: Path, scenario: ScenarioName, *, target_qps: float | None, latency_bound_ms: float | None, errors: int
) -> LoadRun:
    """The run whose logs lie in `folder`. Raises BenchmarkError for logs that are incomplete."""
    details, complaints = _read_details(folder / DETAIL_FILE)
    if "result_validity" not in details:
        raise BenchmarkError(f"{folder / DETAIL_FILE}: LoadGen wrote no result")
    latencies = read_latencies_ms(folder / TRACE_FILE)
    expected = int(details["generated_samples_per_query"]) * int(details["result_query_count"])
    if len(latencies) != expected:
        raise BenchmarkError(f"{folder / TRACE_FILE}: holds {len(latencies)} of {expected} queries")
    scheduled = details.get("result_scheduled_samples_per_sec")
    return LoadRun(
        scenario=scenario,
        valid=details["result_validity"] == "VALID",
        validity=_validity(details, complaints),
        qps=float(details[_QPS_KEY[scenario]]),
        target_qps=target_qps,
        scheduled_qps=None if scheduled is None else float(scheduled),
        latency_bound_ms=latency_bound_ms,
        latencies_ms=latencies,
        errors=errors,
    )


def read_latencies_ms(trace: Path) -> tuple[float, ...]:
    """Latency of every query in milliseconds, in the order in which the queries were issued."""
    samples, _ = _read_trace(trace)
    return tuple(sample["complete_ns"] / 1e6 for sample in samples)


def read_token_run(folder: Path, tokens: Sequence[int]) -> TokenRun:
    """Times of the streamed run whose logs lie in `folder`; `tokens`: of the answer to each text, by LoadGen's index.

    Raises BenchmarkError where a query's first token is not in the trace.
    """
    samples, first_tokens = _read_trace(folder / TRACE_FILE)
    try:
        first_ns = [first_tokens[sample["issued"]] for sample in samples]
    except KeyError:
        raise BenchmarkError(f"{folder / TRACE_FILE}: holds queries without the time of their first token") from None
    return TokenRun(
        first_ms=tuple(first / 1e6 for first in first_ns),
        total_ms=tuple(sample["complete_ns"] / 1e6 for sample in samples),
        tokens=tuple(tokens[sample["sample_idx"]] for sample in samples),
    )


def _read_trace(trace: Path) -> tuple[list[dict[str, Any]], dict[tuple[str, int], int]]:
    """All samples in issue order, and by what a sample has as `issued` the nanoseconds until its first token."""
    samples: list[dict[str, Any]] = []
    first_tokens: dict[tuple[str, int], int] = {}
    with trace.open(encoding="utf-8") as lines:
        for line in lines:
            if match := _SAMPLE.match(line):
                sample = json.loads(match[2])
                samples.append({**sample, "issued": (match[1], sample["issue_start_ns"])})
            elif match := _FIRST_TOKEN.match(line):
                times = json.loads(match[2])
                delay = times["issue_delay"]
                first_tokens[match[1], delay] = delay + times["issue_to_done"]
    return sorted(samples, key=lambda sample: int(sample["sample_seq"])), first_tokens


def _read_details(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Values of the detail log by key, and the messages that LoadGen marked as errors."""
    details: dict[str, Any] = {}
    complaints = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(_DETAIL_PREFIX):
            continue
        entry = json.loads(line.removeprefix(_DETAIL_PREFIX))
        details[entry["key"]] = entry["value"]
        if entry["metadata"]["is_error"]:
            complaints.append(f"{entry['key']}: {entry['value']}")
    return details, complaints


def _validity(details: Mapping[str, Any], complaints: list[str]) -> str:
    """LoadGen's verdict in one line: what was not met, and how many queries early stopping asks for."""
    unmet = [name for key, name in _CONSTRAINTS.items() if details.get(key) is False]
    reason = str(details.get("result_invalid_reason", ""))
    unmet += [name for objective, name in _TOKEN_CONSTRAINTS.items() if f"{objective} constrain" in reason]
    parts = [str(details["result_validity"])]
    if unmet:
        parts.append("not met: " + ", ".join(unmet))
    if details.get("early_stopping_met") is False:
        said = {
            of: " ".join(str(details.get(key, "")).replace("*", " ").split()) for key, of in _EARLY_STOPPING.items()
        }
        # Of two objectives LoadGen judges the further tokens' first, and the other one only where that is met.
        parts += [of + text for of, text in said.items() if text and text != "Run successful."]
    return "; ".join([*parts, *complaints])
