"""What fine-tuning left."""

from tasks.artifact import Record


class FineTuned(Record):
    """What a fine-tuned model started from; a family's own result says more.

    `base_digest`: SHA-256 of the base weights, None for a model from nothing.
    """

    base_model: str
    base_digest: str | None
