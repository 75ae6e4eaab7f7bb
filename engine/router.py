"""The router: after each path, answer now, go on, or abstain.

A path's stop score is a logistic model of its confidence features; an operating point is one threshold on that score per
path. An input that the out-of-scope score flags, or that a path answers with the out-of-scope label, never stops early.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.confidence import router_features, softmax
from engine.errors import BundleError, InputError
from engine.out_of_scope import OutOfScopeScorer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PathRule:
    """How the router reads one path: its out-of-scope scorer, and the linear stop score over the features.

    `temperature` divides the logits, so that confidences are calibrated (Guo et al. 2017). `coefficients`: (features,),
    applied to the raw features; `intercept`. `cost_ms`: sum of the costs up to this path.
    """

    name: str
    cost_ms: float
    scorer: OutOfScopeScorer
    coefficients: Floats
    intercept: float
    temperature: float = 1.0


@dataclass(frozen=True)
class Reading:
    """What one path says of (rows,) inputs; `flagged` inputs may not stop before the last path, and are abstained from there."""

    labels: NDArray[np.int64]
    confidence: Floats
    stop_score: Floats
    out_of_scope: Floats
    flagged: NDArray[np.bool_]


@dataclass(frozen=True)
class OperatingPoint:
    """One certified setting: the stop-score threshold of every path but the last; infinity means never stop there."""

    name: str
    epsilon: float
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Router:
    """All paths' rules and the operating points; `out_of_scope_id` is the label id that means abstain, or None."""

    rules: tuple[PathRule, ...]
    points: Mapping[str, OperatingPoint]
    default_point: str
    out_of_scope_id: int | None

    def read(
        self,
        path: int,
        logits: NDArray[np.floating],
        embedding: NDArray[np.floating] | None,
        previous: NDArray[np.int64],
        tokens: NDArray[np.int64],
    ) -> Reading:
        """Read (rows, labels) logits of path number `path`; `previous`: (rows,) labels of the path before, or -1."""
        return read_path(self.rules[path], self.out_of_scope_id, logits, embedding, previous, tokens)

    def point(self, name: str | None) -> OperatingPoint:
        """An operating point by name; InputError naming those there are."""
        try:
            return self.points[name or self.default_point]
        except KeyError:
            raise InputError(f"no operating point {name!r}; this bundle has {', '.join(self.points)}") from None


def read_path(
    rule: PathRule,
    out_of_scope_id: int | None,
    logits: NDArray[np.floating],
    embedding: NDArray[np.floating] | None,
    previous: NDArray[np.int64],
    tokens: NDArray[np.int64],
) -> Reading:
    """What one path says of (rows, labels) logits; the arrays are as in `Router.read`."""
    probabilities = softmax(logits / rule.temperature)
    labels = probabilities.argmax(axis=-1)
    score = rule.scorer.score(logits, embedding)
    features = router_features(probabilities, previous, score, tokens)
    flagged = score > rule.scorer.threshold
    if out_of_scope_id is not None:
        flagged = flagged | (labels == out_of_scope_id)
    return Reading(
        labels=labels,
        confidence=probabilities.max(axis=-1),
        stop_score=features @ rule.coefficients + rule.intercept,
        out_of_scope=score,
        flagged=flagged,
    )


ROUTER_FILE = "router.json"
SCORERS_FILE = "out_of_scope.npz"
_ARRAYS = ("energy_quantiles", "whitening", "centres", "distance_quantiles")


def save_router(router: Router, folder: Path) -> None:
    """Write `router.json` (numbers a person can read) and `out_of_scope.npz` (arrays)."""
    document = {
        "default_point": router.default_point,
        "out_of_scope_id": router.out_of_scope_id,
        "points": [
            {"name": p.name, "epsilon": p.epsilon, "thresholds": [t if np.isfinite(t) else None for t in p.thresholds]}
            for p in router.points.values()
        ],
        "paths": [
            {
                "name": rule.name,
                "cost_ms": rule.cost_ms,
                "temperature": rule.temperature,
                "coefficients": rule.coefficients.tolist(),
                "intercept": rule.intercept,
                "out_of_scope_threshold": rule.scorer.threshold,
            }
            for rule in router.rules
        ],
    }
    (folder / ROUTER_FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")
    arrays = {
        f"{rule.name}/{name}": value
        for rule in router.rules
        for name in _ARRAYS
        if (value := getattr(rule.scorer, name)) is not None
    }
    np.savez_compressed(folder / SCORERS_FILE, allow_pickle=False, **arrays)


def load_router(folder: Path) -> Router:
    """Read what `save_router` wrote; BundleError when it cannot be read."""
    try:
        document = json.loads((folder / ROUTER_FILE).read_text(encoding="utf-8"))
        with np.load(folder / SCORERS_FILE, allow_pickle=False) as arrays:
            rules = tuple(_rule(entry, arrays) for entry in document["paths"])
        points = {entry["name"]: _point(entry) for entry in document["points"]}
        return Router(rules, points, document["default_point"], document["out_of_scope_id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder / ROUTER_FILE}: not a router ({error})") from error


def _rule(entry: dict[str, Any], arrays: Mapping[str, Any]) -> PathRule:
    stored = {name: arrays[key] for name in _ARRAYS if (key := f"{entry['name']}/{name}") in arrays}
    scorer = OutOfScopeScorer(threshold=entry["out_of_scope_threshold"], **stored)
    return PathRule(
        name=entry["name"],
        cost_ms=entry["cost_ms"],
        scorer=scorer,
        coefficients=np.array(entry["coefficients"]),
        intercept=entry["intercept"],
        temperature=entry["temperature"],
    )


def _point(entry: dict[str, Any]) -> OperatingPoint:
    thresholds = tuple(float("inf") if value is None else float(value) for value in entry["thresholds"])
    return OperatingPoint(entry["name"], entry["epsilon"], thresholds)
