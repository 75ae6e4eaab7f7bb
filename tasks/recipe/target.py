"""A target: named hardware with execution provider, thread count and the work pool that runs there."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tasks.recipe.section import Section


class Target(Section):
    """One file of `configs/targets/`.

    `threads`: intra-op threads of a session. `cpus`: logical CPUs that the benchmark is pinned to; None takes all that the
    process may use. `work_pool`: Prefect work pool on that hardware; None measures in a child process here.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    execution_provider: Literal["CPUExecutionProvider", "CUDAExecutionProvider"] = "CPUExecutionProvider"
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    cpus: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    work_pool: str | None = None


def target_file(name: str, recipe_folder: Path) -> Path:
    """Where a target's YAML is looked for: beside the recipe in `targets/`, else among the project's own."""
    beside = recipe_folder / "targets" / f"{name}.yaml"
    return beside if beside.is_file() else Path(__file__).parents[2] / "configs" / "targets" / f"{name}.yaml"
