"""Whether a server works: not that its port is open, but that it answers a question which needs its database."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from engine import strict_json

_TIMEOUT_S: Final = 5.0
_JSON: Final = {"Content-Type": "application/json"}
# These servers are on loopback: a proxy that the environment names has no part in it.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def prefect_answers(api: str) -> bool:
    """Whether Prefect's server is up and reaches its database."""
    return ask(f"{api}/ready") is not None


def mlflow_answers(url: str) -> bool:
    """Whether MLflow's server lists experiments; a new database already has one."""
    answer = ask(f"{url}/api/2.0/mlflow/experiments/search", {"max_results": 1})
    return isinstance(answer, dict) and bool(answer.get("experiments"))


def worker_answers(api: str, pool: str, name: str, *, since: float) -> bool:
    """Whether the worker has reported to Prefect's server after `since` (seconds since the epoch)."""
    workers = ask(f"{api}/work_pools/{pool}/workers/filter", {})
    if not isinstance(workers, list):
        return False
    return any(worker["name"] == name and _seen(worker) > since for worker in workers)


def ask(url: str, question: Mapping[str, Any] | None = None) -> Any | None:
    """The JSON that a GET, or a POST of `question`, is answered with; None where there is no such answer (yet)."""
    body = None if question is None else strict_json.dumps(question, ascii_only=True).encode()
    return _answer(urllib.request.Request(url, data=body, headers=_JSON))  # noqa: S310 - loopback


def change(url: str, values: Mapping[str, Any]) -> bool:
    """Whether the server has taken a PATCH of these values."""
    body = strict_json.dumps(values, ascii_only=True).encode()
    request = urllib.request.Request(url, data=body, headers=_JSON, method="PATCH")  # noqa: S310 - loopback
    try:
        _DIRECT.open(request, timeout=_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _answer(request: urllib.request.Request) -> Any | None:
    try:
        with _DIRECT.open(request, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)
    except (OSError, ValueError, urllib.error.HTTPError):
        return None


def _seen(worker: Mapping[str, Any]) -> float:
    last = worker.get("last_heartbeat_time")
    return datetime.fromisoformat(last).timestamp() if last else 0.0
