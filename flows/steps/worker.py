"""What a worker does with an order: sees that it works for the same home with the same code and data, then computes.

Workers are threads of the run, processes of a local cluster, or machines of a remote one; the result goes into the
home's store in any case, and only a receipt travels back.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.digests import folder_digest
from flows.steps.order import Receipt, StepOrder
from flows.steps.process import run_in_process
from tasks.artifact import Artifact
from tasks.errors import UserError


def carry_out(order: StepOrder) -> Receipt:
    """Computes the order's step, or finds its result in the store.

    Raises UserError where this worker does not share the home, has other code, packages or data; else what the step
    raises.
    """
    worker = f"{platform.node()}, process {os.getpid()}"
    _require_shared_home(order, worker)
    _require_same_code(order, worker)
    _require_whole_inputs(order, worker)
    if order.only_waits:
        run = order.cache.run(order.step, order.inputs, order.listener)
        return Receipt(run.entry, run.reused, run.seconds, worker)
    return replace(run_in_process(order), worker=worker)


def _require_shared_home(order: StepOrder, worker: str) -> None:
    if not order.token.is_file():
        raise UserError(
            f"the worker {worker} does not share it; workers on other machines need it on shared storage, under the "
            "same path",
            file=order.cache.home.folder,
        )


def _require_same_code(order: StepOrder, worker: str) -> None:
    """Else it would compute another result than the one that is asked for."""
    here = order.cache.parts(order.step, order.inputs)
    if here == order.parts:
        return
    packages, wanted = _packages(here), _packages(order.parts)
    differing = [
        f"{name} {packages.get(name, 'missing')} instead of {wanted.get(name, 'none')}"
        for name in sorted(packages.keys() | wanted.keys())
        if packages.get(name) != wanted.get(name)
    ]
    what = ", ".join(differing) or "another version of the project"
    raise UserError(f"the worker {worker} has {what}; install there what the run has", field="scale_out")


def _packages(parts: Mapping[str, Any]) -> Mapping[str, str]:
    packages: Mapping[str, str] = parts["packages"]
    return packages


def _require_whole_inputs(order: StepOrder, worker: str) -> None:
    for artifact in _artifacts(order.inputs.values()):
        if not artifact.folder.is_dir() or folder_digest(artifact.folder) != artifact.digest:
            raise UserError(
                f"the worker {worker} does not find the result of the step {artifact.step} as it was sealed; is the "
                "home's storage shared, and up to date there?",
                file=artifact.folder,
            )


def _artifacts(values: Any) -> Iterator[Artifact[Any]]:
    for value in values:
        if isinstance(value, Artifact):
            yield value
        elif isinstance(value, Mapping):
            yield from _artifacts(value.values())
        elif isinstance(value, (list, tuple)):
            yield from _artifacts(value)
