"""What a step hands to the next: a folder of bytes, its digest, and a frozen record of its results."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from engine import strict_json
from engine.digests import folder_digest


class Record(BaseModel):
    """A frozen result; unknown fields are errors.

    A number that is not finite is written as the string that names it, and read from that: its JSON is strict, and a NaN is
    not lost on the way to the gates, which fail on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def as_json(self, *, exclude: set[str] | None = None) -> Any:
        """What its JSON says, for a larger document; without the fields of `exclude`."""
        return strict_json.loads(self.model_dump_json(exclude=exclude))


class Measurement(Record):
    """The result of a step that times something.

    `provisional`: why it is measured again by the next run that asks for it, where others disturbed the machine, or time
    settled nothing. Empty where it is settled: only then it is sealed for reuse.
    """

    provisional: tuple[str, ...] = ()


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Artifact(Generic[R]):
    """The sealed output of one step.

    `digest` is the SHA-256 over the names and bytes of all files in `folder`; `result` is the step's record.
    """

    step: str
    folder: Path
    digest: str
    result: R

    @classmethod
    def of(cls, step: str, folder: Path, result: R) -> "Artifact[R]":
        """An artifact for a folder that is complete."""
        return cls(step=step, folder=folder, digest=folder_digest(folder), result=result)


def _silent(_message: str, _fraction: float | None = None) -> None:
    return None


@dataclass(frozen=True)
class Workspace:
    """Where a step writes.

    `out` becomes the artifact's folder once the step has returned. `scratch` survives a kill, so that the step can
    go on where it stopped (checkpoints), and is removed when the step is sealed. `progress(message, fraction)` tells
    a person how far the step is; `fraction` is in [0, 1] or None. `remark(sentence)` puts on the record what a person has to know
    about the result (something was left out, cut, mended or not done); it is sealed with the step and told again where it is
    reused. `anew`: whatever was measured earlier, here or elsewhere, is to be measured again.
    """

    out: Path
    scratch: Path
    progress: Callable[..., None] = _silent
    remark: Callable[[str], None] = _silent
    anew: bool = False
