"""The certified settings of a router, of whatever task: by name, one of them the default."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from engine.errors import InputError

Point = TypeVar("Point")


class OperatingPoints(Generic[Point]):
    """What every router has; a subclass is a frozen dataclass with these two fields."""

    points: Mapping[str, Point]
    default_point: str

    def point(self, name: str | None) -> Point:
        """An operating point by name, the default for None; InputError naming those there are."""
        try:
            return self.points[name or self.default_point]
        except KeyError:
            raise InputError(f"no operating point {name!r}; this bundle has {', '.join(self.points)}") from None

    def with_default(self, name: str | None) -> Self:
        """The same router with another default, itself for None; InputError naming the operating points there are."""
        if name is None:
            return self
        self.point(name)
        changed: Self = replace(self, default_point=name)  # type: ignore[type-var]
        return changed


@dataclass(frozen=True)
class OperatingPoint:
    """One certified setting: the stop-score threshold of every path but the last; infinity means never stop there."""

    name: str
    epsilon: float
    thresholds: tuple[float, ...]
