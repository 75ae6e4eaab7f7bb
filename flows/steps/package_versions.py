"""The versions of all packages that a set of imports can reach: an upgrade of any of them may change what is computed.

An imported module belongs to the distributions that brought it along, and these reach what they require: nobody has to keep
a table of what matters. A module that is not installed counts as missing, so that its coming counts, too.
"""

import platform
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import metadata
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

MISSING: Final = "missing"


def package_versions(modules: Collection[str]) -> dict[str, str]:
    """Python's own version and that of every distribution behind these top-level modules, by canonical name."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    reached: set[str] = set()
    for module in sorted(set(modules) - sys.stdlib_module_names):
        distributions = _distributions().get(module, ())
        if not distributions:
            versions[module] = MISSING
        for distribution in distributions:
            reached |= _closure(canonicalize_name(distribution))
    versions |= {name: version for name in reached if (version := _version(name)) is not None}
    return dict(sorted(versions.items()))


def is_installed(module: str) -> bool:
    """Whether a distribution brought this top-level module along."""
    return module in _distributions()


@cache
def _distributions() -> Mapping[str, list[str]]:
    """By top-level module; reads what every distribution installed, once a process."""
    return metadata.packages_distributions()


@cache
def _closure(distribution: str) -> frozenset[str]:
    """The distribution and all installed ones that it requires, and that these require."""
    reached, ahead = {distribution}, [distribution]
    while ahead:
        news = set(_required(ahead.pop())) - reached
        reached |= news
        ahead += news
    return frozenset(reached)


@cache
def _required(distribution: str) -> tuple[str, ...]:
    return tuple(sorted({name for name in _named(distribution) if _version(name) is not None}))


def _named(distribution: str) -> Iterator[str]:
    for text in metadata.requires(distribution) or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # of a package from before the rules; nobody can say what it means
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


@cache
def _version(distribution: str) -> str | None:
    """None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
