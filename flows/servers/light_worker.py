"""A worker of the light queue: takes up what must never wait for a training, though not in the middle of a measurement.

A run's process takes seconds of a CPU to start, which on a small machine would disturb what is measured there. A
measurement takes minutes; one that takes longer than `LONGEST_S` is not waited for. Everything a run takes from a CPU that
others want, a nice value gives back.
"""

import argparse
import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Final

from prefect.client.orchestration import get_client
from prefect.types._datetime import now
from prefect.workers.process import ProcessWorker

from flows.servers.layout import LIGHT_QUEUE, WORK_POOL
from flows.servers.queues import ensure_queue
from tasks.machine.machine_lock import is_measured

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

LONGEST_S: Final = 600.0
_MOST_AT_ONCE: Final = 2
_NICE: Final = 10


class LightWorker(ProcessWorker):
    """Prefect's process worker, which looks for no runs while this machine measures."""

    type = "process"

    def __init__(self, **settings: Any) -> None:
        """As the worker of Prefect has them."""
        super().__init__(**settings)
        self._patience = Patience()

    async def get_and_submit_flow_runs(self) -> "list[FlowRun]":
        """The runs that were taken up; none during a measurement."""
        if self._patience.waits(is_measured(), time.monotonic()):
            self._last_polled_time = now("UTC")  # it lives: this is what its health is told by
            return []
        return await super().get_and_submit_flow_runs()


class Patience:
    """How long measurements in a row have been waited for. Times in seconds."""

    def __init__(self) -> None:
        """Nothing is waited for yet."""
        self._since: float | None = None

    def waits(self, measured: bool, moment: float) -> bool:
        """Whether to wait at this moment, while something is measured."""
        if not measured:
            self._since = None
            return False
        if self._since is None:
            self._since = moment
        return moment - self._since <= LONGEST_S


def main() -> None:
    """Works until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", help="the worker's name at Prefect's server")
    parser.add_argument("--with-healthcheck", action="store_true", help="answer GET /health, as Prefect's worker does")
    options = parser.parse_args()
    os.nice(_NICE)
    with get_client(sync_client=True) as client:
        ensure_queue(client, WORK_POOL, LIGHT_QUEUE)
    worker = LightWorker(work_pool_name=WORK_POOL, work_queues=[LIGHT_QUEUE], name=options.name, limit=_MOST_AT_ONCE)
    asyncio.run(worker.start(with_healthcheck=options.with_healthcheck))


if __name__ == "__main__":
    main()
