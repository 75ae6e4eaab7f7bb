"""What the engine answers for one prompt."""

from dataclasses import dataclass

from engine.prediction import PathDetail, Prediction


@dataclass(frozen=True, slots=True)
class CompletionDetail(PathDetail):
    """What one path that was run said; `label` is its text.

    `stop_score`: log-odds that its answer is as good as the last path's. `aborted`: given up after its first tokens.
    `passes`: how often its model was run. `drafted`, `accepted`: tokens that were guessed for it, and guessed rightly.
    """

    aborted: bool = False
    tokens: int = 0
    passes: int = 0
    drafted: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Completion(Prediction):
    """One answer; `label` is its text, so that it is compared with gold, logged and watched as any other answer.

    `confidence`: probability of the whole answer under the model that gave it. `tokens`, `prompt_tokens`: how many.
    `finished`: it ended by itself, not at `max_new_tokens`, nor where no token kept to the schema that was asked for.
    `first_token_ms`: by this request's clock, until the first token of this answer was known; `total_ms`: until the last was.
    """

    tokens: int = 0
    prompt_tokens: int = 0
    finished: bool = False
    first_token_ms: float = 0.0
    total_ms: float = 0.0

    @property
    def text(self) -> str:
        """The answer; empty where there is an `error`."""
        return self.label or ""

    def document(self) -> dict[str, object]:
        """What an answer says, for JSON; what only a classifier says is left out."""
        return {
            "completion": self.label,
            "confidence": self.confidence,
            "path": self.path,
            "cost_ms": self.cost_ms,
            "tokens": self.tokens,
            "prompt_tokens": self.prompt_tokens,
            "finished": self.finished,
            "first_token_ms": self.first_token_ms,
            "total_ms": self.total_ms,
        }

    def served(self) -> dict[str, object]:
        """What a registered model answers, for JSON; the times of one request say nothing of the next."""
        return {
            "completion": self.label,
            "confidence": self.confidence,
            "path": self.path,
            "tokens": self.tokens,
            "finished": self.finished,
            "cost_ms": self.cost_ms,
            "error": self.error,
        }
