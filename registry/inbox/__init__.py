"""The inbox: which files of new data have landed, which run works on them, and which were taken in, each exactly once.

The bytes lie in the home (`flows.inbox.landing`); what is said about them stands in a database of the home's.
"""

from registry.inbox.database import Inbox, LostClaimError
from registry.inbox.follow_up import FollowUp, Progress, follow_up, progress_of
from registry.inbox.policy import Known, Shortage, Wait, admitted, reason_to_wait
from registry.inbox.records import Batch, BatchEntry, FileState, LandedFile, Portion, Use, strongest
from registry.inbox.trials import Result, Trial

__all__ = [
    "Batch",
    "BatchEntry",
    "FileState",
    "FollowUp",
    "Inbox",
    "Known",
    "LandedFile",
    "LostClaimError",
    "Portion",
    "Progress",
    "Result",
    "Shortage",
    "Trial",
    "Use",
    "Wait",
    "admitted",
    "follow_up",
    "progress_of",
    "reason_to_wait",
    "strongest",
]
