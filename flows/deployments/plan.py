"""The deployments of a recipe as plain data, and what of them differs from what Prefect's server holds."""

from pathlib import Path
from typing import Any, Final, Literal

from flows.servers.layout import WORK_POOL
from tasks.artifact import Record
from tasks.recipe.load import LoadedRecipe

ALL_MODELS: Final = "all-models"

Change = Literal["created", "updated", "unchanged"]


class DeploymentSpec(Record):
    """One deployment of a flow of this package, with at most one schedule: `cron` in `timezone`, or every `interval_s` seconds.

    Without one, its runs are started by events or callers. At most `limit` runs go on at a time (None: as many as there are);
    `if_running` says what becomes of one that is due then: it waits, or is cancelled.
    """

    flow: str
    name: str
    entrypoint: str
    parameters: dict[str, Any]
    description: str
    if_running: Literal["ENQUEUE", "CANCEL_NEW"] | None
    cron: str | None = None
    timezone: str | None = None
    interval_s: float | None = None
    work_pool: str | None = WORK_POOL
    limit: int | None = 1
    paused: bool = False

    @property
    def scheduled(self) -> bool:
        """Whether the server has to start its runs by itself."""
        return self.cron is not None or self.interval_s is not None

    @property
    def full_name(self) -> str:
        """As Prefect's pages and commands name it."""
        return f"{self.flow}/{self.name}"


class Applied(Record):
    """What became of a deployment; `fields` are those that were different."""

    name: str
    change: Change
    fields: tuple[str, ...] = ()
    next_run: str = ""

    @property
    def sentence(self) -> str:
        """For a person."""
        what = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.name}: {self.change}{what}" + (f"; next run {self.next_run}" if self.next_run else "")


def deployments_of(loaded: LoadedRecipe, *, sweep_every_s: float) -> tuple[DeploymentSpec, ...]:
    """The nightly run of the recipe, and the sweep that carries out what people decided in MLflow's UI.

    The nightly run is named after the recipe, so that a server holds those of several. The sweep is for all models.
    """
    recipe = loaded.recipe
    return (
        DeploymentSpec(
            flow="optimize",
            name=f"nightly-{recipe.name}",
            entrypoint="flows.pipeline.optimize",
            parameters={"recipe": str(Path(loaded.file).absolute()), "overrides": list(loaded.overrides)},
            description=f"The whole pipeline for {recipe.name}.",
            if_running="ENQUEUE",  # a night's run is late rather than lost
            cron=recipe.schedule.cron,
            timezone=recipe.schedule.timezone,
        ),
        DeploymentSpec(
            flow="review-sweep",
            name=ALL_MODELS,
            entrypoint="flows.review.review_sweep",
            parameters={},
            description="Carries out what was approved or rejected in MLflow.",
            if_running="CANCEL_NEW",  # the one that runs does its work
            interval_s=sweep_every_s,
        ),
    )


def differing_fields(wanted: DeploymentSpec, held: DeploymentSpec | None) -> tuple[str, ...]:
    """Names of the fields in which the deployment that is held differs from the wanted one; none for a new one."""
    if held is None:
        return ()
    mine, theirs = wanted.model_dump(), held.model_dump()
    return tuple(name for name in mine if mine[name] != theirs[name])


def change_of(wanted: DeploymentSpec, held: DeploymentSpec | None) -> Change:
    """What has to be done."""
    if held is None:
        return "created"
    return "updated" if differing_fields(wanted, held) else "unchanged"
