"""What the commands that change or read the registry have in common."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.errors import UserError
from tasks.machine.waiting import waiting_for

if TYPE_CHECKING:
    from registry.registrar import Registrar

T = TypeVar("T")


def with_registrar(command: str, action: "Callable[[Registrar], T]") -> T:
    """What `action` returns; what libraries print meanwhile goes to the command's log."""
    from flows.command_line.capture import captured_output, new_log
    from flows.home import Home

    home = Home.open()
    with captured_output(new_log(home.logs, command)):
        from registry.registrar import Registrar

        registrar = Registrar.of_home(home.folder)
        if not registrar.store.exists:
            raise UserError("nothing is registered yet; run a recipe first", file=home.folder)
        with waiting_for(f"MLflow at {registrar.store.shown}"):
            return action(registrar)


def add_version(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """NAME and VERSION."""
    parser.add_argument("name", metavar="NAME", help="the registered model")
    options: dict[str, Any] = {"nargs": "?"} if optional else {}
    parser.add_argument("version", metavar="VERSION", type=int, help="the version's number", **options)
