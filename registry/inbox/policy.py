"""When landed rows are enough for a retraining, and which of them: pure functions over portions and times."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from registry.inbox.records import Portion
from tasks.artifact import Record
from tasks.recipe.intake import IntakeConfig


class Known(Record):
    """Labels and slices that the model has been trained on; what was processed from the inbox counts by itself."""

    labels: frozenset[str] = frozenset()
    slices: frozenset[str] = frozenset()


class Shortage(Record):
    """A new label or slice (`kind`) that waits: it has `rows` rows and needs `needed`."""

    kind: str
    name: str
    rows: int
    needed: int

    def __str__(self) -> str:
        """One clause for a person."""
        return f"{self.kind} {self.name!r} has {self.rows:,} of {self.needed:,} rows"


class Wait(Record):
    """Why no batch can be claimed now, and what is short. `until`: when to ask again, None where time changes nothing."""

    reason: str
    shortages: tuple[Shortage, ...] = ()
    until: datetime | None = None

    def __str__(self) -> str:
        """One line for a person."""
        return "; ".join([self.reason, *map(str, self.shortages)])


def admitted(
    portions: Sequence[Portion], known: Known, policy: IntakeConfig
) -> tuple[tuple[Portion, ...], tuple[Shortage, ...]]:
    """The unclaimed portions that may be taken in, and what the others lack. `portions`: all of one model.

    Rows that wait for their slice do not help their label, nor the other way round: what is left out is counted anew
    until nothing more falls out.
    """
    processed = [portion for portion in portions if portion.processed]
    labels = known.labels | {portion.label for portion in processed}
    slices = known.slices | {portion.slice for portion in processed if portion.slice is not None}
    left = [portion for portion in portions if not portion.processed]
    while True:
        by_label, by_slice = _rows_by_name(left)
        enough_labels = labels | {name for name, rows in by_label.items() if rows >= policy.min_rows_per_label}
        enough_slices = slices | {name for name, rows in by_slice.items() if rows >= policy.min_rows_per_label}
        kept = [
            portion
            for portion in left
            if portion.label in enough_labels and (portion.slice is None or portion.slice in enough_slices)
        ]
        if len(kept) == len(left):
            break
        left = kept
    waiting = [portion for portion in portions if not portion.processed and portion not in left]
    by_label, by_slice = _rows_by_name(waiting)
    short = [("label", name, rows) for name, rows in by_label.items() if name not in enough_labels]
    short += [("slice", name, rows) for name, rows in by_slice.items() if name not in enough_slices]
    shortages = tuple(
        Shortage(kind=kind, name=name, rows=rows, needed=policy.min_rows_per_label)
        for kind, name, rows in sorted(short)
        if rows < policy.min_rows_per_label  # the others wait for what their rows share with a name that is listed
    )
    return tuple(portion for portion in left if portion.batch is None), shortages


def reason_to_wait(
    portions: Sequence[Portion], policy: IntakeConfig, *, last_finished: datetime | None, now: datetime
) -> Wait | None:
    """Why no retraining starts with these admitted portions now, or None."""
    rows = sum(portion.rows for portion in portions)
    if not rows:
        return Wait(reason="no rows to take in")
    if rows < policy.min_rows:
        return Wait(reason=f"{rows:,} rows to take in, at least {policy.min_rows:,} are needed")
    if last_finished is not None and now < (rested := last_finished + timedelta(seconds=policy.cool_down_s)):
        return Wait(reason=f"cooling down until {rested:%Y-%m-%d %H:%M:%S} UTC", until=rested)
    times = [portion.landed_at for portion in portions]
    quiet_at = max(times) + timedelta(seconds=policy.debounce_s)
    if now < (enough := min(quiet_at, min(times) + timedelta(seconds=policy.max_wait_s))):
        reason = f"data landed a moment ago; waiting for more until {enough:%Y-%m-%d %H:%M:%S} UTC"
        return Wait(reason=reason, until=enough)
    return None


def _rows_by_name(portions: Sequence[Portion]) -> tuple[Counter[str], Counter[str]]:
    labels: Counter[str] = Counter()
    slices: Counter[str] = Counter()
    for portion in portions:
        labels[portion.label] += portion.rows
        if portion.slice is not None:
            slices[portion.slice] += portion.rows
    return labels, slices
