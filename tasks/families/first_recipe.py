"""A first recipe for a person's own data: each family says what it could make of them, and the one that fits best is written.

What was guessed stands behind the value that it gave, as a comment, so that a person sees what to change.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine import strict_json
from tasks.data.tables import Table
from tasks.errors import UserError
from tasks.families.family import families
from tasks.families.proposal import Line, Proposal, Wanted, quoted
from tasks.recipe.data import SplitShares
from tasks.recipe.reading import validated
from tasks.recipe.schema import RouterConfig
from tasks.recipe.yaml_text import parse_yaml
from tasks.records import operating_point_name
from tasks.statistics.attempts import attempt_level
from tasks.statistics.paired_test import most_harms, rows_needed

_PROMISES: Final = (0.01, 0.02, 0.03, 0.05, 0.1)
_PROVABLE_POINTS: Final = (0.005, 0.01, 0.02)
_COMMENT_AT: Final = 44


def first_recipe(table: Table, wanted: Wanted, *, folder: Path) -> str:
    """The YAML of a recipe that lies in `folder`. Raises UserError where no family can make anything of the table."""
    known = families()
    if wanted.family is not None and wanted.family not in known:
        raise UserError(f"must be {' or '.join(known)}, not {wanted.family!r}", field="--task")
    proposals: dict[str, Proposal] = {}
    refused: list[str] = []
    for task in [wanted.family] if wanted.family else known:
        try:
            proposals[task] = known[task].propose()(table, wanted)
        except UserError as error:
            refused.append(f"{task}: {error}")
    if not proposals:
        raise UserError("; ".join(refused), file=table.file)
    task = max(proposals, key=lambda each: proposals[each].fit)
    text = _written(table, wanted, task, proposals[task], folder)
    # What is written here is checked as what a person writes is.
    validated(known[task].recipe, _fields(text), table.file, ())
    return text


def _fields(text: str) -> dict[str, object]:
    fields = parse_yaml(text, source="the first recipe")
    assert isinstance(fields, dict)
    return fields


def _written(table: Table, wanted: Wanted, task: str, proposal: Proposal, folder: Path) -> str:
    file = Path(os.path.relpath(table.file, folder)).as_posix()
    name = (
        wanted.name or re.sub(r"[^A-Za-z0-9._-]+", "-", table.file.name.partition(".")[0]).strip("._-")[:100] or "model"
    )
    train = Line(
        "train", quoted(file), f"{table.rows:,} rows; paths are relative to this recipe, which lies in {_shown(folder)}"
    )
    delimiter = (
        [Line("delimiter", strict_json.dumps(table.delimiter), "what parts the fields")] if table.delimiter else []
    )
    lines = [
        f"# A first recipe for {file}, to be looked through: what stands behind a # is why a value is as it is.",
        *_lines([Line("name", quoted(name), "of the registered model"), Line("task", task)]),
        "data:",
        *_lines([train, *delimiter, *proposal.data], indent=2),
        "  # No file is named for validation and test: 15 % of the rows are taken for tuning, 25 % for the certificate and",
        "  # 15 % for the gates, always the same ones. Files of your own: data.validation and data.test.",
        *_lines(proposal.model),
        *_lines(_router(table.rows)),
        *_lines(
            [
                Line(
                    "targets",
                    f"[{', '.join(map(quoted, wanted.targets))}]",
                    "hardware: a file of targets/, or one of miaotui's own",
                )
            ]
        ),
        "gates:",
        *_lines(proposal.gates, indent=2),
        *_lines([Line("promotion", "{mode: auto}", "review lets a person decide")]),
    ]
    return "\n".join(lines) + "\n"


def _router(rows: int) -> list[Line]:
    """The strictest promise that so many rows can prove with a lost answer or more. Raises UserError where they prove none."""
    usual = RouterConfig()
    level = attempt_level(1 - usual.confidence, 1)
    certify = int(SplitShares().certify * rows)
    provable = [epsilon for epsilon in _PROMISES if certify >= rows_needed(epsilon, level)]
    if not provable:
        least = rows_needed(_PROMISES[-1], level)
        wanted = -(-least // SplitShares().certify)
        raise UserError(
            f"has {rows:,} rows, of which {certify:,} would be there to prove a promise: even a loss of at most "
            f"{operating_point_name(_PROMISES[-1])} needs {least}; give at least {wanted:,.0f} labelled rows"
        )
    # One that a single lost answer would undo is none to begin with.
    sound = [epsilon for epsilon in provable if most_harms(certify, 0, epsilon, level) >= 1]
    promise = sound[0] if sound else provable[-1]
    stricter = [epsilon for epsilon in _PROMISES if epsilon < promise]
    most = most_harms(certify, 0, promise, level)
    why = f"what about {certify:,} certify rows can prove with at most {most} lost answers"
    if stricter:
        needed = rows_needed(stricter[-1], level)
        why += f"; {operating_point_name(stricter[-1])} needs {needed:,} without one"
    points = sorted({promise, *(epsilon for epsilon in _PROVABLE_POINTS if certify >= rows_needed(epsilon, level))})
    shown = ", ".join(f"{point:g}" for point in points)
    return [Line("router", f"{{max_accuracy_loss: {promise:g}, operating_points: [{shown}]}}", why)]


def _shown(folder: Path) -> str:
    return "the current folder" if folder.resolve() == Path.cwd() else str(folder)


def _lines(lines: Sequence[Line], indent: int = 0) -> list[str]:
    written = []
    for line in lines:
        text = f"{' ' * indent}{line.field}: {line.value}"
        written.append(f"{text:{_COMMENT_AT}} # {line.why}" if line.why else text)
    return written
