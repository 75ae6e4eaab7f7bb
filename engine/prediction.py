"""What the engine answers for one text."""

from dataclasses import dataclass

from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class PathDetail:
    """What one path that was run said. `stop_score`: log-odds that stopping here does no harm; `cost_ms`: up to here."""

    path: str
    label: str
    confidence: float
    stop_score: float
    out_of_scope_score: float
    cost_ms: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    `label` is None when `abstained`. `confidence`: softmax probability of the label at the path that answered.
    `path`: name of that path. `out_of_scope_score`: in [0, 1], rank among in-scope rows, 1 = farthest away.
    `cost_ms`: what the paths run up to here cost by the bundle's own table, not by this request's clock. `detail`: every
    path that was run, in order, where it was asked for. `error`: why there is no answer, where the row cannot be asked.
    """

    label: str | None
    confidence: float
    path: str
    abstained: bool
    out_of_scope_score: float
    cost_ms: float
    detail: tuple[PathDetail, ...] | None = None
    error: str | None = None

    def document(self) -> dict[str, object]:
        """What an answer says, for JSON; `detail` and `error` are left out."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "path": self.path,
            "abstained": self.abstained,
            "out_of_scope_score": self.out_of_scope_score,
            "cost_ms": self.cost_ms,
        }

    def served(self) -> dict[str, object]:
        """What a registered model answers, for JSON: the answer, who gave it, and the `error` where there is none."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "path": self.path,
            "abstained": self.abstained,
            "error": self.error,
        }


def refused(error: InputError, row: int) -> Prediction:
    """What a row gets that cannot be asked; `row`: its place in the request."""
    said = f"row {row}: {error}"
    return Prediction(None, 0.0, "", abstained=False, out_of_scope_score=0.0, cost_ms=0.0, error=said)
