"""The entry point: parses, runs one command, and turns every error into one line and an exit code.

0 done or PASS, 1 internal error, 2 usage, recipe or data error, 3 FAIL, 4 INCONCLUSIVE or INVALID; 130 and 141 after
Ctrl-C and a closed pipe, as shells have it.
"""

import argparse
import codecs
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TextIO

from engine.errors import EngineError
from flows.command_line import (
    bench,
    clean,
    deploy,
    down,
    fingerprint,
    history,
    init,
    land,
    predict,
    promote,
    recalibrate,
    review,
    rollback,
    run,
    status,
    sweep,
    take_in,
    up,
    verify,
)
from flows.command_line.any_order import AnyOrderParser
from flows.servers.errors import ServersError
from tasks.errors import UserError
from tasks.machine.loopback import spare_loopback

INTERNAL_ERROR: Final = 1
USER_ERROR: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

_COMMANDS: Final = (
    init,
    run,
    predict,
    bench,
    fingerprint,
    recalibrate,
    land,
    take_in,
    status,
    history,
    review,
    promote,
    rollback,
    sweep,
    verify,
    clean,
    up,
    deploy,
    down,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Usage errors exit with 2 from within argparse."""
    options = command_parser().parse_args(arguments)
    spare_loopback()
    _speak_unicode(sys.stdout, sys.stderr)
    try:
        code: int = options.execute(options)
        sys.stdout.flush()
    except (UserError, EngineError) as error:
        return _say(str(error), USER_ERROR)
    except KeyboardInterrupt:
        return _say(
            "interrupted" + ("; run it again to go on where it stopped" if options.resumes else ""), INTERRUPTED
        )
    except BrokenPipeError:
        # Nobody reads any more; without this, Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last boundary: a person gets one line, the log gets the traceback
        return _unforeseen(error)
    return code


def _speak_unicode(*streams: TextIO) -> None:
    """Texts are any language's, whatever the locale: in ASCII, UTF-8 is spoken, as Python does in the locale C."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):  # None where the descriptor is closed
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="backslashreplace")


def command_parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    parser = argparse.ArgumentParser(
        prog="miaotui",
        description="Turns a pretrained transformer and labelled data into a certified, registered fast model.",
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    parser.add_argument(
        "--print-completion",
        metavar="SHELL",
        action=_Completion,
        help="print what completes commands, recipes and targets in bash, zsh, fish, tcsh or powershell, to be kept where the "
        "shell looks for it",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=AnyOrderParser)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


class _Completion(argparse.Action):
    """Imports what it takes only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, _namespace: object, shell: object, *_: object) -> None:
        import shtab

        from flows.command_line.completion import completion_of

        if shell not in shtab.SUPPORTED_SHELLS:
            parser.error(f"argument --print-completion: must be {' or '.join(shtab.SUPPORTED_SHELLS)}, not {shell!r}")
        print(completion_of(parser, str(shell)))
        parser.exit()


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        try:
            version = metadata.version("miaotui")
        except metadata.PackageNotFoundError:
            version = "(not installed)"
        print(f"miaotui {version}")
        parser.exit()


def _unforeseen(error: Exception) -> int:
    from flows.trouble import full_disk, lacking

    try:
        log = _write_traceback(error)
    except MemoryError:
        log = None
    where = f"; the traceback is in {log}" if log else ""
    said = lacking(error) or full_disk(Path(os.environ.get("MIAOTUI_HOME") or "."), Path(tempfile.gettempdir()))
    if said is not None:
        return _say(said + where, USER_ERROR)
    if isinstance(error, ServersError):  # with the end of a log, line by line
        print(f"miaotui: {error}", file=sys.stderr)
        return INTERNAL_ERROR
    return _say(f"internal error: {type(error).__name__}: {error}{where}", INTERNAL_ERROR)


def _write_traceback(error: Exception) -> Path | None:
    """Where the traceback was written; None where even that failed, which must not hide the error itself."""
    from flows.command_line.capture import new_log
    from flows.home import Home

    try:
        log = new_log(Home.open().logs, "error")
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
    except (OSError, UserError):
        return None
    return log


def _say(message: str, code: int) -> int:
    with suppress(OSError):  # nobody may be there to read it; the exit code says it, too
        print(f"miaotui: {' '.join(message.split())}", file=sys.stderr)
    return code
