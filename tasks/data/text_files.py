"""Opens text files of rows: UTF-8 with or without a byte order mark, plain or compressed with gzip, whatever they are called.

Of a compressed file the content tells, not the name, so that a file that landed under another name is read alike. Bytes
that are no UTF-8 are kept as lone surrogates, so that a wrong encoding is the reason of its row and not of its file.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, TextIO, cast

from tasks.errors import UserError

_BEGINNING: Final = 64
_BLOCK_BYTES: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_UTF16: Final = "is UTF-16 or UTF-32; save it as UTF-8 (in Excel: CSV UTF-8)"
_WORKBOOK: Final = "save the sheet with the rows as CSV UTF-8"

# What files are that have been given the suffix of a text file, by their first bytes.
_NO_TEXT: Final = (
    (codecs.BOM_UTF16_LE, _UTF16),
    (codecs.BOM_UTF16_BE, _UTF16),
    (codecs.BOM_UTF32_BE, _UTF16),
    (b"PK\x03\x04", f"is a ZIP archive or an Excel workbook, whatever its name says; unpack it, or {_WORKBOOK}"),
    (b"\xd0\xcf\x11\xe0", f"is an old Excel workbook, whatever its name says; {_WORKBOOK}"),
    (b"PAR1", "is a Parquet file; give it the suffix .parquet"),
    (b"ARROW1", "is an Arrow or Feather file; write it as .parquet"),
    (b"BZh", "is compressed with bzip2; unpack it, or use gzip"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed with Zstandard; unpack it, or use gzip"),
    (_GZIP, "is compressed twice; unpack it once"),
    (b"SQLite format 3", "is a SQLite database; write its rows as .csv or .jsonl"),
)


@contextmanager
def opened_text(path: Path, location: str, *, newline: str | None = None) -> Iterator[TextIO]:
    """The text of a file; `newline` as `open` takes it.

    Raises UserError for what is no text, and for a compressed file that is broken or cut off; OSError where it cannot be read.
    """
    with _unpacked(path, location) as stream:
        _refuse_other_kinds(stream.peek(_BEGINNING)[:_BEGINNING], location)
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def unpacked_size(path: Path, location: str, *, at_most: int) -> int:
    """Bytes of a file's text, unpacked where it is compressed; counted no further than to just above `at_most`.

    Raises as `opened_text`.
    """
    size = 0
    with _unpacked(path, location) as stream:
        while size <= at_most and (block := stream.read(_BLOCK_BYTES)):
            size += len(block)
    return size


def is_compressed(stream: IO[bytes]) -> bool:
    """Whether the bytes at a file's beginning are gzip's; the stream stands at its beginning again."""
    beginning = stream.read(len(_GZIP))
    stream.seek(0)
    return beginning == _GZIP


@contextmanager
def _unpacked(path: Path, location: str) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as raw:
            if is_compressed(raw):
                yield io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=raw, mode="rb")))
            else:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"is compressed and broken or cut off: {error}", file=location) from error


def _refuse_other_kinds(beginning: bytes, location: str) -> None:
    for magic, what in _NO_TEXT:
        if beginning.startswith(magic):
            raise UserError(what, file=location)
    # UTF-16 without a mark: of Latin letters every second byte is zero.
    halves = beginning[0::2], beginning[1::2]
    if len(beginning) >= 8 and any(not any(half) for half in halves):
        raise UserError(_UTF16, file=location)
