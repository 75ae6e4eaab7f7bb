"""What became of a case, and whether that is what was expected of it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tests.fuzz.drawn import Drawn

Kind = Literal[
    "PREPARED", "PROBED", "PASS", "FAIL", "INCONCLUSIVE", "INVALID", "USER_ERROR",
    "UNANSWERED", "INTERNAL_ERROR", "TRACEBACK", "HANG", "KILLED", "SEVERAL_LINES", "NOT_JSON",
]  # fmt: skip
GOOD: Final = ("PREPARED", "PROBED", "PASS", "FAIL", "INCONCLUSIVE", "INVALID", "USER_ERROR")
"""`PREPARED`: nothing was found wrong before the training; `PROBED`: the bundle met every probe. `UNANSWERED`: it did not."""
LONGEST_MESSAGE: Final = 700


@dataclass(frozen=True)
class Outcome:
    """`message`: the error's line. `trace`: of an internal error."""

    kind: Kind
    message: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    case: int
    commit: str
    depth: str
    family: str
    oddities: list[str]
    expected: str
    kind: str
    suspect: str
    message: str
    seconds: float


def refused(message: str) -> Outcome:
    """A person's error; SEVERAL_LINES where it is not one line that fits a screen."""
    several = "\n" in message.strip() or "Traceback" in message or len(message) > LONGEST_MESSAGE
    return Outcome("SEVERAL_LINES" if several else "USER_ERROR", message)


def suspicion(case: Drawn, outcome: Outcome) -> str:
    """Why an outcome is not what was expected; empty where it is."""
    if outcome.kind not in GOOD:
        return "not an outcome that a person can act on"
    if outcome.kind != "USER_ERROR":
        return "taken, though it cannot be used" if case.expected == "error" else ""
    if case.expected == "fine":
        return "refused, though nothing is wrong with it"
    if case.names and not any(name and name in outcome.message for name in case.names):
        return f"names none of {', '.join(case.names)}"
    return ""


def line_of(case: Drawn, outcome: Outcome, seconds: float, commit: str) -> Line:
    """The log's line of a case."""
    return Line(
        case.number,
        commit,
        case.depth,
        case.family,
        case.oddities,
        case.expected,
        outcome.kind,
        suspicion(case, outcome),
        outcome.message[:1000],
        round(seconds, 2),
    )


def not_strict(text: str, *, several: bool) -> str:
    """What is wrong with JSON output, as one document or as one a line; empty where nothing is."""
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        if not several:
            return str(error)
    else:
        return ""
    for line in text.splitlines():
        try:
            json.loads(line, parse_constant=_refuse)
        except ValueError as error:
            return f"{error}: {line[:200]}"
    return ""


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def append(log: Path, line: Line) -> None:
    """Adds a line, apart from one that a kill cut off."""
    with log.open("ab+") as stream:
        stream.seek(max(0, stream.tell() - 1))
        apart = b"\n" if stream.read(1) not in (b"", b"\n") else b""
        stream.write(apart + json.dumps(asdict(line), ensure_ascii=True).encode() + b"\n")


def read(log: Path) -> dict[int, dict[str, Any]]:
    """The last line of each case; one that a kill cut off is left out."""
    lines: dict[int, dict[str, Any]] = {}
    for text in log.read_text("utf-8").splitlines() if log.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        lines[line["case"]] = line
    return lines
