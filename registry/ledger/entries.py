"""Entries of the ledger: what happened, who did it and why, each sealed with the hash of the one before.

After Haber and Stornetta, "How to Time-Stamp a Digital Document" (1991): whoever alters an entry has to alter every
later one as well, and the last hash stands outside the ledger too (a tag of the registered model).
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import Field, JsonValue

from engine import strict_json
from tasks.artifact import Record

GENESIS: Final = "0" * 64
"""What the first entry of a model is chained to."""


class Kind(StrEnum):
    """What an entry records."""

    REGISTERED = "registered"
    REQUESTED = "requested"
    SUPERSEDED = "superseded"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    PROMOTED = "promoted"
    OVERRIDDEN = "overridden"
    ROLLED_BACK = "rolled back"
    ADOPTED = "adopted"
    REFUSED = "refused"
    REPAIRED = "repaired"
    REMOVED = "removed"
    LOST = "lost"


MOVES: Final = frozenset({Kind.PROMOTED, Kind.OVERRIDDEN, Kind.ROLLED_BACK, Kind.ADOPTED})
"""The kinds that change what serves: after one of them, `to_version` is the champion."""


class Draft(Record):
    """An entry before it has its place. `actor` is who did it, `reason` one sentence.

    `from_version` is what served (or stood) before, `to_version` what the entry is about or what serves after it.
    `evidence_digest` is the SHA-256 of the evidence that it rests on; `details` whatever else an auditor may ask for.
    """

    kind: Kind
    actor: str
    reason: str
    from_version: int | None = None
    to_version: int | None = None
    evidence_digest: str | None = None
    details: dict[str, JsonValue] = Field(default_factory=dict)


class Entry(Draft):
    """An entry in its place: the `sequence`-th of its model (from 1), at a time in UTC, chained by SHA-256."""

    model: str
    sequence: int
    at: datetime
    previous: str
    hash: str

    @classmethod
    def sealed(cls, model: str, draft: Draft, *, sequence: int, at: datetime, previous: str) -> "Entry":
        """The draft as an entry, with its hash."""
        fields: dict[str, Any] = dict(draft)
        unsealed = cls(model=model, sequence=sequence, at=at, previous=previous, hash="", **fields)
        return unsealed.model_copy(update={"hash": unsealed.computed_hash()})

    def computed_hash(self) -> str:
        """SHA-256 over all other fields, as JSON with sorted keys."""
        fields = self.model_dump(mode="json", exclude={"hash"})
        return hashlib.sha256(strict_json.dumps(fields, sort_keys=True).encode()).hexdigest()


def broken_link(entries: tuple[Entry, ...]) -> str | None:
    """What is wrong with a chain, in one sentence, or None. `entries`: all of one model, in order."""
    previous = GENESIS
    for place, entry in enumerate(entries, start=1):
        where = f"entry {entry.sequence} of {entry.model}"
        if entry.sequence != place:
            return f"entry {place} of {entry.model} is missing"
        if entry.computed_hash() != entry.hash:
            return f"{where} was altered: its hash does not fit what it says"
        if entry.previous != previous:
            return f"{where} is not chained to the entry before it"
        previous = entry.hash
    return None
