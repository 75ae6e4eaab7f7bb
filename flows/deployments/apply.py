"""Brings Prefect's server to hold the wanted deployments, and reads back that their runs really are scheduled.

A server whose packages do not fit together takes a schedule, shows it as active and never creates a run; only the runs
themselves prove that the night will come.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from flows.deployments.plan import Applied, DeploymentSpec, change_of, differing_fields
from flows.servers.layout import HEAVY_QUEUE
from flows.servers.queues import ensure_pool, ensure_queue
from tasks.errors import UserError
from tasks.machine.waiting import waiting_for

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

_SCHEDULED_TIMEOUT_S: Final = 120.0  # the scheduler looks once a minute
_LOOK_EVERY_S: Final = 1.0


def apply(client: "SyncPrefectClient", specs: Sequence[DeploymentSpec]) -> Iterator[Applied]:
    """Creates the work pools, creates or updates the deployments; what is as it should be is not touched.

    Raises UserError where the server does not hold what it was given, or schedules no run.
    """
    for pool in dict.fromkeys(spec.work_pool for spec in specs if spec.work_pool is not None):
        yield Applied(name=f"work pool {pool}", change="created" if ensure_pool(client, pool) else "unchanged")
    for spec in specs:
        if spec.work_pool is not None:
            ensure_queue(client, spec.work_pool, spec.work_queue)
    for spec in specs:
        held = read_held(client, spec)
        change = change_of(spec, held)
        if change != "unchanged":
            _upsert(client, spec)
            left = differing_fields(spec, read_held(client, spec))
            if left:
                raise UserError(f"Prefect's server did not take {', '.join(left)} of {spec.full_name}")
        yield Applied(
            name=spec.full_name,
            change=change,
            fields=differing_fields(spec, held),
            next_run=_shown(_next_run(client, spec), spec) if spec.has_schedule else "",
        )


def check_cron(spec: DeploymentSpec, recipe: str) -> None:
    """Raises UserError, naming the recipe's field, for a cron expression that Prefect does not understand."""
    from prefect.client.schemas.schedules import CronSchedule

    if spec.cron is None:
        return
    try:
        CronSchedule(cron=spec.cron, timezone=spec.timezone)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UserError(f"{reason}, in {spec.cron!r}", file=recipe, field="schedule.cron") from error


def read_held(client: "SyncPrefectClient", spec: DeploymentSpec) -> DeploymentSpec | None:
    """The deployment of that name as the server holds it, or None."""
    from prefect.exceptions import ObjectNotFound

    try:
        held = client.read_deployment_by_name(spec.full_name)
    except ObjectNotFound:
        return None
    options, limit = held.concurrency_options, held.global_concurrency_limit
    return DeploymentSpec(
        flow=spec.flow,
        name=held.name,
        entrypoint=held.entrypoint or "",
        parameters=held.parameters,
        description=held.description or "",
        if_running=cast(Any, options.collision_strategy.value if options else None),
        work_pool=held.work_pool_name,
        work_queue=held.work_queue_name or HEAVY_QUEUE,
        limit=limit.limit if limit else None,
        paused=held.paused,
        job_variables=held.job_variables,
        **_schedule_of(held),
    )


def _schedule_of(held: "DeploymentResponse") -> dict[str, Any]:
    """The only active schedule; nothing where there is none, another kind, or several."""
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    active = [each.schedule for each in held.schedules if each.active]
    if len(active) != 1:
        return {}
    schedule = active[0]
    if isinstance(schedule, CronSchedule):
        return {"cron": schedule.cron, "timezone": schedule.timezone}
    return {"interval_s": schedule.interval.total_seconds()} if isinstance(schedule, IntervalSchedule) else {}


def _upsert(client: "SyncPrefectClient", spec: DeploymentSpec) -> None:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    schedules: list[CronSchedule | IntervalSchedule] = []
    if spec.cron is not None:
        schedules.append(CronSchedule(cron=spec.cron, timezone=spec.timezone))
    elif spec.interval_s is not None:
        schedules.append(IntervalSchedule(interval=timedelta(seconds=spec.interval_s)))
    strategy = None if spec.if_running is None else ConcurrencyLimitStrategy(spec.if_running)
    client.create_deployment(
        flow_id=client.create_flow_from_name(spec.flow),
        name=spec.name,
        entrypoint=spec.entrypoint,
        parameters=spec.parameters,
        description=spec.description,
        work_pool_name=spec.work_pool,
        work_queue_name=spec.work_queue if spec.work_pool else None,
        schedules=[DeploymentScheduleCreate(schedule=each, active=True, slug=spec.name) for each in schedules],
        concurrency_limit=spec.limit,
        concurrency_options=None if strategy is None else ConcurrencyOptions(collision_strategy=strategy),
        paused=spec.paused,
        job_variables=spec.job_variables,
        enforce_parameter_schema=False,
    )


def _next_run(client: "SyncPrefectClient", spec: DeploymentSpec) -> datetime:
    """When the next scheduled run is due. Raises UserError where the server schedules none."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    deployment = client.read_deployment_by_name(spec.full_name)
    deadline = time.monotonic() + _SCHEDULED_TIMEOUT_S
    with waiting_for(f"Prefect's server to schedule {spec.full_name}; it looks once a minute"):
        while time.monotonic() < deadline:
            runs = client.read_flow_runs(
                flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.SCHEDULED]}}}),
                deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=1,
            )
            if runs and runs[0].expected_start_time is not None:
                return runs[0].expected_start_time
            time.sleep(_LOOK_EVERY_S)
    raise UserError(
        f"{spec.full_name} is registered, but Prefect's server scheduled no run within {_SCHEDULED_TIMEOUT_S:.0f} s; see "
        "its log, and whether it runs with this project's pinned versions of prefect, fastapi and sqlalchemy"
    )


def _shown(due: datetime, spec: DeploymentSpec) -> str:
    zone = ZoneInfo(spec.timezone) if spec.timezone else UTC
    return f"{due.astimezone(zone):%Y-%m-%d %H:%M} {spec.timezone or 'UTC'}"
