"""What has landed, for `miaotui status`: files and rows by their state, and what the rows wait for."""

from collections import Counter

from flows.home import Home
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox
from flows.inbox.standing import Standing, remembered_standing
from tasks.artifact import Record


class LandedStatus(Record):
    """Files by state, good rows by what became of them, and what the last look at them found."""

    files: dict[str, int]
    waiting_rows: int
    claimed_rows: int
    processed_rows: int
    quarantined_rows: int
    standing: Standing | None

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """For a person: what, and how much or since when."""
        rows = (
            f"{self.waiting_rows:,} wait, {self.claimed_rows:,} are worked on, {self.processed_rows:,} were taken in, "
            f"{self.quarantined_rows:,} are in quarantine"
        )
        lines = [
            ("files", ", ".join(f"{count:,} {state}" for state, count in sorted(self.files.items()))),
            ("rows", rows),
        ]
        if self.standing is not None:
            looked = f"looked at {self.standing.at.astimezone():%Y-%m-%d %H:%M}"
            lines.append((looked, self.standing.sentence or "no rows to take in"))
            lines += [("missing", str(each)) for each in (self.standing.wait.shortages if self.standing.wait else ())]
            if self.standing.follow_up is not None:
                lines.append(("open", self.standing.follow_up.sentence))
                lines += [("missing", str(each)) for each in self.standing.follow_up.progress]
        return tuple(lines)


def read_landed(home: Home, name: str | None) -> dict[str, LandedStatus]:
    """By model, of those for which something has landed; nothing is made where nothing has."""
    if not (home.folder / "inbox").is_dir():
        return {}
    landed = {}
    with open_inbox(home) as inbox:
        for model in inbox.models():
            if name in (None, model):
                files, portions = inbox.files(model), inbox.portions(model)
                landed[model] = LandedStatus(
                    files=dict(Counter(file.state.value for file in files)),
                    waiting_rows=sum(portion.rows for portion in portions if portion.batch is None),
                    claimed_rows=sum(portion.rows for portion in portions if portion.batch and not portion.processed),
                    processed_rows=sum(portion.rows for portion in portions if portion.processed),
                    quarantined_rows=sum(file.quarantined for file in files),
                    standing=remembered_standing(InboxFolders.of(home, model)),
                )
    return landed
