"""Where the drill takes place: a home with real servers, a tiny real recipe, and the command line on them."""

import hashlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flows.servers.health import ask
from flows.servers.records import ServersRecord, read_servers
from tests.conftest import tiny_rows, write_rows
from tests.strictly import strictly

PROJECT: Final = Path(__file__).parents[2]
NAME: Final = "drill"

# Real, and as small as it goes: what stands between two kills should be the orchestration and not the training.
_RECIPE: Final = f"""\
name: {NAME}
task: text-classification
data:
  train: train.jsonl
  validation: validation.jsonl
  test: test.jsonl
  out_of_scope_label: oos
  slice_column: domain
  near_duplicate_similarity: 1.0
base_model: base
fine_tune: {{epochs: 4, learning_rate: 3e-3, max_length: 32, exits: [1]}}
prune: {{enabled: false}}
quantize: {{techniques: [dynamic-int8], calibration_rows: 32, max_accuracy_loss: 0.2}}
router: {{max_accuracy_loss: 0.05}}
benchmark: {{queries: 100, interleaved_repeats: 3, retries: 0}}
targets: [local-cpu]
gates: {{accuracy: 0.2, champion_accuracy_loss: 0.9, champion_slowdown: 1000}}
intake: {{min_rows: 1, min_rows_per_label: 1, debounce_s: 0, cool_down_s: 0, lease_s: 600, sweep_minutes: 10}}
"""
_BASE: Final = (
    "import sys, pathlib; from tests.conftest import write_tiny_base; write_tiny_base(pathlib.Path(sys.argv[1]))"
)
_COMMAND_TIMEOUT_S: Final = 420.0
_LOOK_EVERY_S: Final = 0.25
ENDED: Final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Ground:
    """One home. `database`: a PostgreSQL URL, or None for SQLite."""

    folder: Path
    database: str | None = None
    landed: dict[str, Path] = field(default_factory=dict)
    ports: tuple[int, int] = field(default_factory=lambda: (_free_port(), _free_port()))

    def __post_init__(self) -> None:
        """Writes data, base model and recipe."""
        for name, count, seed in (("train", 400, 1), ("validation", 600, 2), ("test", 200, 3)):
            write_rows(self.folder / f"{name}.jsonl", tiny_rows(count, seed))
        (self.folder / "base").mkdir()
        subprocess.run(  # torch is not to take its memory for as long as the drill goes on
            [sys.executable, "-c", _BASE, str(self.folder / "base")], env=self._environment(), check=True
        )
        self.recipe.write_text(_RECIPE, encoding="utf-8")

    @property
    def home(self) -> Path:
        """The home of all commands."""
        return self.folder / "home"

    @property
    def recipe(self) -> Path:
        """The recipe's file."""
        return self.folder / "recipe.yaml"

    @property
    def servers(self) -> ServersRecord | None:
        """What `miaotui up` has recorded, while it runs."""
        recorded = read_servers(self.home)
        return recorded if recorded is not None and recorded.supervisor.alive else None

    @property
    def exports(self) -> dict[str, str]:
        """What `miaotui up` tells a person to export; the same after every start."""
        recorded = read_servers(self.home)
        if recorded is not None:
            self._exports = dict(recorded.exports)
        return self._exports

    # ------------------------------------------------------------ the command line

    def miaotui(self, *arguments: str, allowed: Sequence[int] = (0,)) -> "subprocess.CompletedProcess[str]":
        """Runs a command as a person would who has exported what `up` printed. Raises RuntimeError for other codes."""
        exported = {} if arguments[0] == "up" else self.exports
        command = [sys.executable, "-m", "flows.command_line", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment() | exported,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode not in allowed:
            raise RuntimeError(f"miaotui {' '.join(arguments)}: code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def up(self) -> None:
        """Has the servers up, whatever is left of those before."""
        prefect, mlflow = (str(port) for port in self.ports)
        self.miaotui("up", "--detach", "--prefect-port", prefect, "--mlflow-port", mlflow)

    def land(self, chance: random.Random, number: int) -> Path:
        """Writes a new file and lands it; its digest is remembered."""
        rows = tiny_rows(chance.randrange(10, 40), seed=1000 + number)
        file = write_rows(self.folder / f"landing-{number}.jsonl", rows)
        self.landed[hashlib.sha256(file.read_bytes()).hexdigest()] = file
        self.miaotui("land", NAME, str(file), "--recipe", str(self.recipe))
        return file

    def _environment(self) -> dict[str, str]:
        named = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "MIAOTUI_LEDGER_URI", "MIAOTUI_DATABASE")
        kept = {name: value for name, value in os.environ.items() if name not in named}
        own = {"MIAOTUI_HOME": str(self.home), "PYTHONPATH": str(PROJECT), "PREFECT_WORKER_QUERY_SECONDS": "2"}
        own |= {"MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false", "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
        return kept | own | ({"MIAOTUI_DATABASE": self.database} if self.database else {})

    # ------------------------------------------------------------ Prefect's server

    def ask(self, path: str, question: Mapping[str, Any] | None = None) -> Any | None:
        """What Prefect's server answers; None while it does not."""
        return ask(f"{self.exports['PREFECT_API_URL']}{path}", question)

    def request(self, deployment: str, key: str, parameters: Mapping[str, Any]) -> str | None:
        """The id of the run of `deployment` with this idempotency key; None while the server does not answer."""
        found = self.ask(f"/deployments/name/{deployment}")
        if not isinstance(found, dict):
            return None
        merged = {**found["parameters"], **parameters}
        run = self.ask(f"/deployments/{found['id']}/create_flow_run", {"parameters": merged, "idempotency_key": key})
        return str(run["id"]) if isinstance(run, dict) else None

    def wait_for_end(self, run: str, deadline: float) -> str | None:
        """The type of the state in which the run ended; None when it had not by `deadline` (monotonic seconds)."""
        while time.monotonic() < deadline:
            found = self.ask(f"/flow_runs/{run}")
            if isinstance(found, dict) and found["state_type"] in ENDED:
                return str(found["state_type"])
            time.sleep(_LOOK_EVERY_S)
        return None

    def active_runs(self) -> list[dict[str, Any]] | None:
        """Runs that have begun and not ended; None while the server does not answer."""
        states = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}
        found = self.ask("/flow_runs/filter", {"flow_runs": {"state": states}, "limit": 200})
        return found if isinstance(found, list) else None

    def all_runs(self) -> list[dict[str, Any]]:
        """Every run that was not merely scheduled."""
        runs: list[dict[str, Any]] = []
        while True:
            states = {"type": {"not_any_": ["SCHEDULED"]}}
            question = {"flow_runs": {"state": states}, "limit": 200, "offset": len(runs), "sort": "START_TIME_ASC"}
            page = self.ask("/flow_runs/filter", question)
            if not page:
                return runs
            runs += page


def document(done: "subprocess.CompletedProcess[str]") -> Any:
    """What a command has printed with --json."""
    return strictly(done.stdout)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
