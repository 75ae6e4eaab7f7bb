"""Datasets of the Hugging Face hub as local Parquet files, pinned to a revision and fetched once.

The file is kept beside its SHA-256; a run without network uses it again, and a damaged one is fetched anew. Scripts of a
data set are never executed: `datasets` has no support for them, and `trust_remote_code` is not passed.
"""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.digests import file_digest
from tasks.errors import UserError
from tasks.whole_files import publish, write_whole

if TYPE_CHECKING:
    import datasets
    import pyarrow

_LOCATION: Final = re.compile(
    r"hf://(?P<name>[\w.-]+/[\w.-]+|[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?:/(?P<split>[\w.-]+))?", re.ASCII
)
# Names of branches move on, so what they name today is not what they name tonight.
_MOVING: Final = frozenset({"main", "master", "HEAD"})


def fetch_hub_dataset(location: str, *, default_split: str, folder: Path) -> Path:
    """The Parquet file of `hf://OWNER/NAME@REVISION[/SPLIT]` below `folder`, fetched if it is not there.

    Class labels are written as their names. Raises UserError for a missing revision or split, and when the hub cannot
    be reached.
    """
    name, revision, split = _parse(location, default_split)
    file = folder / f"{name.replace('/', '--')}@{revision}" / f"{split}.parquet"
    digest_file = file.with_suffix(".sha256")
    if file.is_file() and digest_file.is_file() and digest_file.read_text("ascii") == file_digest(file):
        return file
    table = _table(_load(location, name, revision, split))
    try:
        _write(table, file, digest_file)
    except OSError as error:
        raise UserError(f"{location} cannot be stored in {file.parent}: {error.strerror or error}") from error
    return file


def _parse(location: str, default_split: str) -> tuple[str, str, str]:
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise UserError(f"{location} is not of the form hf://OWNER/NAME@REVISION[/SPLIT]")
    revision = match["revision"]
    if revision is None or revision in _MOVING:
        what = "names no revision" if revision is None else f"names the moving branch {revision!r}"
        raise UserError(f"{location} {what}; pin a commit or a tag, as in hf://{match['name']}@COMMIT")
    return match["name"], revision, match["split"] or default_split


def _load(location: str, name: str, revision: str, split: str) -> "datasets.Dataset":
    import datasets

    try:
        return datasets.load_dataset(name, revision=revision, split=split)
    except (ConnectionError, TimeoutError) as error:
        raise UserError(
            f"{location} cannot be reached ({_first_line(error)}); run once with network, or name local files instead"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        # datasets reports an unknown data set, revision, configuration or split, and a data set with a script, by these.
        raise UserError(f"{location} cannot be loaded: {_first_line(error)}") from error


def _table(dataset: "datasets.Dataset") -> "pyarrow.Table":
    """The columns of a data set but images and the like; class labels as names, an unlabelled row's as null.

    Lists are kept, so that several labels of a row are refused by what they are.
    """
    import datasets
    import pyarrow

    table: pyarrow.Table = dataset.with_format("arrow")[:]
    columns = {}
    for column, feature in dataset.features.items():
        if isinstance(feature, datasets.ClassLabel):
            names = [feature.names[i] if i is not None and i >= 0 else None for i in table.column(column).to_pylist()]
            columns[column] = pyarrow.chunked_array([pyarrow.array(names, type=pyarrow.string())])
        elif isinstance(feature, datasets.Value) or _is_plain_list(feature):
            columns[column] = table.column(column)
    return pyarrow.table(columns)


def _is_plain_list(feature: object) -> bool:
    import datasets

    return isinstance(feature, datasets.List | datasets.LargeList) and isinstance(
        feature.feature, datasets.Value | datasets.ClassLabel
    )


def _write(table: "pyarrow.Table", file: Path, digest_file: Path) -> None:
    import pyarrow.parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".writing-") as scratch:
        unfinished = Path(scratch) / file.name
        pyarrow.parquet.write_table(table, unfinished)
        digest = file_digest(unfinished)
        publish(unfinished, file)
    # The digest comes last: without it the file counts as unfinished.
    write_whole(digest_file, digest)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
