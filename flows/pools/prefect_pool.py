"""The work pool of a target at Prefect's server: starts its `benchmark` deployment, once per key, and looks at its runs."""

from typing import TYPE_CHECKING, Any, Final, cast

from flows.pools.runs import PoolRun
from tasks.errors import UserError
from tasks.recipe import Target

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

FLOW: Final = "benchmark"


class PrefectPool:
    """The pool that `target` names; `parameters` are those of every run that is started."""

    def __init__(self, target: Target, parameters: dict[str, Any]) -> None:
        """Opens nothing yet."""
        if target.work_pool is None:
            raise ValueError(f"the target {target.name} has no work pool")
        self.name = target.work_pool
        self._deployment = f"{FLOW}/{target.name}"
        self._parameters = parameters

    def start(self, key: str) -> PoolRun:
        """Starts a run as part of the flow that goes on here; Prefect's server makes one of all with the same key.

        Raises UserError where the target is not deployed, or for another pool.
        """
        from prefect.client.orchestration import get_client
        from prefect.deployments import run_deployment
        from prefect.exceptions import ObjectNotFound

        try:
            with get_client(sync_client=True) as client:
                deployed_for = client.read_deployment_by_name(self._deployment).work_pool_name
        except ObjectNotFound as error:
            raise UserError(
                f"Prefect's server has no deployment {self._deployment}; run: miaotui deploy RECIPE"
            ) from error
        if deployed_for != self.name:
            raise UserError(
                f"{self._deployment} is deployed for the pool {deployed_for}, and the target names {self.name}; run: "
                "miaotui deploy RECIPE"
            )
        started = run_deployment(self._deployment, parameters=self._parameters, timeout=0, idempotency_key=key)
        return _seen(cast("FlowRun", started))

    def look(self, run_id: str) -> PoolRun | None:
        """The run as it is now; None where the server does not answer."""
        import httpx
        from prefect.client.orchestration import get_client

        try:
            with get_client(sync_client=True) as client:
                return _seen(client.read_flow_run(_uuid(run_id)))
        except httpx.TransportError:
            return None

    def served(self) -> bool:
        """Whether a worker of the pool has reported lately; True where the server does not answer."""
        import httpx
        from prefect.client.orchestration import get_client

        try:
            with get_client(sync_client=True) as client:
                status = client.read_work_pool(self.name).status
        except httpx.TransportError:
            return True
        return status is None or status.value != "NOT_READY"

    def give_up(self, run_id: str, reason: str) -> None:
        """Sets the run to Crashed, so that nobody takes it for one that goes on."""
        from prefect.client.orchestration import get_client
        from prefect.states import Crashed

        with get_client(sync_client=True) as client:
            client.set_flow_run_state(_uuid(run_id), Crashed(message=reason), force=True)


def _seen(run: "FlowRun") -> PoolRun:
    state, job = run.state, str(run.parameters.get("job", ""))
    if state is None:
        return PoolRun(str(run.id), "SCHEDULED", "Scheduled", job=job)
    return PoolRun(str(run.id), state.type.value, state.name or state.type.value, state.message or "", job)


def _uuid(run_id: str) -> Any:
    from uuid import UUID

    return UUID(run_id)
