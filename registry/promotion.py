"""Moves an alias, and only for a PASS.

`auto` makes the version champion at once; `review` makes it challenger and asks a person. Before an alias moves, the
registered version is read again: its verdict must be the one that was judged, and its bytes those that were measured.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from registry.checks import Outcome, Verdict
from registry.package import Registration
from registry.store import MlflowStore
from registry.versions import CHALLENGER, CHAMPION, RegisteredVersion, fetch_bundle, find_alias, find_version
from tasks.artifact import Record
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Promotion(Record):
    """What became of a version: the `alias` it bears now (None: none), whether that is new, and whom it replaced."""

    name: str
    version: int
    alias: str | None
    moved: bool
    replaced: int | None
    sentence: str


def promote(
    store: MlflowStore, registration: Registration, verdict: Verdict, *, mode: Literal["auto", "review"]
) -> Promotion:
    """Give the version its alias if the verdict is PASS. Repeating it changes nothing.

    Raises UserError when the registered version is gone, was altered, or bears another verdict.
    """
    version = registration.version
    if verdict.outcome is not Outcome.PASS:
        return _unmoved(version, f"the verdict is {verdict.outcome.value}; no alias was moved")
    client = store.open()
    version = _proven(client, store, version, verdict)
    if CHAMPION in version.aliases:
        return _unmoved(version, f"{version.uri} is the champion already", alias=CHAMPION)
    if version.tags.get("review") == "rejected":
        return _unmoved(version, f"{version.uri} was rejected in review; no alias was moved")
    if mode == "review":
        return _request_review(client, version)
    return _crown(client, version)


def _proven(
    client: "MlflowClient", store: MlflowStore, version: RegisteredVersion, verdict: Verdict
) -> RegisteredVersion:
    """The version as it is registered now, after comparing its verdict and its bytes."""
    current = find_version(client, version.name, version.version)
    if current is None:
        raise UserError(f"{version.uri} is not registered any more; run the recipe again")
    if current.verdict is not Outcome.PASS or current.tags.get("verdict_digest") != verdict.digest:
        raise UserError(f"{version.uri} bears another verdict than the one that was judged; run the recipe again")
    fetch_bundle(store, current)
    return current


def _crown(client: "MlflowClient", version: RegisteredVersion) -> Promotion:
    previous = find_alias(client, version.name, CHAMPION)
    tags = {"promotion": "auto", "promoted_at": datetime.now(UTC).isoformat(timespec="seconds")}
    if previous is not None:
        tags["replaced_version"] = str(previous.version)
    # The tags first: a kill in between leaves a version that says less than it could, and never a silent champion.
    for key, value in tags.items():
        client.set_model_version_tag(version.name, str(version.version), key, value)
    client.set_registered_model_alias(version.name, CHAMPION, str(version.version))
    if CHALLENGER in version.aliases:
        client.delete_registered_model_alias(version.name, CHALLENGER)
    return Promotion(
        name=version.name,
        version=version.version,
        alias=CHAMPION,
        moved=True,
        replaced=previous.version if previous else None,
        sentence=f"{version.uri} is the champion now" + (f", after version {previous.version}" if previous else ""),
    )


def _request_review(client: "MlflowClient", version: RegisteredVersion) -> Promotion:
    moved = CHALLENGER not in version.aliases
    previous = find_alias(client, version.name, CHALLENGER) if moved else None
    if "review" not in version.tags:
        client.set_model_version_tag(version.name, str(version.version), "review", "requested")
    if moved:
        client.set_registered_model_alias(version.name, CHALLENGER, str(version.version))
    return Promotion(
        name=version.name,
        version=version.version,
        alias=CHALLENGER,
        moved=moved,
        replaced=previous.version if previous else None,
        sentence=f"{version.uri} is the challenger and awaits review",
    )


def _unmoved(version: RegisteredVersion, sentence: str, *, alias: str | None = None) -> Promotion:
    return Promotion(
        name=version.name, version=version.version, alias=alias, moved=False, replaced=None, sentence=sentence
    )
