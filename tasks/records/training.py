"""What fine-tuning left."""

from tasks.artifact import Record


class FineTuned(Record):
    """What a fine-tuned model started from; a family's own result says more.

    `base_digest`: SHA-256 of the base weights, None for a model from nothing.
    """

    base_model: str
    base_digest: str | None


class FineTuneResult(FineTuned):
    """`accuracy`: on tune, by exit name (`layer-1`, …, `full`).

    `plain_accuracy`: on tune, of the same base fine-tuned without early exits, where the recipe asks for it.
    """

    exits: tuple[int, ...]
    layers: int
    parameters: int
    epochs_run: int
    best_epoch: int
    train_loss: float
    accuracy: dict[str, float]
    plain_accuracy: float | None = None


class SeedCandidate(Record):
    """One fine-tuning of the search over seeds: accuracy of the final head on tune, mean training loss."""

    name: str
    seed: int
    accuracy: float
    train_loss: float
    best_epoch: int
    epochs_run: int
    chosen: bool


class SeedChoice(Record):
    """Which seed's model goes on and why; `candidates` in the order of the recipe."""

    seed: int
    reason: str
    candidates: tuple[SeedCandidate, ...]
