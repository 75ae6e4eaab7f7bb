"""The deployments of a recipe as plain data, and what of them differs from what Prefect's server holds."""

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from flows.servers.layout import HEAVY_QUEUE, LIGHT_QUEUE, WORK_POOL
from tasks.artifact import Record
from tasks.recipe.reading import LoadedRecipe

ALL_MODELS: Final = "all-models"
_RETENTION_CRON: Final = "0 12 * * 0"  # away from the nights

Change = Literal["created", "updated", "unchanged"]


class DeploymentSpec(Record):
    """One deployment of a flow of this package: run by `cron` in `timezone`, every `interval_s` seconds, or when called.

    At most `limit` runs go on at a time (None: as many as there are); `if_running` says what becomes of one that is due then: it
    waits, or is cancelled. `job_variables`: a run does not write through its worker, at whose death it would end with the
    next line that it prints; what it logs stands on Prefect's pages.
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
    work_queue: str = HEAVY_QUEUE
    limit: int | None = 1
    paused: bool = False
    job_variables: dict[str, Any] = Field(default_factory=lambda: {"stream_output": False})

    @property
    def has_schedule(self) -> bool:
        """Whether the server has to create runs of it."""
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


def deployments_of(
    loaded: LoadedRecipe, *, sweep_every_s: float, delete_old: bool = False
) -> tuple[DeploymentSpec, ...]:
    """All that a recipe needs, and what is for all models: people's decisions in MLflow's UI, and retention.

    What is named after the recipe can be held for several by one server. The retention deletes only with `delete_old`.
    """
    recipe = loaded.recipe
    parameters = {"recipe": str(Path(loaded.file).absolute()), "overrides": list(loaded.overrides)}
    return (
        DeploymentSpec(
            flow="nightly",
            name=recipe.name,
            entrypoint="flows.nightly.nightly",
            parameters=parameters,
            description=f"The whole pipeline for {recipe.name}.",
            if_running="ENQUEUE",  # a night's run is late rather than lost
            cron=recipe.schedule.cron,
            timezone=recipe.schedule.timezone,
        ),
        DeploymentSpec(
            flow="take-in",
            name=recipe.name,
            entrypoint="flows.take_in.take_in",
            parameters=parameters,
            description=f"Recalibrates or retrains {recipe.name} if what has landed calls for that; called by the look.",
            if_running="ENQUEUE",  # what landed during a run is looked at after it
        ),
        DeploymentSpec(
            flow="look",
            name=recipe.name,
            entrypoint="flows.look.look",
            parameters=parameters,
            description=f"Looks at what has landed for {recipe.name}, and calls for take-in.",
            if_running="CANCEL_NEW",  # the next one comes soon
            interval_s=60 * recipe.intake.sweep_minutes,
            work_queue=LIGHT_QUEUE,
        ),
        DeploymentSpec(
            flow="review-sweep",
            name=ALL_MODELS,
            entrypoint="flows.review.review_sweep",
            parameters={},
            description="Carries out what was approved or rejected in MLflow.",
            if_running="CANCEL_NEW",  # the one that runs does its work
            interval_s=sweep_every_s,
            work_queue=LIGHT_QUEUE,
        ),
        DeploymentSpec(
            flow="retention",
            name=ALL_MODELS,
            entrypoint="flows.upkeep.retention",
            parameters={"delete": delete_old},
            description="Deletes what is old and not needed any more." if delete_old else "Lists what is old.",
            if_running="CANCEL_NEW",
            cron=_RETENTION_CRON,
            timezone=recipe.schedule.timezone,
            work_queue=LIGHT_QUEUE,
        ),
        DeploymentSpec(
            flow="recalibrate",
            name=recipe.name,
            entrypoint="flows.upkeep.recalibrate",
            parameters={
                "model": f"models:/{recipe.name}@champion",
                "target": recipe.targets[0],
                "text_column": recipe.data.text_column,
                "label_column": recipe.data.label_column,
                "delimiter": recipe.data.delimiter,
            },
            description="New thresholds and certificates from the fresh rows of the file `data`, without training.",
            if_running="ENQUEUE",
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
