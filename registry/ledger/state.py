"""What the ledger says stands now: who serves, who waits, what may be rolled back to. A pure fold over the entries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from registry.ledger.entries import MOVES, Entry, Kind

_REVIEW_KINDS = {
    Kind.REQUESTED: "requested",
    Kind.SUPERSEDED: "superseded",
    Kind.APPROVED: "approved",
    Kind.REJECTED: "rejected",
    Kind.EXPIRED: "expired",
}


@dataclass(frozen=True)
class Review:
    """Where the review of a version stands: the value of its tag `review`, and the entry that says so."""

    status: str
    entry: Entry

    @property
    def at(self) -> datetime:
        """Since when."""
        return self.entry.at


@dataclass
class ModelState:
    """One model after some entries.

    `placed`: the last entry that moved an alias; `move`: the one that put the champion where it is. `lineage`: the
    champions one upon the other, the present one last; a promotion adds one, a rollback takes away those above its
    target. `registered`: the entry of every version.
    `answers`: what a person has said last about a version, `approved` or `rejected`.
    """

    head: Entry | None = None
    placed: Entry | None = None
    move: Entry | None = None
    challenger: int | None = None
    lineage: list[int] = field(default_factory=list)
    registered: dict[int, Entry] = field(default_factory=dict)
    reviews: dict[int, Review] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    moves: dict[int, Entry] = field(default_factory=dict)

    @classmethod
    def after(cls, entries: Iterable[Entry]) -> "ModelState":
        """The state after these entries, all of one model and in order."""
        state = cls()
        for entry in entries:
            state._take(entry)
        return state

    @property
    def champion(self) -> int | None:
        """The version that serves."""
        return self.move.to_version if self.move else None

    @property
    def override(self) -> str:
        """By whose word the champion serves although it is no PASS; empty where it is one."""
        move = self.move
        if move is None or move.kind is not Kind.OVERRIDDEN:
            return ""
        verdict, expires = move.details.get("verdict"), str(move.details.get("expires"))[:10]
        return f"Version {move.to_version} ({verdict}) serves by an override of {move.actor} until {expires}: {move.reason}"

    @property
    def previous_champions(self) -> tuple[int, ...]:
        """What a rollback can go back to, the nearest first."""
        return tuple(reversed(self.lineage[:-1]))

    @property
    def named_versions(self) -> frozenset[int]:
        """Every version that serves, waits, has served, or was ever decided about."""
        return frozenset({*self.lineage, *self.reviews, *self.moves} | ({self.challenger} - {None}))  # type: ignore[operator]

    def _take(self, entry: Entry) -> None:
        self.head, version = entry, entry.to_version
        if version is None:
            return
        if entry.kind is Kind.REGISTERED:
            self.registered.setdefault(version, entry)
        elif entry.kind in _REVIEW_KINDS:
            self.placed = entry
            self.reviews[version] = Review(_REVIEW_KINDS[entry.kind], entry)
            if entry.kind in (Kind.APPROVED, Kind.REJECTED):
                self.answers[version] = entry.kind.value
            if entry.kind is Kind.REQUESTED:
                self.challenger = version
            elif entry.kind is not Kind.APPROVED and self.challenger == version:
                self.challenger = None
        elif entry.kind in MOVES:
            self._move(entry, version)

    def _move(self, entry: Entry, version: int) -> None:
        self.placed = self.move = self.moves[version] = entry
        if entry.kind is Kind.ROLLED_BACK and version in self.lineage:
            del self.lineage[self.lineage.index(version) + 1 :]
        elif not self.lineage or self.lineage[-1] != version:
            self.lineage.append(version)
        if self.challenger == version:
            self.challenger = None
