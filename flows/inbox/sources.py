"""Opens what a person lands: a path, or a URL that fsspec can read (file:// and s3://)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final
from urllib.parse import urlsplit

from flows.inbox.files import RefusedError, opened
from tasks.data.readers import Format, format_of, unknown_format

_PROTOCOLS: Final = ("file", "s3")


def format_of_source(source: str) -> Format:
    """The format that the suffix of a path or URL stands for. Raises RefusedError naming those there are."""
    name = PurePosixPath(urlsplit(source).path if _is_url(source) else source)
    found = format_of(name)
    if found is None:
        raise RefusedError(unknown_format(name))
    return found


@contextmanager
def open_source(source: str) -> Iterator[IO[bytes]]:
    """A path or URL for reading. Raises RefusedError with the reason where it cannot be read."""
    try:
        if _is_url(source):
            with _opened_url(source) as stream:
                yield stream
        elif "\0" in source:
            raise RefusedError("a path cannot contain NUL")
        else:
            with opened(Path(source).expanduser(), follow=True) as stream:
                yield stream
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise RefusedError(f"cannot be read: {error.strerror or error}") from error


def _is_url(source: str) -> bool:
    return "://" in source


@contextmanager
def _opened_url(source: str) -> Iterator[IO[bytes]]:
    protocol = source.partition("://")[0]
    if protocol not in _PROTOCOLS or "::" in source:
        raise RefusedError(f"{protocol}:// is not supported; give a path, file://… or s3://…")
    try:
        import fsspec

        source_file = fsspec.open(source, "rb")
    except ImportError as error:
        missing = "s3fs" if protocol == "s3" else "fsspec"
        raise RefusedError(
            f"{protocol}:// needs a package that is not installed; run: pip install {missing}"
        ) from error
    with source_file as stream:
        yield stream
