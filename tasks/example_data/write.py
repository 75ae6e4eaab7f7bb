"""Writes the splits of a grammar as JSON lines; each file is either complete or not there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from engine import strict_json
from tasks.errors import UserError
from tasks.example_data import function_calls
from tasks.example_data.function_calls import CallRow, generate_calls
from tasks.example_data.generate import Example, generate
from tasks.example_data.grammar import Grammar
from tasks.example_data.support_assistant import SUPPORT_ASSISTANT
from tasks.whole_files import write_whole

GRAMMARS: Final[Mapping[str, Grammar]] = {SUPPORT_ASSISTANT.name: SUPPORT_ASSISTANT}


def write_grammar(name: str, seed: int, folder: Path) -> dict[str, Path]:
    """Writes `train.jsonl`, `validation.jsonl`, `test.jsonl` and `held_back.jsonl` into `folder`; returns split → file.

    A row is an object with `text`, `label` and `domain`; one of the grammar `function-calls` has `prompt`, `completion`
    and `domain`. The bytes depend on `name` and `seed` alone. Raises UserError for an unknown name, and where `folder`
    cannot be written to.
    """
    known = (*GRAMMARS, function_calls.NAME)
    if name not in known:
        raise UserError(f"there is no grammar {name!r}; known grammars: {', '.join(sorted(known))}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        splits = _rows(name, seed)
        return {split: _write(rows, folder / f"{split}.jsonl") for split, rows in splits.items()}
    except OSError as error:
        raise UserError(f"cannot write the data of grammar {name!r}: {error.strerror}", file=folder) from error


def _rows(name: str, seed: int) -> Mapping[str, Sequence[Example | CallRow]]:
    return generate(GRAMMARS[name], seed) if name in GRAMMARS else generate_calls(seed)


def _write(rows: Sequence[Example | CallRow], file: Path) -> Path:
    lines = (strict_json.dumps(asdict(row)) for row in rows)
    write_whole(file, "".join(f"{line}\n" for line in lines))
    return file
