"""`miaotui predict`: answers texts or completes prompts, from the arguments or line by line from standard input."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine import strict_json
from engine.errors import InputError
from flows.command_line import models
from flows.command_line.schema_file import schema_text
from tasks.errors import UserError
from tasks.hints import excerpt, listed, quote

if TYPE_CHECKING:
    from engine import AdaptiveModel, Prediction


@dataclass(frozen=True)
class Request:
    """One text to answer, or why there is none; `row` counts from 1."""

    row: int
    text: str | None
    problem: str | None = None


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "predict",
        help="answer texts or complete prompts",
        description="Answers each TEXT, or completes it where MODEL is a generator; without one, each line of standard "
        "input: plain text, a JSON string, or a JSON object with the text in a column.",
    )
    parser.add_argument("model", metavar="MODEL", help=models.HELP)
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="texts to answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object per text")
    parser.add_argument(
        "--text-column", default="text", metavar="NAME", help="the column of the texts or prompts in JSON lines"
    )
    parser.add_argument(
        "--max-new-tokens", type=int, metavar="N", help="of a completion at most; else as the bundle says"
    )
    parser.add_argument(
        "--schema", type=Path, metavar="FILE", help="a JSON schema that completions are made to keep to"
    )
    parser.add_argument("--operating-point", metavar="NAME", help="another certified operating point of the bundle")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Answers every row; one that cannot be answered does not stop the others, but the exit code is 2 then."""
    folder = models.bundle_folder(options.model)
    from engine import AdaptiveModel

    model = AdaptiveModel.load(folder, operating_point=options.operating_point)
    wishes = _wishes(model, options)
    if options.texts:
        requests: Iterator[Request] = (Request(row, text) for row, text in enumerate(options.texts, start=1))
    else:
        if sys.stdin is None:
            raise UserError("there is no standard input to read texts from; give them as arguments")
        if sys.stdin.isatty():
            print("one text per line; Ctrl-D ends", file=sys.stderr)
        requests = read_requests(sys.stdin.buffer, options.text_column)
    failed = 0
    for request in requests:
        failed += not _answer(model, request, wishes, as_json=options.json)
    return 2 if failed else 0


def _wishes(model: "AdaptiveModel", options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of completions beyond the prompt. UserError where the model makes none, or the wish cannot be met."""
    wishes: dict[str, Any] = {}
    if options.max_new_tokens is not None:
        wishes["max_new_tokens"] = options.max_new_tokens
    if options.schema is not None:
        wishes["schema"] = schema_text(options.schema)
    if not wishes:
        return wishes
    if not model.writes_text:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in wishes)
        raise UserError(f"{options.model} is a classifier, which makes no tokens; leave out {named}")
    try:
        model.predict([], **wishes)
    except InputError as error:
        raise UserError(str(error)) from error
    return wishes


def read_requests(stream: BinaryIO, column: str) -> Iterator[Request]:
    """One request per line that is not blank, as the lines come."""
    for row, line in enumerate(iter(stream.readline, b""), start=1):
        content = line.removeprefix(b"\xef\xbb\xbf") if row == 1 else line
        if content.strip():
            try:
                yield Request(row, _text_of(content.decode("utf-8").strip("\r\n"), column))
            except UnicodeDecodeError:
                yield Request(row, None, "is not UTF-8")
            except UserError as error:
                yield Request(row, None, str(error))


def _text_of(line: str, column: str) -> str:
    """The text in a line. Only a line that begins as a JSON object or string is read as JSON.

    Raises UserError for JSON without a text in the column, and for a JSON array, whose lines are no texts.
    """
    begun = line.lstrip()
    if begun.startswith("[") and begun[1:].lstrip()[:1] in ("", "{"):
        raise UserError("is (the beginning of) a JSON array; give one JSON object per line")
    if not begun.startswith(("{", '"')):
        return line
    try:
        value = strict_json.loads(line)
    except (ValueError, RecursionError) as error:
        if begun.startswith("{"):
            raise UserError("is broken JSON") from error
        return line  # plain text may well begin with a quotation
    if not isinstance(value, dict):
        return str(value)
    if column not in value:
        raise UserError(f"has no field {column!r}; its fields are {listed(value)} (name one with --text-column)")
    if not isinstance(value[column], str):
        raise UserError(f"the field {column!r} is not text: {quote(excerpt(value[column]))}")
    return value[column]


def _answer(model: "AdaptiveModel", request: Request, wishes: Mapping[str, Any], *, as_json: bool) -> bool:
    try:
        if request.text is None:
            raise InputError(request.problem)
        prediction = model.predict(request.text, **wishes)[0]
        if prediction.error is not None:
            raise InputError(prediction.error.removeprefix("row 0: "))
    except InputError as error:
        print(f"miaotui: row {request.row}: {error}", file=sys.stderr, flush=True)
        if as_json:
            _print({"row": request.row, "error": str(error)})
        return False
    if as_json:
        _print({"text": request.text} | prediction.document())
    else:
        print(_line(prediction), flush=True)
    return True


def _print(document: dict[str, object]) -> None:
    # A lone surrogate in a text would make UTF-8 fail half-way through the output.
    text = strict_json.dumps(document).encode("utf-8", "backslashreplace").decode()
    print(text, flush=True)


def _line(prediction: "Prediction") -> str:
    label = "(out of scope)" if prediction.abstained else prediction.label
    return f"{label}\t{prediction.confidence:.3f}\t{prediction.path}\t{prediction.cost_ms:.2f} ms"
