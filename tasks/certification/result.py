"""What calibration found, as the record that evidence and report are made of."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import strict_json
from engine.bundle import PathEntry
from engine.digests import folder_digest
from engine.operating_points import OperatingPoint
from tasks.certification.chain import PathView, route
from tasks.data.rows import Row
from tasks.records import Certificate, Drafting, LadderCandidate, PathResult, RouterResult


def router_result(
    *,
    entries: Sequence[PathEntry],
    tune: Sequence[PathView],
    costs: NDArray[np.float64],
    point: OperatingPoint,
    certificates: Sequence[Certificate],
    static_cost_ms: float,
    candidates: Sequence[LadderCandidate],
    bundle: Path,
    attempt: int,
    reference_right: NDArray[np.bool_],
    certify: Sequence[Row],
    provisional: Sequence[str],
    drafting: Sequence[Drafting] = (),
) -> RouterResult:
    """Of the ladder that ships: its `entries`, how each path does on tune, own costs (paths,), and the point that serves.

    `drafting`: of each path, where they are decoders. `reference_right`: (tune rows,); `certify`: the rows of the certificate.
    `provisional`: as in Measurement.
    """
    cumulative = np.cumsum(costs)
    routed = route(tune, point.thresholds)
    right = np.stack([view.right for view in tune])
    cheapest_right = np.where(right.any(axis=0), right.argmax(axis=0), 0)
    rows = zip(entries, costs, cumulative, tune, routed.shares(len(cumulative)), strict=True)
    return RouterResult(
        paths=tuple(
            PathResult(
                name=entry.name,
                kind=entry.kind,
                cost_ms=float(own),
                cumulative_ms=float(total),
                tune_accuracy=float(view.right.mean()),
                stop_share=float(share),
                drafting=drafting[number] if drafting else None,
            )
            for number, (entry, own, total, view, share) in enumerate(rows)
        ),
        certificates=tuple(certificates),
        operating_point=point.name,
        reference_accuracy=float(reference_right.mean()),
        expected_cost_ms=routed.expected_cost(cumulative),
        static_cost_ms=static_cost_ms,
        oracle_cost_ms=float(cumulative[cheapest_right].mean()),
        random_cost_ms=float(cumulative.mean()),
        candidates=tuple(candidates),
        certify_digest=_rows_digest(certify),
        attempt=attempt,
        bundle_digest=folder_digest(bundle),
        size_mb=sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file()) / 1e6,
        provisional=tuple(provisional),
    )


def _rows_digest(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(strict_json.dumps([row.text, row.label]).encode())
    return digest.hexdigest()
