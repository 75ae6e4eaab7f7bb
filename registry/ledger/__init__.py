"""The ledger: the append-only, hash-chained record of all that was registered, decided and put right.

What serves is what the ledger says; MLflow's aliases and tags are its projection (`registry.projection`).
"""

from registry.ledger.database import Ledger, LostRaceError
from registry.ledger.entries import MOVES, Draft, Entry, Kind
from registry.ledger.state import ModelState, Review

__all__ = ["MOVES", "Draft", "Entry", "Kind", "Ledger", "LostRaceError", "ModelState", "Review"]
