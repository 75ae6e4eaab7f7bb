"""One prompt on its way through the paths, and the answer that is made of what they said."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.generation.completion import Completion, CompletionDetail
from engine.generation.decoding import Decoded
from engine.generation.router import PathRule


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt as it is asked; `limit`: most tokens of its answer."""

    ids: list[int]
    limit: int
    schema: str | None
    started: float


@dataclass(slots=True)
class Attempt:
    """What one path made of a request; `accepted`: the router lets it answer."""

    rule: PathRule
    answer: Decoded
    text: str
    stop_score: float
    aborted: bool
    accepted: bool
    first_token_at: float


def completion(request: Request, attempts: Sequence[Attempt], detail: bool) -> Completion:
    """The answer of the last attempt; `detail`: with what each of them found."""
    best = attempts[-1]
    return Completion(
        label=best.text,
        confidence=confidence(best),
        path=best.rule.name,
        abstained=False,
        out_of_scope_score=0.0,
        cost_ms=best.rule.cost_ms,
        detail=tuple(_detail(attempt) for attempt in attempts) if detail else None,
        tokens=len(best.answer.tokens),
        prompt_tokens=len(request.ids),
        finished=best.answer.ended,
        first_token_ms=(best.first_token_at - request.started) * 1e3,
        total_ms=(time.perf_counter() - request.started) * 1e3,
    )


def _detail(attempt: Attempt) -> CompletionDetail:
    return CompletionDetail(
        path=attempt.rule.name,
        label=attempt.text,
        confidence=confidence(attempt),
        stop_score=attempt.stop_score,
        out_of_scope_score=0.0,
        cost_ms=attempt.rule.cost_ms,
        aborted=attempt.aborted,
        tokens=len(attempt.answer.tokens),
        passes=attempt.answer.passes,
        drafted=attempt.answer.drafted,
        accepted=attempt.answer.accepted,
    )


def confidence(attempt: Attempt) -> float:
    """Probability of the whole answer under the model that gave it."""
    return math.exp(math.fsum(attempt.answer.log_probabilities))
