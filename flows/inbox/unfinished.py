"""Whether a file that nobody writes to any more seems to be cut off all the same, told by its last bytes."""

import codecs
import gzip
import json
import os
import zlib
from typing import IO, Final

from tasks.data.readers import Format
from tasks.data.text_files import is_compressed

_BLOCK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 64
_TAIL_BYTES: Final = 1 << 16
_PARQUET_MAGIC: Final = b"PAR1"


def seems_unfinished(stream: IO[bytes], file_format: Format) -> bool:
    """Reads the end and goes back to the beginning. An empty file is unfinished: it has been made and not written."""
    if is_compressed(stream):
        return not _is_whole_archive(stream)
    head = stream.read(_HEAD_BYTES)
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL_BYTES))
    tail = stream.read()
    stream.seek(0)
    if not tail:
        return True
    if file_format == "parquet":
        return not tail.endswith(_PARQUET_MAGIC)
    if file_format == "jsonl" and head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"[":
        return not tail.rstrip().endswith(b"]")
    if tail.endswith((b"\n", b"\r")):
        return False
    # The last line break may have been left out on purpose: whole JSON tells, a CSV cannot.
    return file_format == "csv" or not _is_json(tail.rpartition(b"\n")[2])


def _is_whole_archive(stream: IO[bytes]) -> bool:
    """Whether it unpacks to its end, where gzip has a checksum; the stream stands at its beginning again."""
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as text:
            while text.read(_BLOCK_BYTES):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    finally:
        stream.seek(0)
    return True


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
