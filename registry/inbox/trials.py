"""What the runs with landed rows came to, one after the other: the record of an outcome until it is settled.

A trial is begun before its run and ended with it, so that one that was cut off is gone on with and counts once. The last one
tells where a model stands.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.engine import Row

from registry.checks import Outcome
from registry.inbox.records import Use
from registry.inbox.tables import TRIALS, moment, stamp
from registry.missing import Missing
from registry.write_points import write_point
from tasks.artifact import Record

_MISSING: Final = TypeAdapter(tuple[Missing, ...])


class Result(Record):
    """What a trial came to: a `verdict`, None where an error ended it; what would settle it; one sentence.

    `evidence`: digest of what the verdict rests on, so that a run that finds everything done is not counted again.
    """

    verdict: Outcome | None
    missing: tuple[Missing, ...] = ()
    sentence: str = ""
    evidence: str = ""


class Trial(Record):
    """The run number `number` (from 1) of those that were made of the landed rows up to `batch`, put to `use`.

    `result` is None while it goes on.
    """

    batch: str
    number: int
    use: Use
    began_at: datetime
    ended_at: datetime | None = None
    result: Result | None = None

    def ended(self, result: Result, at: datetime) -> "Trial":
        """The same with what it came to."""
        return self.model_copy(update={"result": result, "ended_at": at})


def begin(connection: Connection, model: str, batch: str, use: Use, now: datetime) -> Trial:
    """The next trial of a batch, or the one that goes on."""
    known = of_model(connection, model)
    if known and known[-1].batch == batch and known[-1].result is None:
        return known[-1]
    trial = Trial(batch=batch, number=1 + _count(known, batch), use=use, began_at=now)
    write_point("begin a trial")
    _insert(connection, model, trial)
    return trial


def end(connection: Connection, model: str, trial: Trial, result: Result, now: datetime) -> None:
    """Ends a trial that goes on; one that was ended before stays as it is."""
    mine = and_(_of(model), TRIALS.c.batch == trial.batch, TRIALS.c.number == trial.number, TRIALS.c.ended_at.is_(None))
    connection.execute(update(TRIALS).where(mine).values(**_values(result), ended_at=stamp(now)))


def note(connection: Connection, model: str, batch: str, use: Use, result: Result, now: datetime) -> bool:
    """Records a run that nobody began as a trial; False where it came to nothing that is not on record.

    It ends the trial that goes on with these rows, if there is one.
    """
    known = of_model(connection, model)
    last = known[-1] if known else None
    if last is not None and last.batch == batch and last.result is not None:
        if last.result.evidence == result.evidence and last.result.verdict is result.verdict:
            return False
        last = None
    if last is None or last.batch != batch:
        last = Trial(batch=batch, number=1 + _count(known, batch), use=use, began_at=now)
        write_point("note a trial")
        _insert(connection, model, last)
    end(connection, model, last, result, now)
    return True


def drop_unfinished(connection: Connection, model: str, batch: str) -> None:
    """Forgets the trial of a batch that is given back."""
    connection.execute(delete(TRIALS).where(and_(_of(model), TRIALS.c.batch == batch, TRIALS.c.ended_at.is_(None))))


def of_model(connection: Connection, model: str) -> tuple[Trial, ...]:
    """All of them in the order in which they began."""
    query = select(TRIALS).where(_of(model)).order_by(TRIALS.c.began_at, TRIALS.c.batch, TRIALS.c.number)
    return tuple(_trial(row) for row in connection.execute(query))


def _of(model: str) -> Any:
    return TRIALS.c.model == model


def _count(known: Sequence[Trial], batch: str) -> int:
    return sum(trial.batch == batch for trial in known)


def _insert(connection: Connection, model: str, trial: Trial) -> None:
    fields = {"model": model, "batch": trial.batch, "number": trial.number, "use": trial.use.value}
    connection.execute(insert(TRIALS).values(**fields, began_at=stamp(trial.began_at)))


def _values(result: Result) -> dict[str, Any]:
    return {
        "verdict": None if result.verdict is None else result.verdict.value,
        "missing": _MISSING.dump_json(result.missing).decode(),
        "sentence": result.sentence,
        "evidence": result.evidence,
    }


def _trial(row: Row[Any]) -> Trial:
    ended_at = moment(row.ended_at)
    result = None
    if ended_at is not None:
        verdict = None if row.verdict is None else Outcome(row.verdict)
        missing = _MISSING.validate_json(row.missing)
        result = Result(verdict=verdict, missing=missing, sentence=row.sentence, evidence=row.evidence)
    began_at = datetime.fromisoformat(row.began_at)
    return Trial(
        batch=row.batch, number=row.number, use=Use(row.use), began_at=began_at, ended_at=ended_at, result=result
    )
