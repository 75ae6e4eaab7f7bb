"""A target: named hardware with execution provider, thread count and the work pool that runs there."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from tasks.recipe.section import Section, Share

OWN_TARGETS: Final = Path(__file__).parents[2] / "configs" / "targets"


class Fingerprint(Section):
    """What a target declares of its machine; `miaotui fingerprint` prints the section for the machine it is called
    on.

    `cpu`: its model. `instruction_set`: the extensions that matter to the runtime. `cores`: logical CPUs that a
    process may use. `accelerator`: the GPU's name; None means that there is none. `driver`: of the accelerator.
    `runtimes`: versions of packages; those that are named must be installed at that version, others do not matter.
    """

    cpu: Annotated[str, Field(min_length=1)]
    instruction_set: tuple[str, ...]
    cores: Annotated[int, Field(ge=1)]
    accelerator: str | None = None
    driver: str | None = None
    runtimes: dict[str, str] = Field(default_factory=dict)


class Target(Section):
    """One file of `configs/targets/`, or of `targets/` beside the recipe.

    `name`: of the file, and in recipes. `execution_provider`: of ONNX Runtime. `threads`: intra-op threads of a
    session. `cpus`: logical CPUs that the benchmark is pinned to; None takes all that the process may use.
    `work_pool`: Prefect work pool on that hardware; None measures in a child process here. `timeout_minutes`: how
    long a run waits for the pool's answer. `fingerprint`: the machine that the target stands for; another one refuses
    to measure. `operating_point`: the accuracy loss (epsilon) at which the bundle serves there, one of the recipe's;
    None takes the bundle's default.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    execution_provider: Literal["CPUExecutionProvider", "CUDAExecutionProvider"] = "CPUExecutionProvider"
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    cpus: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    work_pool: Annotated[str, Field(min_length=1, pattern=r"^[^/%&><]+$")] | None = None
    timeout_minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)] = 120.0
    fingerprint: Fingerprint | None = None
    operating_point: Share | None = None

    @model_validator(mode="after")
    def _pool_has_a_fingerprint(self) -> Self:
        if self.work_pool is not None and self.fingerprint is None:
            raise ValueError(
                f"a target with a work pool must declare the machine it stands for; run `miaotui fingerprint` where "
                f"the workers of {self.work_pool} run and put what it prints into this file"
            )
        return self

    @property
    def remote(self) -> bool:
        """Whether it is measured by a worker of a pool."""
        return self.work_pool is not None

    @property
    def plain(self) -> "Target":
        """Provider, threads and CPUs alone, for steps that build: where the bundle is measured changes none of them."""
        return Target(name=self.name, execution_provider=self.execution_provider, threads=self.threads, cpus=self.cpus)

    @property
    def on_its_machine(self) -> "Target":
        """The target as a worker of its pool measures it: there, it is local."""
        waits = type(self).model_fields["timeout_minutes"].default  # how long others wait changes nothing there
        return self.model_copy(update={"work_pool": None, "timeout_minutes": waits})


def target_file(name: str, recipe_folder: Path) -> Path:
    """Where a target's YAML is looked for: beside the recipe in `targets/`, else among the project's own."""
    beside = recipe_folder / "targets" / f"{name}.yaml"
    return beside if beside.is_file() else OWN_TARGETS / f"{name}.yaml"
