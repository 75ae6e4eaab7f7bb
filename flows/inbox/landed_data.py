"""What has landed for a model, as sources of its snapshots: which rows it is trained on, and which it is judged by besides.

It follows from the inbox alone. A batch that called for retraining brings itself and all before it into the training; one
that called for recalibration brings itself and all before it into what the router is calibrated and judged by. So every
run of the recipe, nightly or by hand, makes the same model of the same landed data, and finds it made already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.home import Home
from flows.inbox.batches import row_files
from flows.inbox.files import InboxFolders
from flows.inbox.landing import open_inbox
from flows.inbox.rows import Columns, remembered_columns
from registry.inbox import BatchEntry, Portion, Use
from tasks.data.sources import Source
from tasks.errors import UserError
from tasks.recipe.data import AnyData


@dataclass(frozen=True)
class LandedData:
    """`trained`: what the model is trained on. `judged`: what the router is calibrated and judged by besides.

    `since`: all of the batches after those that were used, with the one that is worked on: what drift is looked for in.
    `waiting`: what no run has claimed yet.
    """

    trained: tuple[Source, ...] = ()
    judged: tuple[Source, ...] = ()
    since: tuple[Source, ...] = ()
    waiting: tuple[Source, ...] = ()


def landed_data(home: Home, name: str, config: AnyData) -> LandedData:
    """Raises UserError where the rows that landed are read by other columns than the recipe's."""
    folders = InboxFolders.of(home, name)
    if not folders.landed.is_dir():
        return LandedData()
    with open_inbox(home) as inbox:
        batches = [entry for entry in inbox.batches(name) if entry.running or entry.processed]
        portions = inbox.portions(name)
    columns = remembered_columns(folders)
    if batches and not columns.same_rows(Columns.of(config)):
        raise UserError(
            f"the rows that landed for {name} have the columns {', '.join(columns.names)} and texts of at most "
            f"{columns.max_characters:,} characters; let the recipe's data section say the same, or rename the recipe",
            field="data",
        )
    trained = _until_last(batches, {Use.RETRAIN})
    judged = max(trained, _until_last(batches, {Use.RETRAIN, Use.RECALIBRATE}))

    def sources(chosen: Sequence[BatchEntry]) -> tuple[Source, ...]:
        keys = {entry.key for entry in chosen}
        return _sources(folders, columns, [portion for portion in portions if portion.batch in keys], portions)

    return LandedData(
        trained=sources(batches[:trained]),
        judged=sources(batches[trained:judged]),
        since=sources(batches[judged:]),
        waiting=_sources(folders, columns, [portion for portion in portions if portion.batch is None], portions),
    )


def _until_last(batches: Sequence[BatchEntry], uses: set[Use]) -> int:
    """How many batches there are up to the last that is put to one of these uses."""
    return max((number for number, entry in enumerate(batches, start=1) if entry.use in uses), default=0)


def _sources(
    folders: InboxFolders, columns: Columns, chosen: Sequence[Portion], portions: Sequence[Portion]
) -> tuple[Source, ...]:
    return tuple(
        Source.of("landed", str(file.relative_to(folders.home)), file, "jsonl")
        for file in row_files(folders, columns, chosen, portions)
    )
