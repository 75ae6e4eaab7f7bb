"""Who decides what serves: the registry, the ledger, and the one in whose name something is done.

Commands, flows and tests hand this to the functions of `promotion`, `review` and `rollback`.
"""

import getpass
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from registry.blessing import bless
from registry.ledger import Ledger, ModelState
from registry.store import MlflowStore
from registry.versions import RegisteredVersion, find_version
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from registry.blessing import Blessing


def this_actor() -> str:
    """`MIAOTUI_ACTOR` where set, else who is logged in on which machine."""
    return os.environ.get("MIAOTUI_ACTOR") or f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Registrar:
    """One who acts on the registry. `bless` and `now` are what tests replace."""

    store: MlflowStore
    ledger: Ledger
    actor: str = field(default_factory=this_actor)
    bless: "Callable[[MlflowStore, RegisteredVersion], Blessing]" = bless
    now: Callable[[], datetime] = _now

    @classmethod
    def of_home(cls, home: Path, *, actor: str | None = None) -> "Registrar":
        """For the registry and the ledger that the environment names, else those of `home`."""
        store = MlflowStore.of_home(home)
        return cls(store, Ledger.of_store(store), actor or this_actor())

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client. Raises UserError when the store cannot be used."""
        return self.store.open()

    def state(self, model: str) -> ModelState:
        """What the ledger says now."""
        return ModelState.after(self.ledger.entries(model))

    def version(self, model: str, number: int) -> RegisteredVersion:
        """A version that is registered and on the ledger. Raises UserError where it is not."""
        found = find_version(self.client, model, number)
        if found is None:
            raise UserError(f"models:/{model}/{number} is not registered; see: miaotui status {model}")
        if number not in self.state(model).registered:
            raise UserError(f"{found.uri} is not on the ledger; only what a run has registered can be promoted")
        return found
