"""Makes MLflow show what the ledger says: aliases, and the tags that tell how a version came to serve.

The ledger is written first, so whatever is cut off here is finished by the next projection. An alias that stands where
the ledger did not put it was moved by hand (or dropped with a deleted version): it is put back, on the record.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry.ledger import Draft, Entry, Kind, Ledger, ModelState
from registry.model_card import DESCRIPTION_LENGTH
from registry.store import MlflowStore
from registry.versions import CHALLENGER, CHAMPION, latest_versions
from registry.write_points import write_point
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

REVIEW: Final = "review"
ANSWERS: Final = frozenset({"approved", "rejected"})
"""What a person may set the tag `review` to; until the ledger has taken it in, it is not overwritten."""
LEDGER_HEAD: Final = "ledger_head"
"""The tag of the registered model that holds the last projected entry: an anchor outside the ledger."""
RECONCILER: Final = "miaotui"
_ALL: Final = 10_000
_TAG_LENGTH: Final = 4000


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


def project(store: MlflowStore, ledger: Ledger, model: str) -> ModelState:
    """Write aliases and tags as the ledger has them; returns the state that was projected.

    A champion that was deleted in MLflow cannot be shown; `reconcile` notes that it is lost.
    """
    with ledger.exclusive(model):
        state = ModelState.after(ledger.entries(model))
        _Projection(store.open(), model, state).write()
        return state


def reconcile(store: MlflowStore, ledger: Ledger, model: str) -> tuple[Entry, ...]:
    """Like `project`, and records every alias that had to be put right. Returns those entries."""
    with ledger.exclusive(model):
        entries = ledger.entries(model)
        if not entries:
            return ()
        projection = _Projection(store.open(), model, ModelState.after(entries))
        cause = "finished what was cut off" if projection.was_cut_off() else "put back"
        repairs = tuple(_recorded(ledger, model, found, cause) for found in projection.misplaced())
        repairs += _lost(ledger, model, entries, projection)
        _Projection(projection.client, model, ModelState.after((*entries, *repairs))).write()
        return repairs


def misplaced_aliases(store: MlflowStore, model: str, state: ModelState) -> tuple[Misplaced, ...]:
    """The aliases that are not where the ledger says."""
    return _Projection(store.open(), model, state).misplaced()


def _recorded(ledger: Ledger, model: str, found: Misplaced, cause: str) -> Entry:
    write_point("ledger: repaired")
    return ledger.note(
        model,
        Draft(
            kind=Kind.REPAIRED,
            actor=RECONCILER,
            reason=f"{found.sentence}; {cause}",
            from_version=found.found,
            to_version=found.wanted,
            details={"alias": found.alias},
        ),
    )


def _lost(ledger: Ledger, model: str, entries: tuple[Entry, ...], projection: "_Projection") -> tuple[Entry, ...]:
    """Note, once, that the champion was deleted: nothing serves until the next promotion or rollback."""
    champion, move = projection.deleted_champion(), ModelState.after(entries).move
    if champion is None or move is None:
        return ()
    if any(entry.kind is Kind.LOST and entry.sequence > move.sequence for entry in entries):
        return ()
    reason = (
        f"models:/{model}/{champion} serves by the ledger, but was deleted in MLflow; run: miaotui rollback {model}"
    )
    write_point("ledger: lost")
    return (ledger.note(model, Draft(kind=Kind.LOST, actor=RECONCILER, reason=reason, to_version=champion)),)


class _Projection:
    """One look at a registered model, and the writes that are missing. What it says already is not written again."""

    def __init__(self, client: "MlflowClient", model: str, state: ModelState) -> None:
        self.client: Final = client
        self._model: Final = model
        self._state: Final = state
        self._versions: Final = {entry.version: entry for entry in latest_versions(client, model, _ALL)}
        found = _registered_model(client, model)
        self._aliases: Final = {alias: int(version) for alias, version in found.aliases.items()}
        self._projected: Final = str(found.tags.get(LEDGER_HEAD, ""))

    def deleted_champion(self) -> int | None:
        """The champion by the ledger, if it is not registered any more."""
        champion = self._state.champion
        return champion if champion is not None and champion not in self._versions else None

    def was_cut_off(self) -> bool:
        """Whether an entry that moves an alias was never projected to the end."""
        placed, (projected, _, _) = self._state.placed, self._projected.partition(":")
        return placed is not None and placed.sequence > (int(projected) if projected.isdigit() else 0)

    def misplaced(self) -> tuple[Misplaced, ...]:
        """The aliases that are not where the ledger says."""
        wanted = {CHAMPION: self._state.champion, CHALLENGER: self._state.challenger}
        return tuple(
            Misplaced(alias, self._aliases.get(alias), version)
            for alias, version in wanted.items()
            if self._aliases.get(alias) != version and (version is None or version in self._versions)
        )

    def write(self) -> None:
        """Tags first, then aliases, then the anchor: what serves is never without its story."""
        champion = self._state.champion
        if champion is not None and champion in self._versions:
            self._tag(champion, _champion_tags(self._state))
            self._describe_override(champion)
        for number, review in self._state.reviews.items():
            self._tag(number, self._review_tag(number, review.status))
        for found in self.misplaced():
            write_point(f"alias {found.alias}")
            if found.wanted is None:
                self.client.delete_registered_model_alias(self._model, found.alias)
            else:
                self.client.set_registered_model_alias(self._model, found.alias, str(found.wanted))
        if self._projected != self._head():
            write_point(f"tag {LEDGER_HEAD}")
            self.client.set_registered_model_tag(self._model, LEDGER_HEAD, self._head())

    def _describe_override(self, champion: int) -> None:
        """Whoever opens the version's page reads first that it serves by somebody's word."""
        override, described = self._state.override, self._versions[champion].description
        if override and not described.startswith(f"**{override}**"):
            write_point("description")
            text = f"**{override}**\n\n{described}"[:DESCRIPTION_LENGTH]
            self.client.update_model_version(self._model, str(champion), description=text)

    def _review_tag(self, number: int, status: str) -> dict[str, str]:
        found = self._versions.get(number)
        said = found.tags.get(REVIEW) if found else None
        unheard = said in ANSWERS and said != self._state.answers.get(number)
        return {} if unheard else {REVIEW: status}

    def _tag(self, number: int, tags: dict[str, str]) -> None:
        version = self._versions.get(number)
        for key, value in tags.items() if version else ():
            if version and version.tags.get(key) != value:
                write_point(f"tag {key}")
                self.client.set_model_version_tag(self._model, str(number), key, value)

    def _head(self) -> str:
        head = self._state.head
        return f"{head.sequence}:{head.hash}" if head else ""


def _registered_model(client: "MlflowClient", model: str) -> "RegisteredModel":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise UserError(
            f"{model} is on the ledger, but not registered in this MLflow; set MLFLOW_TRACKING_URI to the one it is in"
        ) from error


def _champion_tags(state: ModelState) -> dict[str, str]:
    """How the champion came to serve."""
    move = state.move
    assert move is not None
    tags = {
        "promotion": move.kind.value,
        "promoted_at": move.at.isoformat(timespec="seconds"),
        "promoted_by": move.actor,
        "promotion_reason": move.reason[:_TAG_LENGTH],
    }
    if move.from_version is not None:
        tags["replaced_version"] = str(move.from_version)
    if move.kind is Kind.OVERRIDDEN:
        tags["override_expires"] = str(move.details.get("expires"))
    return tags
