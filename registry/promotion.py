"""Moves `champion`, and only to what is proven: a PASS that is on the ledger, whose bytes were blessed just now.

The ledger is written first, by compare-and-swap: of any number of promoters that judged against the same champion one
wins, and the others are on the record as refused. The aliases follow (`registry.projection`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from registry.checks import Outcome
from registry.ledger import Draft, Entry, Kind, ModelState
from registry.projection import project, reconcile
from registry.registrar import Registrar
from registry.versions import CHAMPION, RegisteredVersion, find_version
from registry.write_points import write_point
from tasks.artifact import Record
from tasks.errors import UserError

if TYPE_CHECKING:
    from registry.blessing import Blessing

PROVEN_TAGS: Final = ("verdict", "verdict_digest", "bundle_digest", "evidence_digest", "model_digest")
"""What a version's tags and its entry on the ledger have to agree on."""
LONGEST_OVERRIDE: Final = timedelta(days=90)


class Promotion(Record):
    """What became of a version: the `alias` it bears now (None: none), whether that is new, and whom it replaced.

    `refused`: it is a PASS and yet does not serve: another was faster, or its bytes could not be blessed.
    """

    name: str
    version: int
    alias: str | None
    moved: bool
    replaced: int | None
    sentence: str
    refused: bool = False


@dataclass(frozen=True)
class Move:
    """A champion to be: how (`kind`), why, and `expected`, the champion that the decision was made against."""

    kind: Kind
    version: RegisteredVersion
    reason: str
    expected: int | None
    details: Mapping[str, JsonValue]


def promote_version(registrar: Registrar, model: str, number: int, *, reason: str) -> Promotion:
    """Make a PASS the champion. Repeating it changes nothing.

    The verdict has to be fresh and to have compared with what serves now. Raises UserError, and notes the refusal, when
    the version is not proven, cannot be blessed, or another was faster.
    """
    reconcile(registrar.store, registrar.ledger, model)
    version, state = registrar.version(model, number), registrar.state(model)
    if state.champion == number:
        return unmoved(version, f"{version.uri} is the champion already", alias=CHAMPION)
    problem = unproven(state, version) or stale(registrar, state, version)
    if problem:
        raise refused(registrar, version, state, problem)
    return carry_out(registrar, Move(Kind.PROMOTED, version, reason, state.champion, {}))


def override(registrar: Registrar, model: str, number: int, *, reason: str, lasts: timedelta) -> Promotion:
    """Make a version champion that is no PASS, or whose verdict is out of date; on a person's word, for a while.

    Its bytes are blessed like any other's. Raises UserError without a reason, for an INVALID verdict (it says nothing
    about these bytes), and for what cannot be blessed.
    """
    if not reason.strip():
        raise UserError("an override needs a reason; give --reason")
    if not timedelta() < lasts <= LONGEST_OVERRIDE:
        raise UserError(f"an override lasts up to {LONGEST_OVERRIDE.days} days", field="--expires")
    reconcile(registrar.store, registrar.ledger, model)
    version, state = registrar.version(model, number), registrar.state(model)
    if state.champion == number:
        return unmoved(version, f"{version.uri} is the champion already", alias=CHAMPION)
    problem = altered_tags(state, version)
    if version.verdict in (None, Outcome.INVALID):
        problem = f"{version.uri} is INVALID: its evidence is not about these bytes, so there is nothing to override"
    if problem:
        raise refused(registrar, version, state, problem)
    expires = (registrar.now() + lasts).isoformat(timespec="seconds")
    verdict = version.verdict.value if version.verdict else None
    details: dict[str, JsonValue] = {"expires": expires, "verdict": verdict}
    return carry_out(registrar, Move(Kind.OVERRIDDEN, version, reason, state.champion, details))


def carry_out(registrar: Registrar, move: Move) -> Promotion:
    """Bless, decide on the ledger, show it in MLflow. Raises UserError, after noting it, when it is refused."""
    version, model = move.version, move.version.name
    blessing = blessed(registrar, version)

    def decision(entries: tuple[Entry, ...]) -> Draft:
        champion = ModelState.after(entries).champion
        if champion != move.expected:
            return _refusal(registrar, version, champion, f"another was faster: {_serves(champion)} now")
        if find_version(registrar.client, model, version.version) is None:
            return _refusal(registrar, version, champion, f"{version.uri} was deleted meanwhile")
        return Draft(
            kind=move.kind,
            actor=registrar.actor,
            reason=move.reason,
            from_version=champion,
            to_version=version.version,
            evidence_digest=version.tags.get("evidence_digest"),
            details={**move.details, "blessing": blessing.model_dump(mode="json"), "bundle": version.bundle_digest},
        )

    write_point(f"ledger: {move.kind.value}")
    with registrar.ledger.exclusive(model):  # retention deletes nothing meanwhile
        entry = registrar.ledger.decide(model, decision)
    assert entry is not None
    if entry.kind is Kind.REFUSED:
        raise UserError(f"{version.uri} was not promoted: {entry.reason}; run: miaotui status {model}")
    project(registrar.store, registrar.ledger, model)
    before = f", after version {move.expected}" if move.expected is not None else ""
    return Promotion(
        name=model,
        version=version.version,
        alias=CHAMPION,
        moved=True,
        replaced=move.expected,
        sentence=f"{version.uri} is the champion now{before}",
    )


def blessed(registrar: Registrar, version: RegisteredVersion) -> "Blessing":
    """The blessing of a version; one that is refused is noted before the UserError goes on."""
    try:
        return registrar.bless(registrar.store, version)
    except UserError as error:
        state = registrar.state(version.name)
        registrar.ledger.note(version.name, _refusal(registrar, version, state.champion, f"not blessed: {error}"))
        raise


def unproven(state: ModelState, version: RegisteredVersion) -> str | None:
    """Why a version may not be promoted at all, or None."""
    if version.verdict is not Outcome.PASS:
        verdict = version.verdict.value if version.verdict else "missing"
        return f"the verdict of {version.uri} is {verdict}; only PASS is promoted (or --override with a reason)"
    review = state.reviews.get(version.version)
    if review is not None and review.status == "rejected":
        return f"{version.uri} was rejected in review by {review.entry.actor}"
    return altered_tags(state, version)


def altered_tags(state: ModelState, version: RegisteredVersion) -> str | None:
    """What a version's tags say otherwise than the ledger, or None: tags can be edited by hand."""
    entry = state.registered[version.version]
    for key in PROVEN_TAGS:
        if entry.details.get(key) != version.tags.get(key):
            return f"the tag {key} of {version.uri} is not what was registered: it was edited since"
    return None


def stale(registrar: Registrar, state: ModelState, version: RegisteredVersion) -> str | None:
    """Why the evidence of a version does not hold for today, or None."""
    entry = state.registered[version.version]
    judged_against = entry.details.get("judged_against")
    if version.version not in state.moves and judged_against != state.champion:
        compared = f"version {judged_against}" if judged_against is not None else "no champion"
        return f"{version.uri} was judged against {compared}, but {_serves(state.champion)} now; run the recipe again"
    days = entry.details.get("evidence_days")
    if isinstance(days, int) and registrar.now() - entry.at > timedelta(days=days):
        return f"the evidence of {version.uri} is older than {days} days; run the recipe again"
    return None


def refused(registrar: Registrar, version: RegisteredVersion, state: ModelState, problem: str) -> UserError:
    """The error to raise, after noting the refusal; the same refusal of the same version is noted once in a row."""
    draft = _refusal(registrar, version, state.champion, problem)
    head = state.head
    again = head is not None and (head.kind, head.to_version, head.reason) == (draft.kind, draft.to_version, problem)
    if not again:
        write_point("ledger: refused")
        registrar.ledger.note(version.name, draft)
    return UserError(problem)


def unmoved(version: RegisteredVersion, sentence: str, *, alias: str | None = None, refused: bool = False) -> Promotion:
    """Nothing was done."""
    return Promotion(
        name=version.name,
        version=version.version,
        alias=alias,
        moved=False,
        replaced=None,
        sentence=sentence,
        refused=refused,
    )


def _refusal(registrar: Registrar, version: RegisteredVersion, champion: int | None, reason: str) -> Draft:
    return Draft(
        kind=Kind.REFUSED,
        actor=registrar.actor,
        reason=reason,
        from_version=champion,
        to_version=version.version,
        evidence_digest=version.tags.get("evidence_digest"),
    )


def _serves(champion: int | None) -> str:
    return f"version {champion} serves" if champion is not None else "no version serves"
