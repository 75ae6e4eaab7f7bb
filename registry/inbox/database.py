"""What has landed, who holds it, and what was taken in: tables that are changed by compare-and-swap.

Every change is one transaction that names the state it expects, and claims of one model follow one another. So of any
number who record, claim or complete the same thing at once, one does it, and a killed one has done all of it or nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from registry.inbox import trials
from registry.inbox.policy import Known, Wait, admitted, reason_to_wait
from registry.inbox.records import USED, Batch, BatchEntry, FileState, LandedFile, Portion, Use
from registry.inbox.tables import (
    BATCHES,
    DECISIONS,
    FILES,
    PORTIONS,
    PROCESSED,
    RELEASED,
    RUNNING,
    entry_of,
    file_of,
    make_tables,
    moment,
    portion_of,
    portion_values,
    stamp,
)
from registry.inbox.trials import Result, Trial
from registry.ledger import Ledger
from registry.write_points import write_point
from tasks.errors import UserError
from tasks.recipe.intake import IntakeConfig

_PORTIONS_WITH_OUTCOME: Final = select(PORTIONS, BATCHES.c.outcome).select_from(
    PORTIONS.outerjoin(BATCHES, and_(BATCHES.c.model == PORTIONS.c.model, BATCHES.c.key == PORTIONS.c.batch))
)
_MAX_KEY_CHARACTERS: Final = 250
_NOTHING: Final = Known()


class LostClaimError(Exception):
    """The batch is not this run's any more: its lease ran out, or it was completed already."""


class Inbox:
    """The landed files of all models. Times are given by the caller, aware of their zone."""

    def __init__(self, ledger: Ledger) -> None:
        """Opens nothing; the tables are made on first use in the database that the ledger is, or would be, in."""
        self._ledger: Final = ledger
        self._ready = False

    # ------------------------------------------------------------ landing

    def receive(self, file: LandedFile) -> bool:
        """Record that a file's bytes are stored; False where they were known already.

        A file that was quarantined as a whole is judged anew when it comes again: it may have got another suffix.
        """
        values = file.model_dump(mode="json") | {"received_at": stamp(file.received_at), "announced_at": None}
        write_point("record a received file")
        try:
            with self._begin() as connection:
                connection.execute(insert(FILES).values(**values))
        except IntegrityError:
            again = {name: values[name] for name in ("state", "format", "name", "reason", "quarantined")}
            return self._change_file(file.model, file.sha256, FileState.QUARANTINED, again)
        return True

    def judge(
        self, model: str, sha256: str, *, portions: Sequence[Portion], quarantined: int, reason: str | None = None
    ) -> bool:
        """Record what became of a received file: its good rows by label and slice, or `reason` where none is good.

        False where somebody else was faster.
        """
        state = FileState.LANDED if portions else FileState.QUARANTINED
        rows = sum(portion.rows for portion in portions)
        values = {"state": state.value, "rows": rows, "quarantined": quarantined, "reason": reason}
        rows_of_portions = [portion_values(model, portion) for portion in portions]
        write_point("record a judged file")
        return self._change_file(model, sha256, FileState.RECEIVED, values, rows_of_portions)

    def judge_anew(self, model: str) -> bool:
        """Forget what became of all files, so that each is judged again; False where rows of some are in use."""
        with self._alone(model), self._begin() as connection:
            if any(entry.running or entry.processed for entry in _entries(connection, model)):
                return False
            write_point("judge all files anew")
            connection.execute(delete(PORTIONS).where(PORTIONS.c.model == model))
            unknown = {"state": FileState.RECEIVED.value, "rows": 0, "quarantined": 0, "reason": None}
            connection.execute(update(FILES).where(FILES.c.model == model).values(**unknown))
        return True

    def mark_announced(self, model: str, sha256: str, *, now: datetime) -> None:
        """Record that the event of its landing was accepted."""
        write_point("record an announcement")
        with self._begin() as connection:
            chosen = and_(FILES.c.model == model, FILES.c.sha256 == sha256, FILES.c.announced_at.is_(None))
            connection.execute(update(FILES).where(chosen).values(announced_at=stamp(now)))

    # ------------------------------------------------------------ reading

    def files(self, model: str, *, sha256: str | None = None) -> tuple[LandedFile, ...]:
        """All files of a model in the order in which they came, or the one with a digest."""
        with self._begin() as connection:
            query = select(FILES).where(FILES.c.model == model).order_by(FILES.c.received_at, FILES.c.sha256)
            rows = connection.execute(query if sha256 is None else query.where(FILES.c.sha256 == sha256)).all()
            by_file: dict[str, list[Portion]] = {}
            for portion in _portions(connection, model):
                by_file.setdefault(portion.sha256, []).append(portion)
        return tuple(file_of(row, by_file.get(row.sha256, [])) for row in rows)

    def models(self) -> tuple[str, ...]:
        """The names of all models with a file, sorted."""
        with self._begin() as connection:
            return tuple(connection.scalars(select(FILES.c.model).distinct().order_by(FILES.c.model)))

    def portions(self, model: str) -> tuple[Portion, ...]:
        """The good rows of all files of a model, by label and slice."""
        with self._begin() as connection:
            return _portions(connection, model)

    # ------------------------------------------------------------ claiming

    def claim_batch(
        self,
        model: str,
        key: str,
        *,
        policy: IntakeConfig,
        now: datetime,
        known: Known = _NOTHING,
        suffice: bool = False,
    ) -> Batch | Wait:
        """All that may be taken in now, claimed for the run with this idempotency key, or why there is nothing.

        `suffice`: the rows are enough however few they are. A run that asks again gets the same batch, its lease renewed.
        Raises UserError for a key that cannot be stored.
        """
        if not key or len(key) > _MAX_KEY_CHARACTERS or not key.isprintable():
            raise UserError(f"a key is 1 to {_MAX_KEY_CHARACTERS} printable characters, not {key[:60]!r}", field="key")
        lease_until = now + timedelta(seconds=policy.lease_s)
        with self._alone(model), self._begin() as connection:
            _release_expired(connection, model, now)
            batches = {row.key: row for row in connection.execute(select(BATCHES).where(BATCHES.c.model == model))}
            mine = batches.get(key)
            if mine is not None and mine.outcome == PROCESSED:
                return Wait(reason=f"the run {key} has taken in its batch already")
            if mine is not None and mine.outcome == RUNNING:
                connection.execute(_batch(model, key).values(lease_until=stamp(lease_until)))
                return Batch(model=model, key=key, lease_until=lease_until, portions=_held(connection, model, key))
            running = next((row for row in batches.values() if row.outcome == RUNNING), None)
            if running is not None:
                lease = datetime.fromisoformat(running.lease_until)
                reason = f"the run {running.key} works on a batch until {lease:%Y-%m-%d %H:%M:%S} UTC"
                return Wait(reason=reason, until=lease)
            chosen, shortages = admitted(_portions(connection, model), known, policy)
            finished = [time for row in batches.values() if (time := moment(row.finished_at)) is not None]
            wanted = policy.model_copy(update={"min_rows": 1}) if suffice else policy
            wait = reason_to_wait(chosen, wanted, last_finished=max(finished, default=None), now=now)
            if wait is not None:
                return wait.model_copy(update={"shortages": shortages})
            write_point("claim a batch")
            times = {"claimed_at": stamp(now), "lease_until": stamp(lease_until)}
            values = times | {"finished_at": None, "outcome": RUNNING}
            connection.execute(
                insert(BATCHES).values(model=model, key=key, **values)
                if mine is None
                else _batch(model, key).values(**values)
            )
            for portion in chosen:
                connection.execute(update(PORTIONS).where(_is(model, portion)).values(batch=key))
            held = _held(connection, model, key)
        return Batch(model=model, key=key, lease_until=lease_until, portions=held)

    def decide(self, model: str, key: str, use: Use, *, now: datetime) -> Use:
        """Record what a running batch is good for, and return what stands: the first decision does.

        Raises LostClaimError where the batch is not this run's any more.
        """
        with self._alone(model), self._begin() as connection:
            mine = next((entry for entry in _entries(connection, model) if entry.key == key), None)
            if mine is None or not mine.running:
                raise LostClaimError(f"{key} holds no batch of {model}")
            if mine.use is not None:
                return mine.use
            write_point("decide on a batch")
            values = {"model": model, "key": key, "use": use.value, "decided_at": stamp(now)}
            connection.execute(insert(DECISIONS).values(**values))
        return use

    def renew(self, model: str, key: str, *, policy: IntakeConfig, now: datetime) -> None:
        """Give a running batch its full lease again; one that is not this run's any more is left alone."""
        mine = and_(_is_batch(model, key), BATCHES.c.outcome == RUNNING)
        with self._begin() as connection:
            until = stamp(now + timedelta(seconds=policy.lease_s))
            connection.execute(update(BATCHES).where(mine).values(lease_until=until))

    def batches(self, model: str) -> tuple[BatchEntry, ...]:
        """All batches that were ever claimed, in the order of their last claim."""
        with self._begin() as connection:
            return _entries(connection, model)

    def complete(self, model: str, key: str, *, ok: bool, now: datetime, result: Result | None = None) -> bool:
        """End a batch: its rows are processed, or, if not `ok`, given back for a later run, after the cool-down.

        `result`: what the trial came to that was begun with it; both are on record, or neither is.

        False where it was completed so before. Raises LostClaimError where it is not this run's any more.
        """
        with self._alone(model), self._begin() as connection:
            mine = connection.execute(select(BATCHES).where(_is_batch(model, key))).one_or_none()
            wanted = PROCESSED if ok else RELEASED
            if mine is not None and mine.outcome == wanted:
                return False
            if mine is None or mine.outcome != RUNNING:
                raise LostClaimError(f"{key} holds no batch of {model}" + (f": {mine.outcome}" if mine else ""))
            write_point("complete a batch")
            begun = next((each for each in trials.of_model(connection, model) if each.batch == key), None)
            if result is not None and begun is not None:
                trials.end(connection, model, begun, result, now)
            _end(connection, model, key, wanted, now)
        return True

    def release_expired(self, model: str, *, now: datetime) -> tuple[str, ...]:
        """Give back what dead runs hold; the keys of those whose lease has run out."""
        with self._alone(model), self._begin() as connection:
            return _release_expired(connection, model, now)

    # ------------------------------------------------------------ what came of it

    def begin_trial(self, model: str, batch: str, use: Use, *, now: datetime) -> Trial:
        """Record that a run with the rows up to `batch` begins; one that was cut off is gone on with."""
        with self._alone(model), self._begin() as connection:
            return trials.begin(connection, model, batch, use, now)

    def end_trial(self, model: str, trial: Trial, result: Result, *, now: datetime) -> None:
        """Record what a trial came to, once."""
        with self._alone(model), self._begin() as connection:
            write_point("end a trial")
            trials.end(connection, model, trial, result, now)

    def note_trial(self, model: str, result: Result, *, now: datetime) -> bool:
        """Record what a run of the recipe came to that was not begun as a trial; False where no landed row is in use, or
        where it is known."""
        with self._alone(model), self._begin() as connection:
            used = [entry for entry in _entries(connection, model) if entry.processed and entry.use in USED]
            if not used or used[-1].use is None:
                return False
            return trials.note(connection, model, used[-1].key, used[-1].use, result, now)

    def trials(self, model: str) -> tuple[Trial, ...]:
        """What the runs with landed rows came to, in their order."""
        with self._begin() as connection:
            return trials.of_model(connection, model)

    # ------------------------------------------------------------ the database

    def _change_file(
        self, model: str, sha256: str, expected: FileState, values: dict[str, Any], portions: Sequence[Any] = ()
    ) -> bool:
        """Compare-and-swap of a file's state, its portions with it."""
        chosen = and_(FILES.c.model == model, FILES.c.sha256 == sha256, FILES.c.state == expected.value)
        with self._begin() as connection:
            if connection.execute(update(FILES).where(chosen).values(**values)).rowcount != 1:
                return False
            if portions:
                connection.execute(insert(PORTIONS), list(portions))
        return True

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        engine = self._ledger.engine
        if not self._ready:
            with self._alone("tables"), engine.begin() as connection:
                make_tables(connection)
            self._ready = True
        with engine.begin() as connection:
            yield connection

    @contextmanager
    def _alone(self, model: str) -> Iterator[None]:
        with self._ledger.exclusive(f"inbox/{model}"):
            yield


def _is(model: str, portion: Portion) -> Any:
    return and_(
        PORTIONS.c.model == model,
        PORTIONS.c.sha256 == portion.sha256,
        PORTIONS.c.label == portion.label,
        PORTIONS.c.slice == (portion.slice or ""),
        PORTIONS.c.batch.is_(None),
    )


def _is_batch(model: str, key: str) -> Any:
    return and_(BATCHES.c.model == model, BATCHES.c.key == key)


def _batch(model: str, key: str) -> Any:
    return update(BATCHES).where(_is_batch(model, key))


def _portions(connection: Connection, model: str) -> tuple[Portion, ...]:
    order = (PORTIONS.c.landed_at, PORTIONS.c.sha256, PORTIONS.c.label, PORTIONS.c.slice)
    query = _PORTIONS_WITH_OUTCOME.where(PORTIONS.c.model == model).order_by(*order)
    return tuple(portion_of(row) for row in connection.execute(query))


def _held(connection: Connection, model: str, key: str) -> tuple[Portion, ...]:
    return tuple(portion for portion in _portions(connection, model) if portion.batch == key)


def _entries(connection: Connection, model: str) -> tuple[BatchEntry, ...]:
    decided = and_(DECISIONS.c.model == BATCHES.c.model, DECISIONS.c.key == BATCHES.c.key)
    query = select(BATCHES, DECISIONS.c.use).select_from(BATCHES.outerjoin(DECISIONS, decided))
    of_model = query.where(BATCHES.c.model == model).order_by(BATCHES.c.claimed_at, BATCHES.c.key)
    return tuple(entry_of(row) for row in connection.execute(of_model))


def _end(connection: Connection, model: str, key: str, outcome: str, finished_at: datetime | None) -> None:
    connection.execute(_batch(model, key).values(outcome=outcome, finished_at=finished_at and stamp(finished_at)))
    if outcome == RELEASED:
        held = and_(PORTIONS.c.model == model, PORTIONS.c.batch == key)
        connection.execute(update(PORTIONS).where(held).values(batch=None))
        # With other rows the same run may decide otherwise.
        connection.execute(delete(DECISIONS).where(and_(DECISIONS.c.model == model, DECISIONS.c.key == key)))
        trials.drop_unfinished(connection, model, key)


def _release_expired(connection: Connection, model: str, now: datetime) -> tuple[str, ...]:
    expired = and_(BATCHES.c.model == model, BATCHES.c.outcome == RUNNING, BATCHES.c.lease_until <= stamp(now))
    keys = tuple(connection.scalars(select(BATCHES.c.key).where(expired).order_by(BATCHES.c.key)))
    for key in keys:
        write_point("release a dead run's batch")
        _end(connection, model, key, RELEASED, None)  # a dead run is no reason to cool down
    return keys
