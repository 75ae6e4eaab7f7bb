"""The router: after each path, answer now, go on, or abstain.

Evidence adds up: a path's scores are its own logits and the scores of the path before, each with a weight, as in a product
of experts. The stop score is a logistic model of the confidence features of those scores; an operating point is one
threshold on it per path. An input that the out-of-scope score flags, or that is answered with the out-of-scope label, never
stops early.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.classification.confidence import Confidence
from engine.classification.out_of_scope import OutOfScopeScorer
from engine.compiled import compiled
from engine.operating_points import OperatingPoint, OperatingPoints

Scores = NDArray[np.float32]


@dataclass(slots=True)
class Reading:
    """What one path says of one row. (Not frozen: that would cost each request microseconds.)

    `scores`: (labels,) added-up evidence, `own_label` the label that the path alone names. `features`: in the order of
    confidence.FEATURES. `flagged` inputs are abstained from at the last path; without `may_stop` none stops before.
    """

    label: int
    own_label: int
    confidence: float
    features: tuple[float, ...]
    stop_score: float
    out_of_scope: float
    flagged: bool
    may_stop: bool
    scores: Scores

    @property
    def is_finite(self) -> bool:
        """Whether all that is decided by is a number."""
        return math.isfinite(self.confidence) and math.isfinite(self.stop_score) and math.isfinite(self.out_of_scope)


@dataclass(frozen=True)
class PathRule:
    """How the router reads one path.

    `own_weight` and `carried_weight`: of the path's own logits and of the scores before it. `coefficients`: (features,), and
    `intercept`, of the stop score. `early_limit`: out-of-scope score above which no input stops here early. `cost_ms`: sum
    of the costs up to this path.
    """

    name: str
    cost_ms: float
    scorer: OutOfScopeScorer
    coefficients: tuple[float, ...]
    intercept: float
    own_weight: float = 1.0
    carried_weight: float = 0.0
    early_limit: float = 1.0

    def read(
        self,
        logits: Scores,
        embedding: Scores | None,
        before: Reading | None,
        *,
        tokens: int,
        novelty: float,
        out_of_scope_id: int | None,
    ) -> Reading:
        """Read (labels,) logits and (hidden,) embedding of one row; `before`: what the path before said."""
        carried, carried_weight = (logits, 0.0) if before is None else (before.scores, self.carried_weight)
        scores = pooled(logits, self.own_weight, carried, carried_weight)
        confidence = Confidence.of(scores, out_of_scope_id)
        own_label = confidence.label if before is None else int(logits.argmax())
        outside = self.scorer.score_of(confidence, embedding)
        features = confidence.features(
            agrees=before is not None and own_label == before.own_label,
            out_of_scope=outside,
            tokens=tokens,
            novelty=novelty,
        )
        stop_score = self.intercept
        for coefficient, value in zip(self.coefficients, features, strict=True):
            stop_score += coefficient * value
        flagged = outside > self.scorer.threshold or confidence.label == out_of_scope_id
        return Reading(
            label=confidence.label,
            own_label=own_label,
            confidence=confidence.probability,
            features=features,
            stop_score=stop_score,
            out_of_scope=outside,
            flagged=flagged,
            may_stop=not flagged and outside <= self.early_limit,
            scores=scores,
        )


@compiled
def pooled(logits: Scores, own_weight: float, carried: Scores, carried_weight: float) -> Scores:
    """Evidence added up: (labels,) logits and the (labels,) scores before them, weighted; also (rows, labels) of both."""
    return logits * np.float32(own_weight) + carried * np.float32(carried_weight)


@dataclass(frozen=True)
class Router(OperatingPoints[OperatingPoint]):
    """All paths' rules and the operating points; `out_of_scope_id` is the label id that means abstain, or None."""

    rules: tuple[PathRule, ...]
    points: Mapping[str, OperatingPoint]
    default_point: str
    out_of_scope_id: int | None
