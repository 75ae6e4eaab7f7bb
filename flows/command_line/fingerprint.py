"""`miaotui fingerprint`: the section of a target's file that declares the machine it is called on."""

import argparse
from typing import Any


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "fingerprint",
        help="print this machine's fingerprint for a target",
        description="Prints the `fingerprint` section that declares this machine, to be put into a target's file "
        "(configs/targets/NAME.yaml). Another machine then refuses to measure for that target. Runtimes that do not matter "
        "may be left out.",
    )
    parser.set_defaults(execute=execute, resumes=False)


def execute(_options: argparse.Namespace) -> int:
    """Prints YAML."""
    import yaml

    from tasks.machine.fingerprint import fingerprint_of
    from tasks.machine.host import host

    section = {"fingerprint": fingerprint_of(host()).model_dump(mode="json", exclude_none=True)}
    print(yaml.safe_dump(section, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000), end="")
    return 0
