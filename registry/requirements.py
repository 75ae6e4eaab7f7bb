"""What a model declares that it needs, compared with what is installed here.

The closure of the declared requirements is everything that `pip install -r requirements.txt` would bring into an empty
environment, extras and environment markers included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tasks.errors import UserError


@dataclass(frozen=True)
class InstalledRequirements:
    """`declared`: what the file asks for, as `name==version`; `closure`: the names of all that this brings along."""

    declared: tuple[str, ...]
    closure: tuple[str, ...]


def installed_requirements(file: Path, whose: str) -> InstalledRequirements:
    """Find the requirements of `file` among the installed packages.

    Raises UserError for a line that is no requirement, and for a package that is not installed or not at that version.
    """
    direct = [requirement for requirement in _lines(file) if _applies(requirement, "")]
    if not direct:
        raise UserError(f"{whose} declares no requirements", file=file)
    return InstalledRequirements(
        declared=tuple(f"{requirement.name}=={_satisfying(requirement, whose)}" for requirement in direct),
        closure=tuple(sorted(_closure(direct))),
    )


def _lines(file: Path) -> Iterator[Requirement]:
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.split(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        try:
            yield Requirement(text)
        except InvalidRequirement as error:
            raise UserError(f"{text!r} is no requirement of the form name==version", file=file) from error


def _satisfying(requirement: Requirement, whose: str) -> str:
    """The installed version, which is one that the requirement allows."""
    found = _installed(requirement.name)
    if found is None:
        raise UserError(f"{whose} needs {requirement}, which is not installed here; run: pip install '{requirement}'")
    if not requirement.specifier.contains(found.version, prereleases=True):
        raise UserError(
            f"{whose} needs {requirement}, and {found.version} is installed here; "
            f"run: pip install '{requirement}', or run the recipe again"
        )
    return found.version


def _closure(direct: list[Requirement]) -> set[str]:
    """Names of the installed packages that the requirements lead to.

    A package further down that is not installed is left out: whoever imports it will say so.
    """
    waiting = [(requirement.name, extra) for requirement in direct for extra in ("", *requirement.extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        key = (canonicalize_name(name), extra)
        found = _installed(name)
        if key in seen or found is None:
            continue
        seen.add(key)
        for text in found.requires or ():
            needed = Requirement(text)
            if _applies(needed, extra):
                waiting += [(needed.name, wanted) for wanted in ("", *needed.extras)]
    return {str(name) for name, _ in seen}


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
