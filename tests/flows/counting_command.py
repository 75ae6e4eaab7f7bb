"""The command line, which writes how often it read a recipe, prepared a run and hashed each file: `COUNTS ARGUMENTS...`."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNTED = Counter[str]()


def counting(function: Callable[..., Any], named: Callable[..., str]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        COUNTED[named(*arguments)] += 1
        return function(*arguments, **options)

    return counted


def main(counts: Path, arguments: list[str]) -> int:
    # Before anybody takes these functions' names over.
    from engine import digests
    from tasks.recipe import reading

    digests.file_digest = counting(digests.file_digest, lambda path: f"hash {path}")
    reading.read_mapping = counting(reading.read_mapping, lambda _path, what: f"read {what}")
    from flows import preparation

    preparation.prepare = counting(preparation.prepare, lambda *_: "prepare")
    from flows.command_line import main as command_line

    try:
        return command_line(arguments)
    finally:
        counts.write_text(json.dumps(COUNTED), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
