"""`miaotui --print-completion`: a shell's script that completes commands, options, recipes, files and names of targets."""

import argparse
from collections.abc import Iterator
from typing import Any, Final

import shtab

from tasks.recipe.target import OWN_TARGETS

_TARGET: Final = "target"
_BY_METAVAR: Final[dict[str, Any]] = {
    "RECIPE": shtab.glob("*.yaml", "*.yml"),
    "FILE": shtab.FILE,
    "PATH": shtab.FILE,
    "FOLDER": shtab.DIRECTORY,
    "MODEL": shtab.DIRECTORY,
}


def completion_of(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell of `shtab.SUPPORTED_SHELLS`, to be kept where that looks for it."""
    for action in _actions(parser):
        completed = _targets() if action.dest == _TARGET else _BY_METAVAR.get(str(action.metavar))
        if completed is not None:
            action.complete = completed  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _targets() -> Any:
    """Those of the project's own, and the files of the folder `targets` where the command is typed."""
    own = " ".join(sorted(file.stem for file in OWN_TARGETS.glob("*.yaml")))
    return shtab.cmd(f"echo {own}; ls targets 2>/dev/null | sed -n s/[.]yaml$//p")
