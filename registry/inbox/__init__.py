"""The inbox: which files of new data have landed, which run works on them, and which were taken in, each exactly once.

The bytes lie in the home (`flows.inbox.landing`); what is said about them stands in a database of the home's.
"""

from registry.inbox.database import Inbox, LostClaimError
from registry.inbox.policy import Known, Shortage, Wait
from registry.inbox.records import Batch, BatchEntry, FileState, LandedFile, Portion, Use

__all__ = [
    "Batch",
    "BatchEntry",
    "FileState",
    "Inbox",
    "Known",
    "LandedFile",
    "LostClaimError",
    "Portion",
    "Shortage",
    "Use",
    "Wait",
]
