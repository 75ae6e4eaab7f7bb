"""The command line on one recipe in one home, as a person runs it, for tests that take a home through several commands.

Its times are taken as settled: that an unchanged run is reused does not depend on who else is on the machine.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.strictly import strictly


@dataclass
class CommandRuns:
    """Commands run in `folder`; the home is below it."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.flows.settled_command", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, **pipes)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        out, err = process.communicate(timeout=900)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def document(self, *arguments: str, code: int = 0) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return strictly(done.stdout)

    def sealed(self) -> dict[str, str]:
        """The manifest of each stored result: a step that ran again would have taken another time."""
        return {
            str(manifest.relative_to(self.home)): manifest.read_text(encoding="utf-8")
            for manifest in self.home.glob("store/*/*/manifest.json")
        }
