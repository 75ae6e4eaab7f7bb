"""What a run does with the version that it has registered: note it on the ledger, then promote it or ask for review.

What was decided about a version before (a promotion, a review, a rollback since) stays as it is.
"""

from pydantic import JsonValue

from registry.checks import Outcome
from registry.ledger import Draft, Entry, Kind, ModelState
from registry.projection import project, reconcile
from registry.promotion import PROVEN_TAGS, Promotion, promote_version, unmoved
from registry.registrar import Registrar
from registry.versions import CHALLENGER, CHAMPION, RegisteredVersion, find_alias, model_names
from registry.write_points import write_point
from tasks.errors import UserError
from tasks.recipe.schema import PromotionConfig


def settle(
    registrar: Registrar, version: RegisteredVersion, *, config: PromotionConfig, judged_against: int | None
) -> Promotion:
    """Note, and promote by the recipe's mode if the verdict is PASS. Repeating it changes nothing.

    `judged_against`: the champion that the verdict compared with. A promotion that is refused (another was faster, the
    bytes cannot be blessed) is not an error of the run: the sentence says why, and the ledger has it.
    """
    adopt(registrar, version.name)
    note_registration(registrar, version, config=config, judged_against=judged_against)
    reconcile(registrar.store, registrar.ledger, version.name)
    state = registrar.state(version.name)
    if version.verdict is not Outcome.PASS:
        verdict = version.verdict.value if version.verdict else "missing"
        return unmoved(version, f"the verdict is {verdict}; no alias was moved", alias=_alias_of(state, version))
    if settled := _settled(state, version):
        return settled
    if config.mode == "review":
        return request_review(registrar, version)
    try:
        return promote_version(registrar, version.name, version.version, reason="PASS, promotion.mode: auto")
    except UserError as error:
        return unmoved(version, f"not promoted: {error}", refused=True)


def serving(registrar: Registrar, model: str) -> int | None:
    """The champion that a run's verdict will compare with, after putting the aliases right; None if nothing serves."""
    if not registrar.store.exists:
        return None
    if model not in model_names(registrar.client):
        return None
    adopt(registrar, model)
    reconcile(registrar.store, registrar.ledger, model)
    return registrar.state(model).champion


def adopt(registrar: Registrar, model: str) -> Entry | None:
    """Take over a champion from before there was a ledger, if its tags say PASS; any other alias is taken away later."""
    if registrar.ledger.head(model) is not None:
        return None
    champion = find_alias(registrar.client, model, CHAMPION)
    if champion is None or champion.verdict is not Outcome.PASS:
        return None
    note_registration(registrar, champion, config=PromotionConfig(), judged_against=None)
    draft = Draft(
        kind=Kind.ADOPTED,
        actor=registrar.actor,
        reason="served before there was a ledger",
        to_version=champion.version,
        evidence_digest=champion.tags.get("evidence_digest"),
    )
    return registrar.ledger.decide(
        model, lambda entries: None if ModelState.after(entries).champion is not None else draft
    )


def note_registration(
    registrar: Registrar, version: RegisteredVersion, *, config: PromotionConfig, judged_against: int | None
) -> None:
    """Put a version on the ledger with its verdict and digests, once.

    Raises UserError when the ledger knows another version of that number.
    """
    proven: dict[str, JsonValue] = {key: version.tags.get(key) for key in PROVEN_TAGS}
    draft = Draft(
        kind=Kind.REGISTERED,
        actor=registrar.actor,
        reason=f"verdict {version.tags.get('verdict', 'missing')}",
        from_version=judged_against,
        to_version=version.version,
        evidence_digest=version.tags.get("evidence_digest"),
        details=proven
        | {
            "run_id": version.run_id,
            "judged_against": judged_against,
            "approval_days": config.approval_days,
            "evidence_days": config.evidence_days,
        },
    )
    known = registrar.state(version.name).registered.get(version.version)
    if known is not None and known.details.get("run_id") != version.run_id:
        raise UserError(
            f"the ledger knows another {version.uri}: the registered model was deleted and made anew; give the recipe "
            f"another name, or move the ledger away ({registrar.ledger.shown})"
        )
    write_point("ledger: registered")
    registrar.ledger.decide(
        version.name, lambda entries: None if version.version in ModelState.after(entries).registered else draft
    )


def request_review(registrar: Registrar, version: RegisteredVersion) -> Promotion:
    """Make it the challenger and ask a person; an older challenger that was not decided about is superseded."""
    model, number = version.name, version.version

    def superseding(entries: tuple[Entry, ...]) -> Draft | None:
        older = ModelState.after(entries).challenger
        if older is None or older == number:
            return None
        reason = f"version {number} is the challenger now"
        return Draft(kind=Kind.SUPERSEDED, actor=registrar.actor, reason=reason, from_version=number, to_version=older)

    def asking(entries: tuple[Entry, ...]) -> Draft | None:
        state = ModelState.after(entries)
        if number in state.reviews or number in state.moves:
            return None
        return Draft(
            kind=Kind.REQUESTED,
            actor=registrar.actor,
            reason="PASS, promotion.mode: review",
            from_version=state.champion,
            to_version=number,
            evidence_digest=version.tags.get("evidence_digest"),
        )

    replaced = registrar.state(model).challenger
    write_point("ledger: superseded")
    registrar.ledger.decide(model, superseding)
    write_point("ledger: requested")
    registrar.ledger.decide(model, asking)
    project(registrar.store, registrar.ledger, model)
    return Promotion(
        name=model,
        version=number,
        alias=CHALLENGER,
        moved=True,
        replaced=replaced,
        sentence=f"{version.uri} is the challenger and awaits review",
    )


def _settled(state: ModelState, version: RegisteredVersion) -> Promotion | None:
    """What was decided about a version before, or None."""
    number, alias = version.version, _alias_of(state, version)
    if alias == CHAMPION:
        return unmoved(version, f"{version.uri} is the champion", alias=alias)
    if number in state.moves:
        return unmoved(version, f"{version.uri} was promoted before and replaced since")
    review = state.reviews.get(number)
    if review is None:
        return None
    if review.status == "requested":
        return unmoved(version, f"{version.uri} is the challenger and awaits review", alias=alias)
    return unmoved(version, f"the review of {version.uri} ended before: {review.status}", alias=alias)


def _alias_of(state: ModelState, version: RegisteredVersion) -> str | None:
    if version.version == state.champion:
        return CHAMPION
    return CHALLENGER if version.version == state.challenger else None
