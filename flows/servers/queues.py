"""The work pool and its queues at Prefect's server, made where they are not there yet."""

from typing import TYPE_CHECKING

from tasks.errors import UserError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def ensure_pool(client: "SyncPrefectClient", name: str) -> bool:
    """Whether it had to be made; the worker makes it, too. Raises UserError for a pool of another kind."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        except ObjectAlreadyExists:  # by another worker, a moment ago
            return False
        return True
    if pool.type != "process":
        raise UserError(f"the work pool {name} is of type {pool.type}, not process; delete it, or use another server")
    return False


def ensure_queue(client: "SyncPrefectClient", pool: str, name: str) -> bool:
    """Whether the pool's queue had to be made, with its pool if need be. Raises UserError as `ensure_pool` does."""
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

    ensure_pool(client, pool)
    try:
        client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        try:
            client.create_work_queue(name=name, work_pool_name=pool)
        except ObjectAlreadyExists:
            return False
        return True
    return False
