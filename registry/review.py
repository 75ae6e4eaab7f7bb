"""A person's word on a challenger, given in the shell or in MLflow's UI, and what follows from it.

In the UI a person sets the tag `review` of the challenger to `approved` or `rejected`, or gives it the alias `approved`;
`sweep` takes that in. An approval is no promotion: verdict, digests, freshness and bytes are checked again first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from registry.ledger import Draft, Entry, Kind, ModelState
from registry.projection import ANSWERS, REVIEW, project, reconcile
from registry.promotion import Promotion, promote_version, refused, unmoved
from registry.registrar import Registrar
from registry.rollback import rollback
from registry.versions import RegisteredVersion, latest_versions
from registry.write_points import write_point
from tasks.errors import UserError

APPROVED_ALIAS: Final = "approved"
UI_ACTOR: Final = "someone in MLflow's UI"
_ALL: Final = 10_000


@dataclass(frozen=True)
class Swept:
    """What a sweep of one model did: one sentence per thing, none when there was nothing to do."""

    model: str
    sentences: tuple[str, ...]


def answer(registrar: Registrar, model: str, number: int, *, approve: bool, note: str) -> Promotion:
    """Approve or reject the challenger, and promote what was approved.

    Raises UserError when the version does not await review, and whatever promotion refuses.
    """
    reconcile(registrar.store, registrar.ledger, model)
    version = registrar.version(model, number)
    _take_in(registrar, version, approve=approve, note=note)
    project(registrar.store, registrar.ledger, model)
    if not approve:
        return unmoved(version, f"{version.uri} is rejected")
    return promote_version(registrar, model, number, reason=f"approved: {note}" if note else "approved")


def sweep(registrar: Registrar, model: str) -> Swept:
    """Put aliases right, take in what was answered in the UI, promote what is approved, end what has expired."""
    sentences = [entry.reason for entry in reconcile(registrar.store, registrar.ledger, model)]
    for version in latest_versions(registrar.client, model, _ALL):
        if (given := _given(version)) is not None:
            sentences += _heard(registrar, version, approve=given)
    state = registrar.state(model)
    for number, review in state.reviews.items():
        if review.status == "approved" and not _promoted_since(state, number, review.entry):
            sentences.append(_approved(registrar, model, number))
        elif review.status == "requested" and _is_over(registrar, state, number, review.at):
            sentences.append(_expire(registrar, model, number, "nobody answered in time"))
    sentences += _expired_override(registrar, model)
    project(registrar.store, registrar.ledger, model)
    return Swept(model, tuple(sentences))


def _given(version: RegisteredVersion) -> bool | None:
    """What a person has answered in the UI: True for approved, False for rejected, None for nothing."""
    if version.tags.get(REVIEW) == "rejected":
        return False
    return True if version.tags.get(REVIEW) in ANSWERS or APPROVED_ALIAS in version.aliases else None


def _heard(registrar: Registrar, version: RegisteredVersion, *, approve: bool) -> list[str]:
    """Take in an answer that the ledger has not heard of."""
    state = registrar.state(version.name)
    sentences = []
    if state.answers.get(version.version) != ("approved" if approve else "rejected"):
        actor = version.tags.get("reviewed_by") or UI_ACTOR
        try:
            _take_in(registrar, version, approve=approve, note=version.tags.get("review_note", ""), actor=actor)
            sentences.append(f"{version.uri} was {'approved' if approve else 'rejected'} by {actor}")
        except UserError as error:
            sentences.append(str(error))
            _forget(registrar, version, state)
    if APPROVED_ALIAS in version.aliases:
        write_point(f"alias {APPROVED_ALIAS}")
        registrar.client.delete_registered_model_alias(version.name, APPROVED_ALIAS)
    return sentences


def _forget(registrar: Registrar, version: RegisteredVersion, state: ModelState) -> None:
    """Take back an answer that nobody asked for, so that the tag says what holds."""
    review = state.reviews.get(version.version)
    write_point(f"tag {REVIEW}")
    if review is not None:
        registrar.client.set_model_version_tag(version.name, str(version.version), REVIEW, review.status)
    elif REVIEW in version.tags:
        registrar.client.delete_model_version_tag(version.name, str(version.version), REVIEW)


def _take_in(
    registrar: Registrar, version: RegisteredVersion, *, approve: bool, note: str, actor: str | None = None
) -> None:
    """Put an answer on the ledger. Raises UserError, and notes it, when the version does not await one."""
    kind = Kind.APPROVED if approve else Kind.REJECTED

    def decision(entries: tuple[Entry, ...]) -> Draft | None:
        review = ModelState.after(entries).reviews.get(version.version)
        if review is None or review.status != "requested":
            return None
        return Draft(
            kind=kind,
            actor=actor or registrar.actor,
            reason=note or kind.value,
            to_version=version.version,
            evidence_digest=version.tags.get("evidence_digest"),
        )

    write_point(f"ledger: {kind.value}")
    if registrar.ledger.decide(version.name, decision) is None:
        state = registrar.state(version.name)
        review = state.reviews.get(version.version)
        stands = f"its review ended before: {review.status}" if review else "nobody asked for its review"
        raise refused(registrar, version, state, f"{version.uri} cannot be {kind.value}: {stands}")


def _approved(registrar: Registrar, model: str, number: int) -> str:
    """Promote what was approved, or say why not; an approval that is not used in time expires."""
    state = registrar.state(model)
    if _is_over(registrar, state, number, state.reviews[number].at):
        return _expire(registrar, model, number, "the approval was not used in time")
    try:
        reason = f"approved by {state.reviews[number].entry.actor}: {state.reviews[number].entry.reason}"
        return promote_version(registrar, model, number, reason=reason).sentence
    except UserError as error:
        return f"not promoted: {error}"


def _promoted_since(state: ModelState, number: int, approval: Entry) -> bool:
    move = state.moves.get(number)
    return move is not None and move.sequence > approval.sequence


def _is_over(registrar: Registrar, state: ModelState, number: int, since: datetime) -> bool:
    days = state.registered[number].details.get("approval_days") if number in state.registered else None
    return isinstance(days, int) and registrar.now() - since > timedelta(days=days)


def _expire(registrar: Registrar, model: str, number: int, reason: str) -> str:
    write_point("ledger: expired")
    registrar.ledger.note(model, Draft(kind=Kind.EXPIRED, actor=registrar.actor, reason=reason, to_version=number))
    return f"models:/{model}/{number}: {reason}; run the recipe again to ask anew"


def _expired_override(registrar: Registrar, model: str) -> list[str]:
    """Go back to the champion before an override whose time is over; where there is none, say so."""
    state = registrar.state(model)
    if state.move is None or state.move.kind is not Kind.OVERRIDDEN:
        return []
    expires = datetime.fromisoformat(str(state.move.details["expires"]))
    if registrar.now() < expires:
        return []
    over = f"the override of version {state.champion} by {state.move.actor} expired on {expires:%Y-%m-%d}"
    if not state.previous_champions:
        return [f"{over}, and there is no champion to go back to; it still serves"]
    try:
        return [f"{over}: {rollback(registrar, model, reason=over).sentence}"]
    except UserError as error:
        return [f"{over}, but the rollback was refused: {error}"]
