"""Makes MLflow show what the ledger says: aliases, and the tags that tell how a version came to serve.

The ledger is written first, so whatever is cut off here is finished by the next projection. An alias that stands where
the ledger did not put it was moved by hand (or dropped with a deleted version): it is put back, on the record.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry.ledger import Draft, Entry, Kind, Ledger, ModelState
from registry.store import MlflowStore
from registry.versions import CHALLENGER, CHAMPION, RegisteredVersion, find_version, model_aliases
from registry.write_points import write_point
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

REVIEW: Final = "review"
ANSWERS: Final = frozenset({"approved", "rejected"})
"""What a person may set the tag `review` to; until the ledger has taken it in, it is not overwritten."""
LEDGER_HEAD: Final = "ledger_head"
"""The tag of the registered model that holds the last projected entry: an anchor outside the ledger."""
RECONCILER: Final = "miaotui"


@dataclass(frozen=True)
class Misplaced:
    """An alias that is not where the ledger says; versions, or None for nowhere."""

    alias: str
    found: int | None
    wanted: int | None

    @property
    def sentence(self) -> str:
        """What is wrong."""
        where = f"stood at version {self.found}" if self.found is not None else "was gone"
        right = f"belongs to version {self.wanted}" if self.wanted is not None else "belongs to no version"
        return f"alias {self.alias} {where}; by the ledger it {right}"


def misplaced_aliases(client: "MlflowClient", model: str, state: ModelState) -> tuple[Misplaced, ...]:
    """The aliases that are not where the ledger says."""
    aliases = model_aliases(client, model)
    wanted = {CHAMPION: state.champion, CHALLENGER: state.challenger}
    return tuple(
        Misplaced(alias, aliases.get(alias), version)
        for alias, version in wanted.items()
        if aliases.get(alias) != version
    )


def project(store: MlflowStore, ledger: Ledger, model: str) -> ModelState:
    """Write aliases and tags as the ledger has them; returns the state that was projected."""
    with ledger.exclusive(model):
        state = ModelState.after(ledger.entries(model))
        _write(store.open(), model, state)
        return state


def reconcile(store: MlflowStore, ledger: Ledger, model: str) -> tuple[Entry, ...]:
    """Like `project`, and records every alias that had to be put right. Returns those entries.

    Raises UserError when the champion by the ledger is not registered any more.
    """
    client = store.open()
    with ledger.exclusive(model):
        state = ModelState.after(ledger.entries(model))
        if state.head is None:
            return ()
        cut_off = _projected_sequence(client, model) < state.head.sequence
        repairs = []
        for misplaced in misplaced_aliases(client, model, state):
            reason = f"{misplaced.sentence}; " + ("finished what was cut off" if cut_off else "put back")
            draft = Draft(
                kind=Kind.REPAIRED,
                actor=RECONCILER,
                reason=reason,
                from_version=misplaced.found,
                to_version=misplaced.wanted,
                details={"alias": misplaced.alias},
            )
            write_point("ledger: repair")
            repairs.append(ledger.note(model, draft))
        if repairs:
            state = ModelState.after(ledger.entries(model))
        _write(client, model, state)
        return tuple(repairs)


def _write(client: "MlflowClient", model: str, state: ModelState) -> None:
    """Every write is skipped where the registry says the same already, so that repeating it costs nothing."""
    champion = state.champion
    if champion is not None:
        version = find_version(client, model, champion)
        if version is None:
            raise UserError(
                f"models:/{model}/{champion}, the champion by the ledger, was deleted; run: miaotui rollback {model}"
            )
        _set_tags(client, version, _champion_tags(state))
    for misplaced in misplaced_aliases(client, model, state):
        _set_alias(client, model, misplaced)
    for number, review in state.reviews.items():
        _set_review(client, model, number, review.status)
    head = f"{state.head.sequence}:{state.head.hash}" if state.head else ""
    if head and _registered_model_tag(client, model) != head:
        write_point(f"tag {LEDGER_HEAD}")
        client.set_registered_model_tag(model, LEDGER_HEAD, head)


def _champion_tags(state: ModelState) -> dict[str, str]:
    """How the champion came to serve."""
    move = state.move
    assert move is not None
    tags = {
        "promotion": move.kind.value,
        "promoted_at": move.at.isoformat(timespec="seconds"),
        "promoted_by": move.actor,
        "promotion_reason": move.reason,
        "ledger_entry": f"{move.sequence}:{move.hash}",
    }
    if move.from_version is not None:
        tags["replaced_version"] = str(move.from_version)
    if move.kind is Kind.OVERRIDDEN:
        tags["override_expires"] = str(move.details.get("expires", "never"))
    return tags


def _set_tags(client: "MlflowClient", version: RegisteredVersion, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        if version.tags.get(key) != value:
            write_point(f"tag {key}")
            client.set_model_version_tag(version.name, str(version.version), key, value)


def _set_alias(client: "MlflowClient", model: str, misplaced: Misplaced) -> None:
    write_point(f"alias {misplaced.alias}")
    if misplaced.wanted is None:
        client.delete_registered_model_alias(model, misplaced.alias)
    elif find_version(client, model, misplaced.wanted) is not None:
        client.set_registered_model_alias(model, misplaced.alias, str(misplaced.wanted))


def _set_review(client: "MlflowClient", model: str, number: int, status: str) -> None:
    version = find_version(client, model, number)
    if version is None:
        return
    current = version.tags.get(REVIEW)
    unheard = status == "requested" and current in ANSWERS
    if current != status and not unheard:
        write_point(f"tag {REVIEW}")
        client.set_model_version_tag(model, str(number), REVIEW, status)


def _registered_model_tag(client: "MlflowClient", model: str) -> str:
    return str(client.get_registered_model(model).tags.get(LEDGER_HEAD, ""))


def _projected_sequence(client: "MlflowClient", model: str) -> int:
    head, _, _ = _registered_model_tag(client, model).partition(":")
    return int(head) if head.isdigit() else 0
