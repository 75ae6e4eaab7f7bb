"""`miaotui status`: champion, challenger and the last verdicts of the registered models, and what has landed for them."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from engine import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.text import Text

    from flows.inbox.status import LandedStatus
    from registry.status import ModelStatus
    from registry.versions import RegisteredVersion


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "status",
        help="show what is registered and what has landed",
        description="Shows champion, challenger, the last verdicts, and what has landed.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="one registered model; without it, all")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(execute=execute, resumes=False)


def execute(options: argparse.Namespace) -> int:
    """Reads the registry; nothing is made where there is none."""
    from flows.command_line.capture import captured_output, new_log
    from flows.command_line.console import console_for
    from flows.home import Home

    home = Home.open()
    with captured_output(new_log(home.logs, "status")):
        from flows.inbox.status import read_landed
        from registry.status import read_status
        from registry.store import MlflowStore

        landed = read_landed(home, options.name)
        # Data may land for a model before its first run has registered anything.
        models = read_status(MlflowStore.of_home(home.folder), None if options.name in landed else options.name)
        models = tuple(model for model in models if options.name in (None, model.name))
    if options.json:
        documents = {model.name: model.as_json() for model in models}
        for name, entry in landed.items():
            documents.setdefault(name, {"name": name})["landed"] = entry.as_json()
        print(strict_json.dumps(list(documents.values()), indent=1))
    else:
        print_status(console_for(sys.stdout), models, landed)
    return 0


def print_status(console: "Console", models: "tuple[ModelStatus, ...]", landed: "Mapping[str, LandedStatus]") -> None:
    """One block per model, then what has landed for each."""
    from flows.command_line.console import print_rows

    if not models:
        console.print("no model is registered yet; run a recipe first")
    _print_models(console, models)
    for name, entry in landed.items():
        console.print(f"landed for {name}", style="bold")
        print_rows(console, entry.lines)


def _print_models(console: "Console", models: "tuple[ModelStatus, ...]") -> None:
    from flows.command_line.console import print_rows

    for model in models:
        console.print(model.name, style="bold")
        print_rows(console, [("champion", _described(model.champion)), ("challenger", _described(model.challenger))])
        header = ("version", "verdict", "created", "speed-up", "bundle", "alias")
        print_rows(console, [header, *(_row(version) for version in model.versions)])


def _row(version: "RegisteredVersion") -> "tuple[str | Text, ...]":
    from rich.text import Text

    from flows.command_line.console import OUTCOME_STYLES

    verdict = version.verdict.value if version.verdict else "none"
    return (
        str(version.version),
        Text(verdict, OUTCOME_STYLES.get(verdict, "")),
        version.created_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        f"{version.tags['speedup']}×" if "speedup" in version.tags else "–",
        (version.bundle_digest or "–")[:12],
        ", ".join([*version.aliases, *_standing(version)]) or "–",
    )


def _standing(version: "RegisteredVersion") -> list[str]:
    """What the aliases do not say: where its review stands, and until when an override holds."""
    standing = [f"review {version.tags['review']}"] if "review" in version.tags else []
    if "champion" in version.aliases and version.tags.get("promotion") == "overridden":
        standing.append(f"by override until {version.tags.get('override_expires', '')[:10]}")
    return standing


def _described(version: "RegisteredVersion | None") -> str:
    if version is None:
        return "none"
    return f"version {version.version} ({version.verdict.value if version.verdict else 'no verdict'}), {version.uri}"
