"""What holds whatever was killed and whenever: each broken invariant is a sentence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flows.home import Home
from flows.inbox.landing import open_inbox
from registry.checks import Outcome
from registry.inbox import FileState, LandedFile
from registry.ledger import Entry, Kind, Ledger, ModelState
from registry.ledger.entries import MOVES
from tests.faults.ground import NAME, Ground


@dataclass(frozen=True)
class Books:
    """The inbox and the ledger at one moment. `batches`: how many were processed; `held`: keys of those worked on."""

    files: tuple[LandedFile, ...]
    batches: int
    held: tuple[str, ...]
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, ground: Ground) -> "Books":
        """Read from the home of the ground; needs no server."""
        with open_inbox(Home(ground.home)) as inbox:
            files, batches = inbox.files(NAME), inbox.batches(NAME)
        held = tuple(batch.key for batch in batches if batch.running)
        ledger = Ledger(ground.exports["MIAOTUI_LEDGER_URI"])
        try:
            return cls(files, sum(batch.processed for batch in batches), held, ledger.entries(NAME))
        finally:
            ledger.close()

    @property
    def waiting(self) -> list[LandedFile]:
        """Accepted files that are not taken in yet."""
        return [file for file in self.files if file.rows and file.state is not FileState.PROCESSED]

    @property
    def promotions(self) -> list[Entry]:
        """Every entry that made a version the champion."""
        return [entry for entry in self.entries if entry.kind in MOVES]


def broken_promotions(books: Books) -> Iterator[str]:
    """No version is promoted twice, and whatever has served was a blessed PASS with these bytes, or an override."""
    for version, times in Counter(entry.to_version for entry in books.promotions).items():
        if times > 1:
            yield f"version {version} was promoted {times} times"
    for place, entry in enumerate(books.entries, start=1):
        if entry.kind in MOVES and entry.kind is not Kind.OVERRIDDEN:
            yield from _unproven(entry, ModelState.after(books.entries[:place]))


def _unproven(entry: Entry, state: ModelState) -> Iterator[str]:
    registered = state.registered.get(entry.to_version or 0)
    if registered is None:
        yield f"version {entry.to_version} became champion and was not registered before"
    elif registered.details.get("verdict") != Outcome.PASS.value:
        yield f"version {entry.to_version} became champion with the verdict {registered.details.get('verdict')}"
    elif not entry.details.get("blessing") or entry.details.get("bundle") != registered.details.get("bundle_digest"):
        yield f"version {entry.to_version} became champion without a blessing of its bytes"


def broken_inbox(ground: Ground, books: Books) -> Iterator[str]:
    """Every file that was landed is on the books once, with all its rows, in one batch that was processed."""
    known = {file.sha256: file for file in books.files}
    for sha256, file in ground.landed.items():
        rows = len(file.read_text(encoding="utf-8").splitlines())
        landed = known.get(sha256)
        if landed is None:
            yield f"{file.name} was landed and is not in the inbox"
        elif landed.rows + landed.quarantined != rows:
            yield f"{file.name} has {rows} rows, and the inbox says {landed.rows} and {landed.quarantined}"
        elif landed.state is not FileState.PROCESSED:
            yield f"{file.name} is {landed.state.value} and not processed"
    for file in books.files:
        if file.sha256 not in ground.landed:
            yield f"{file.name} is in the inbox and was never landed"
    for key in books.held:
        yield f"the batch {key} is held, and nothing runs"


def broken_servers(ground: Ground) -> Iterator[str]:
    """No run is held for running, and no place for a run is taken, when nothing runs."""
    active = ground.active_runs()
    if active is None:
        yield "Prefect's server does not answer"
        return
    for run in active:
        yield f"the run {run['name']} of {run['deployment_id']} is {run['state_type']} and nothing runs"
    for limit in ground.ask("/v2/concurrency_limits/filter", {"limit": 200}) or []:
        if limit["active_slots"]:
            yield f"{limit['active_slots']} places of {limit['name']} are taken, and nothing runs"
