"""Where a model's landed data stand, as the last look at them found: what they wait for, or what they last came to."""

from datetime import datetime

from pydantic import ValidationError

from flows.inbox.files import InboxFolders
from registry.inbox import FollowUp, Wait
from tasks.artifact import Record


class Standing(Record):
    """`at` (UTC) a run looked: it has to `wait`, it came to `last`, or it `failed`.

    `follow_up`: what the last run with landed rows left open, and what comes of it.
    """

    at: datetime
    wait: Wait | None = None
    last: str = ""
    failed: str | None = None
    follow_up: FollowUp | None = None

    @property
    def sentence(self) -> str:
        """What was found, without what is short."""
        if self.failed is not None:
            return f"failed, {self.failed}"
        return self.wait.reason if self.wait else self.last


def remember_standing(folders: InboxFolders, standing: Standing) -> None:
    """For `miaotui status`."""
    with folders.writing(folders.inbox / "standing.json", "remember where landed data stand") as out:
        out.write(standing.model_dump_json().encode())


def remembered_standing(folders: InboxFolders) -> Standing | None:
    """The last one; None where nobody has looked yet, or what is there cannot be read."""
    try:
        return Standing.model_validate_json((folders.inbox / "standing.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
