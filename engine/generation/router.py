"""The router of generation: after a path's answer, or after its first tokens, answer now or go on to the next path.

The stop score is a logistic model of the features of the answer (see confidence); an operating point holds one threshold on
it for each path that may answer early, and one on the doubt among the first tokens, below which the rest is not awaited.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine import strict_json
from engine.errors import BundleError
from engine.generation.confidence import FEATURES
from engine.operating_points import OperatingPoints

ROUTER_FILE: Final = "router.json"


@dataclass(frozen=True)
class PathRule:
    """How one path is run and read.

    `cost_ms`: what an answer costs up to this path, by the bundle's table. `coefficients` (features,) and `intercept` of the
    stop score. `early_tokens`: after how many tokens an early abort is decided. `draft_tokens`: how many tokens are guessed
    for one pass; 0 decodes token by token. `draft_answer`: whether the answer of the path before is guessed first.
    `redraft_tokens`: how many tokens the model of that path guesses anew at a time, where this one has left its answer.
    """

    name: str
    cost_ms: float
    coefficients: tuple[float, ...] = (0.0,) * len(FEATURES)
    intercept: float = 0.0
    early_tokens: int = 4
    draft_tokens: int = 0
    draft_answer: bool = True
    redraft_tokens: int = 0

    def stop_score(self, features: Sequence[float]) -> float:
        """Log-odds that the answer is as good as the last path's."""
        score = self.intercept
        for coefficient, value in zip(self.coefficients, features, strict=True):
            score += coefficient * value
        return score


@dataclass(frozen=True)
class Step:
    """What one operating point does with one path.

    `stop`: the least stop score that answers; None: the answer only serves the next path as a draft. `abort`: the least
    log-probability among the first tokens with which the rest is awaited; None: always. At the last path neither is read.
    """

    path: str
    stop: float | None = None
    abort: float | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """One certified setting: the paths that it runs, cheapest first; the last one always answers."""

    name: str
    epsilon: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class GenerationRouter(OperatingPoints[OperatingPoint]):
    """All paths' rules, cheapest first, and the operating points."""

    rules: tuple[PathRule, ...]
    points: Mapping[str, OperatingPoint]
    default_point: str

    def save(self, folder: Path) -> None:
        """Write `router.json`, numbers that a person can read."""
        paths = [
            asdict(rule) | {"coefficients": dict(zip(FEATURES, rule.coefficients, strict=True))} for rule in self.rules
        ]
        points = [asdict(point) for point in self.points.values()]
        document = {"default_point": self.default_point, "points": points, "paths": paths}
        strict_json.write(folder / ROUTER_FILE, document)

    @classmethod
    def load(cls, folder: Path) -> "GenerationRouter":
        """Read what `save` wrote; BundleError when it cannot be read or names paths that are not there."""
        file = folder / ROUTER_FILE
        try:
            document = strict_json.read(file)
            rules = tuple(_rule(entry) for entry in document["paths"])
            points = {entry["name"]: _point(entry) for entry in document["points"]}
            router = cls(rules, points, document["default_point"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{file}: not a router ({error})") from error
        names = [rule.name for rule in rules]
        for point in points.values():
            order = [names.index(step.path) if step.path in names else -1 for step in point.steps]
            if not order or -1 in order or order != sorted(set(order)):
                raise BundleError(f"{file}: operating point {point.name!r} runs paths that are not in this order")
        if router.default_point not in points:
            raise BundleError(f"{file}: no operating point {router.default_point!r}")
        return router


def _rule(entry: dict[str, Any]) -> PathRule:
    coefficients = tuple(float(entry["coefficients"][name]) for name in FEATURES)
    return PathRule(**{**entry, "coefficients": coefficients})


def _point(entry: dict[str, Any]) -> OperatingPoint:
    return OperatingPoint(entry["name"], entry["epsilon"], tuple(Step(**step) for step in entry["steps"]))
