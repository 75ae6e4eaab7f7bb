"""What `miaotui status` shows: for every registered model its champion, its challenger and the last verdicts."""

from registry.store import MlflowStore
from registry.versions import CHALLENGER, CHAMPION, RegisteredVersion, find_alias, latest_versions, model_names
from tasks.artifact import Record
from tasks.errors import UserError


class ModelStatus(Record):
    """One registered model. `versions` are the newest ones, newest first."""

    name: str
    champion: RegisteredVersion | None
    challenger: RegisteredVersion | None
    versions: tuple[RegisteredVersion, ...]


def read_status(store: MlflowStore, name: str | None = None, *, limit: int = 5) -> tuple[ModelStatus, ...]:
    """The state of one model, or of all by name; empty when nothing was ever registered.

    Raises UserError for a name that is not registered, listing those that are. No store is made where there is none.
    """
    if not store.exists:
        if name is None:
            return ()
        raise UserError(f"{name} is not registered; nothing is yet", file=store.home)
    client = store.open()
    names = model_names(client)
    if name is not None and name not in names:
        known = f"registered models: {', '.join(names)}" if names else "no model is registered yet"
        raise UserError(f"{name} is not registered; {known}")
    return tuple(
        ModelStatus(
            name=entry,
            champion=find_alias(client, entry, CHAMPION),
            challenger=find_alias(client, entry, CHALLENGER),
            versions=latest_versions(client, entry, limit),
        )
        for entry in names
        if name in (None, entry)
    )
