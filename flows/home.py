"""Where all state lives: `MIAOTUI_HOME`, default `.miaotui/` in the current folder.

Opening it also sets the environment's defaults that Prefect, MLflow and the hub libraries read when they are imported:
Prefect's state in this folder, telemetry off, no pickles, and no proxy for servers on this machine. What the environment
already sets is left alone. MLflow is told its store call by call (`registry.store`), so `MLFLOW_TRACKING_URI` stays unset
where the user has not set it.
"""

import os
import tempfile
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import UserError
from tasks.machine.loopback import spare_loopback


@dataclass(frozen=True)
class Home:
    """The folder of all state. Its subfolders are made by those who write there."""

    folder: Path

    @classmethod
    def open(cls, environment: MutableMapping[str, str] = os.environ) -> "Home":
        """The home that `environment` names, made if it is not there, with the defaults set in `environment`.

        Call it before the first import of prefect, mlflow or transformers. Raises UserError where it cannot be written.
        """
        named = environment.get("MIAOTUI_HOME") or ".miaotui"
        try:
            folder = Path(named).expanduser().absolute()
        except RuntimeError as error:  # a user who is not known here
            raise UserError("names no folder; write its full path", field="MIAOTUI_HOME", file=named) from error
        except FileNotFoundError as error:
            raise UserError("the current folder is gone; go to another one") from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(
                f"cannot be written ({error.strerror}); name another folder in MIAOTUI_HOME", file=folder
            ) from error
        home = cls(folder)
        for name, value in home.environment_defaults().items():
            environment.setdefault(name, value)
        spare_loopback(environment)
        return home

    @property
    def store(self) -> Path:
        """Sealed results of steps, by step and key."""
        return self.folder / "store"

    @property
    def work(self) -> Path:
        """Results that are being computed, and what killed runs left to go on from."""
        return self.folder / "work"

    @property
    def locks(self) -> Path:
        """One lock file per result, held while it is computed."""
        return self.folder / "locks"

    @property
    def data(self) -> Path:
        """Data made or fetched by the project."""
        return self.folder / "data"

    @property
    def reports(self) -> Path:
        """HTML reports."""
        return self.folder / "reports"

    @property
    def logs(self) -> Path:
        """Tracebacks of internal errors and the embedded servers' output."""
        return self.folder / "logs"

    def environment_defaults(self) -> dict[str, str]:
        """What is set in the environment where it is not set yet."""
        return {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "true",
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
            # The embedded server migrates its database at the first start: half a minute on a busy machine.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "true",
            "RAY_USAGE_STATS_ENABLED": "0",
            "TOKENIZERS_PARALLELISM": "false",
        }
