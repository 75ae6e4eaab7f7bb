"""From the recipe's section `scale_out` to a Prefect task runner, started where steps fan out and stopped right after.

It is not the flow's own runner, which would keep a local cluster's processes beside the measurements that follow.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flows.steps.order import Receipt, StepOrder
from tasks.errors import UserError
from tasks.machine.child_process import usable_cpus
from tasks.recipe.schema import ScaleOutConfig

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

_EXTRAS: Final = {"dask": "prefect_dask", "ray": "prefect_ray"}


def require_scale_out(config: ScaleOutConfig, recipe_file: Path | None = None) -> None:
    """Raises UserError where the package of the runner is not installed."""
    package = _EXTRAS.get(config.runner)
    if package is not None and find_spec(package) is None:
        raise UserError(
            f"{config.runner} needs the package {package.replace('_', '-')}; install it: "
            f"pip install 'miaotui[{config.runner}]'",
            file=recipe_file,
            field="scale_out.runner",
        )


class ScaleOut:
    """How independent steps of one run are spread."""

    def __init__(self, config: ScaleOutConfig) -> None:
        """Starts nothing."""
        self._config = config

    def spreads(self, steps: int) -> bool:
        """Whether so many steps are given to workers; one on this machine is no better off there than in the run."""
        return self._config.runner != "threads" or min(self._config.workers, steps) > 1

    @property
    def threads(self) -> int | None:
        """How many threads a step gets: its share of this machine; None where the machine is not ours to share out."""
        if self._config.address is not None or "OMP_NUM_THREADS" in os.environ:
            return None
        return max(1, len(usable_cpus()) // self._config.workers)

    def carry_out(self, orders: Sequence[StepOrder], finished: Callable[[int, Receipt], None]) -> None:
        """Carries out `orders` on the workers, as `flows.steps.fan_out.fan_out` does."""
        from flows.steps.fan_out import fan_out

        runner = task_runner(self._config)
        with ExitStack() as running:
            try:
                running.enter_context(runner)
                getattr(runner, "client", None)  # Dask's connects when it is asked for it first
            except OSError as error:
                if self._config.address is None:
                    raise
                raise UserError(
                    f"no {self._config.runner} cluster answers at {self._config.address}: {error}",
                    field="scale_out.address",
                ) from error
            fan_out(orders, runner, at_once=self._config.workers, finished=finished)


def wait_for_all(orders: Sequence[StepOrder], finished: Callable[[int, Receipt], None]) -> None:
    """Carries out orders whose work is done elsewhere: all at the same time, in threads of this process."""
    from prefect.task_runners import ThreadPoolTaskRunner

    from flows.steps.fan_out import fan_out

    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=len(orders))
    with runner:
        fan_out(orders, runner, at_once=len(orders), finished=finished)


def task_runner(config: ScaleOutConfig) -> "TaskRunner[Any]":
    """The task runner that the section describes, not started. Raises UserError where its package is missing."""
    require_scale_out(config)
    if config.runner == "dask":
        from prefect_dask import DaskTaskRunner

        # No page to look at: it would listen on a port of its own.
        local = {"n_workers": config.workers, "threads_per_worker": 1, "dashboard_address": None}
        return DaskTaskRunner(address=config.address) if config.address else DaskTaskRunner(cluster_kwargs=local)
    if config.runner == "ray":
        from prefect_ray import RayTaskRunner

        local = {"num_cpus": config.workers, "include_dashboard": False}
        return RayTaskRunner(address=config.address) if config.address else RayTaskRunner(init_kwargs=local)
    from prefect.task_runners import ThreadPoolTaskRunner

    return ThreadPoolTaskRunner(max_workers=config.workers)
