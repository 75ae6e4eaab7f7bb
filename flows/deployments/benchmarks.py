"""The deployments of targets that have a work pool: one each, without a schedule, for the pipeline to call."""

from collections.abc import Sequence

from flows.deployments.plan import DeploymentSpec
from tasks.recipe import Target


def benchmark_deployments(targets: Sequence[Target]) -> tuple[DeploymentSpec, ...]:
    """`benchmark/TARGET` in the target's pool, for each target that names one."""
    return tuple(
        DeploymentSpec(
            flow="benchmark",
            name=target.name,
            entrypoint="flows.pools.benchmark_job.benchmark",
            parameters={},
            description=f"Measures bundles for the target {target.name} on its own machine.",
            if_running=None,
            work_pool=target.work_pool,
            limit=None,  # its worker takes one run at a time, and the machine's lock lets one measure
        )
        for target in targets
        if target.work_pool is not None
    )
