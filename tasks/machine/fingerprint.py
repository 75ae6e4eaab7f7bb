"""Whether this machine is the one that a target stands for: what it declares of itself against what is found here.

A benchmark on another machine says nothing about the target, so a difference refuses the measurement.
"""

import platform

from tasks.artifact import Record
from tasks.errors import UserError
from tasks.machine.host import host
from tasks.recipe.target import Fingerprint, Target
from tasks.records import Host


class Difference(Record):
    """One field of a fingerprint, dotted, as it is declared and as it was found."""

    field: str
    declared: str
    found: str

    @property
    def sentence(self) -> str:
        """For an error."""
        return f"{self.field}: declared {self.declared}, found {self.found}"


def fingerprint_of(machine: Host) -> Fingerprint:
    """The section that declares this machine."""
    return Fingerprint(
        cpu=machine.cpu,
        instruction_set=machine.instruction_set,
        cores=machine.cores,
        accelerator=machine.accelerator,
        driver=machine.driver,
        runtimes=machine.runtimes,
    )


def differences(declared: Fingerprint, machine: Host) -> tuple[Difference, ...]:
    """Every field in which the machine is not the declared one; none where it is."""
    pairs: list[tuple[str, object, object]] = [
        ("cpu", declared.cpu, machine.cpu),
        ("instruction_set", sorted(declared.instruction_set), sorted(machine.instruction_set)),
        ("cores", declared.cores, machine.cores),
        ("accelerator", declared.accelerator, machine.accelerator),
        ("driver", declared.driver, machine.driver),
    ]
    pairs += [(f"runtimes.{name}", version, machine.runtimes.get(name)) for name, version in declared.runtimes.items()]
    return tuple(
        Difference(field=name, declared=_shown(mine), found=_shown(theirs))
        for name, mine, theirs in pairs
        if mine != theirs
    )


def require_fingerprint(target: Target, machine: Host | None = None, *, where: str | None = None) -> None:
    """Raises UserError, naming each field that differs, unless the machine is the one that the target declares.

    A target that declares nothing takes every machine. `machine` is this one if it is not given; `where` names it.
    """
    if target.fingerprint is None:
        return
    found = differences(target.fingerprint, machine or host())
    if found:
        named = where or f"this machine ({platform.node()})"
        raise UserError(
            f"target '{target.name}' declares another machine than {named}: "
            + "; ".join(difference.sentence for difference in found)
            + f"; measure on the declared machine, or put what `miaotui fingerprint` prints here into {target.name}.yaml",
            field="fingerprint",
        )


def _shown(value: object) -> str:
    if value is None or value == []:
        return "none"
    return ", ".join(value) if isinstance(value, list) else repr(value) if isinstance(value, str) else str(value)
