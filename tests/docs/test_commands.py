"""Every command of every page is one that its program takes."""

import argparse
import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml

from flows.command_line.main import command_parser
from tests.docs.pages import ROOT, blocks
from tests.docs.shell import Command, commands
from tests.docs.test_python_blocks import import_what_is_imported

ALL = [command for block in blocks("bash", "sh") for command in commands(block)]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_THE_SHELL = {"export", "set", ".", "exec"}
OF_THE_SYSTEM = {"curl", "kubectl", "git"}
"""Programs that are no dependency of the project; the files that are named are looked for by other tests."""


def takes_miaotui(command: Command) -> None:
    command_parser().parse_args(list(command.arguments))


def takes_python(command: Command) -> None:
    what, *arguments = command.arguments
    if what == "-m":
        assert importlib.util.find_spec(arguments[0]), f"no module {arguments[0]}"
        takes_options_of(Path(importlib.util.find_spec(arguments[0]).origin or ""), command)  # type: ignore[union-attr]
    elif what == "-c":
        import_what_is_imported(ast.parse(arguments[0]))
    else:
        assert (ROOT / what).is_file(), f"no file {what}"
        takes_options_of(ROOT / what, command)


def takes_options_of(script: Path, command: Command) -> None:
    """Options of our own scripts: all that the file adds to its parser. A standard module's are Python's business."""
    if ROOT not in script.parents:
        return
    calls = [node for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    added = {
        argument.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    assert command.options <= added


def takes_pip(command: Command) -> None:
    assert command.arguments[0] == "install"
    extras = set(PROJECT["optional-dependencies"])
    for extra in re.findall(r"(?:\.|miaotui)\[([\w,]+)\]", " ".join(command.arguments)):
        assert set(extra.split(",")) <= extras


def takes_docker(command: Command) -> None:
    """Which file and which services; docker itself is not asked."""
    files = [
        after for option, after in zip(command.arguments, command.arguments[1:], strict=False) if option == "--file"
    ]
    for name in files:
        assert (ROOT / name).is_file(), f"no file {name}"
    if command.arguments[0] == "compose" and "build" in command.arguments:
        services = yaml.safe_load((ROOT / files[0]).read_text(encoding="utf-8"))["services"]
        assert set(command.arguments[command.arguments.index("build") + 1 :]) <= set(services)


def takes_a_script(command: Command) -> None:
    path = command.arguments[0] if command.program == "bash" else command.program
    there = ROOT / path
    assert there.is_file() or (there.name == "NAME.sh" and any(there.parent.glob("*.sh"))), f"no script {path}"


def is_declared(command: Command) -> None:
    """A program of the environment that a developer has."""
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert command.program in {re.split(r"[^\w-]", requirement)[0] for requirement in wanted}


@cache
def help_of(program: str, *subcommands: str) -> str:
    asked = [str(Path(sys.executable).with_name(program)), *subcommands, "--help"]
    return subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def takes_server(command: Command) -> None:
    is_declared(command)
    subcommands = [each for each in command.arguments if re.fullmatch(r"[a-z]+", each)]
    subcommands = subcommands[: 2 if command.program == "prefect" else 1]
    said = help_of(command.program, *subcommands)
    assert not {option for option in command.options if option not in said}


LIGHT: Mapping[str, Callable[[Command], None]] = {
    "miaotui": takes_miaotui,
    "python": takes_python,
    "python3": takes_python,
    "pip": takes_pip,
    "docker": takes_docker,
    "bash": takes_a_script,
    "infra/compose/create_databases.sh": takes_a_script,
    **dict.fromkeys(("ruff", "mypy", "deptry", "pytest"), is_declared),
}
HEAVY: Mapping[str, Callable[[Command], None]] = {"prefect": takes_server, "mlflow": takes_server}


def test_commands_are_found() -> None:
    programs = {command.program for command in ALL}
    assert {"miaotui", "python", "pip", "pytest", "prefect", "docker"} <= programs
    assert programs <= {*LIGHT, *HEAVY, *OF_THE_SHELL, *OF_THE_SYSTEM}


@pytest.mark.parametrize("command", [each for each in ALL if each.program in LIGHT], ids=str)
def test_a_command_is_one_that_its_program_takes(command: Command) -> None:
    LIGHT[command.program](command)


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in ALL if each.program in HEAVY], ids=str)
def test_a_command_of_a_server_has_options_that_it_knows(command: Command) -> None:
    HEAVY[command.program](command)


def test_every_command_of_the_command_line_is_shown_in_a_page() -> None:
    (known,) = (action for action in command_parser()._actions if isinstance(action, argparse._SubParsersAction))
    shown = {command.arguments[0] for command in ALL if command.program == "miaotui"}
    assert shown == set(known.choices)
