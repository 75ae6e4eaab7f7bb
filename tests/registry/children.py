"""Child processes that start in a moment (MLflow is imported once, by a server that forks) and share no connection."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["mlflow", "tests.registry.shelf"])
_NAMES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MIAOTUI_LEDGER_URI")


def start(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Run a function of a module in a child, with this process's stores."""
    environment = {name: os.environ[name] for name in _NAMES if name in os.environ}
    child = CONTEXT.Process(target=_run, args=(environment, function, arguments), daemon=True)
    child.start()
    return child


def _run(environment: Mapping[str, str], function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # The server was started with the environment of whatever test came first.
    for name in _NAMES:
        os.environ.pop(name, None)
    os.environ.update(environment)
    function(*arguments)
