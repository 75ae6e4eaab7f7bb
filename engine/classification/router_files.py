"""The router on disk: `router.json`, numbers a person can read, and `out_of_scope.npz`, the arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine import strict_json
from engine.classification.confidence import FEATURES
from engine.classification.out_of_scope import EmbeddingSpace, OutOfScopeScorer
from engine.classification.router import PathRule, Router
from engine.errors import BundleError
from engine.operating_points import OperatingPoint

ROUTER_FILE = "router.json"
SCORERS_FILE = "out_of_scope.npz"
_NUMBERS = ("name", "cost_ms", "own_weight", "carried_weight", "early_limit", "intercept")
_QUANTILES = ("energy_quantiles", "relative_quantiles", "neighbour_quantiles")
_SPACE = ("projection", "origin", "centres", "background", "neighbours")


def save_router(router: Router, folder: Path) -> None:
    """Write both files."""
    points = [
        {"name": p.name, "epsilon": p.epsilon, "thresholds": [t if np.isfinite(t) else None for t in p.thresholds]}
        for p in router.points.values()
    ]
    paths = [
        {name: getattr(rule, name) for name in _NUMBERS}
        | {
            "coefficients": dict(zip(FEATURES, rule.coefficients, strict=True)),
            "out_of_scope_threshold": rule.scorer.threshold,
            "reads_out_of_scope_label": rule.scorer.reads_label,
        }
        for rule in router.rules
    ]
    document = {
        "default_point": router.default_point,
        "out_of_scope_id": router.out_of_scope_id,
        "points": points,
        "paths": paths,
    }
    strict_json.write(folder / ROUTER_FILE, document)
    arrays: dict[str, Any] = {}
    for rule in router.rules:
        arrays |= {f"{rule.name}/{name}": np.array(getattr(rule.scorer, name)) for name in _QUANTILES}
        if rule.scorer.space is not None:
            arrays |= {f"{rule.name}/{name}": getattr(rule.scorer.space, name) for name in _SPACE}
    np.savez_compressed(folder / SCORERS_FILE, allow_pickle=False, **arrays)


def load_router(folder: Path) -> Router:
    """Read what `save_router` wrote; BundleError when it cannot be read."""
    try:
        document = strict_json.read(folder / ROUTER_FILE)
        with np.load(folder / SCORERS_FILE, allow_pickle=False) as arrays:
            rules = tuple(_rule(entry, arrays) for entry in document["paths"])
        points = {entry["name"]: _point(entry) for entry in document["points"]}
        return Router(rules, points, document["default_point"], document["out_of_scope_id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder / ROUTER_FILE}: not a router ({error})") from error


def _rule(entry: dict[str, Any], arrays: Mapping[str, Any]) -> PathRule:
    own = {
        key: arrays[f"{entry['name']}/{key}"] for key in (*_QUANTILES, *_SPACE) if f"{entry['name']}/{key}" in arrays
    }
    scorer = OutOfScopeScorer(
        threshold=entry["out_of_scope_threshold"],
        reads_label=bool(entry.get("reads_out_of_scope_label", False)),  # bundles of before rank the energy alone
        space=EmbeddingSpace(*(own[name] for name in _SPACE)) if _SPACE[0] in own else None,
        **{name: tuple(own[name].tolist()) for name in _QUANTILES},
    )
    coefficients = tuple(float(entry["coefficients"][name]) for name in FEATURES)
    return PathRule(scorer=scorer, coefficients=coefficients, **{name: entry[name] for name in _NUMBERS})


def _point(entry: dict[str, Any]) -> OperatingPoint:
    thresholds = tuple(float("inf") if value is None else float(value) for value in entry["thresholds"])
    return OperatingPoint(entry["name"], entry["epsilon"], thresholds)
