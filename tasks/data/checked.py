"""Reads sources and checks every record: rows with their places, rejected records with their reasons."""

from collections.abc import Callable, Iterator, Sequence

from tokenizers import Tokenizer

from tasks.data.readers import read_records
from tasks.data.sources import Source
from tasks.data.tokens import check_tokens
from tasks.data.validation import Placed, Rejected, check_record, check_special_tokens
from tasks.errors import UserError
from tasks.recipe.data import AnyData
from tasks.records import SourceFile


def read_checked(
    config: AnyData,
    sources: Sequence[Source],
    progress: Callable[..., None],
    special_tokens: Sequence[str] = (),
    tokenizer: Tokenizer | None = None,
) -> tuple[list[Placed], list[Rejected], tuple[SourceFile, ...]]:
    """All rows and rejected records of all sources, and per source how many there were (rejected ones included).

    `special_tokens`: of the model's tokenizer, which no row may spell out. `tokenizer`: the base model's, where there is one.
    """
    placed: list[Placed] = []
    rejected: list[Rejected] = []
    files = []
    for number, source in enumerate(sources):
        progress(f"reading {source.location}", 0.5 * number / len(sources))
        before = len(placed), len(rejected)
        for checked in checked_records(config, source, special_tokens, tokenizer):
            if isinstance(checked, Placed):
                placed.append(checked)
            else:
                rejected.append(checked)
        if not source.unchanged:
            raise UserError("changed while the run was starting; run again once it is complete", file=source.location)
        usable, bad = len(placed) - before[0], len(rejected) - before[1]
        files.append(SourceFile(location=source.location, sha256=source.sha256, rows=usable + bad, quarantined=bad))
    return placed, rejected, tuple(files)


def checked_records(
    config: AnyData, source: Source, special_tokens: Sequence[str] = (), tokenizer: Tokenizer | None = None
) -> Iterator[Placed | Rejected]:
    """What becomes of each record of a source, as they come. `special_tokens`, `tokenizer`: as in `read_checked`."""
    columns = [config.text_column, config.label_column, *([config.slice_column] if config.slice_column else [])]
    for record in read_records(
        source.path, source.format, columns, location=source.location, delimiter=config.delimiter
    ):
        checked = check_record(record, config, role=source.role, source=source.location)
        if isinstance(checked, Placed):
            checked = check_special_tokens(checked, special_tokens)
        if isinstance(checked, Placed) and tokenizer is not None:
            checked = check_tokens(checked, tokenizer, config)
        yield checked
