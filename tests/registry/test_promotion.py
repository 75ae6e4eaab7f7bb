"""Only what is proven moves an alias, whoever asks; the ledger has every attempt, and the alias is its projection."""

from dataclasses import replace
from datetime import timedelta

import pytest

from registry.checks import Check, Outcome, Verdict
from registry.ledger import Kind, Ledger
from registry.package import register_bundle
from registry.promotion import Move, carry_out, override, promote_version
from registry.registrar import Registrar
from registry.review import sweep
from registry.rollback import rollback
from registry.settlement import note_registration, serving, settle
from registry.versions import fetch_bundle
from tasks.errors import UserError
from tasks.families.classification.recipe import Gates
from tests.registry.shelf import AUTO, MODEL, REVIEW, Shelf, blessing, promote, settled


@pytest.fixture
def shelf(home):
    shelf = Shelf(home)
    yield shelf
    shelf.registrar.ledger.close()


# ------------------------------------------------------------------ what a run does


def test_pass_makes_the_version_champion(shelf):
    promotion = settled(shelf, shelf.put())
    assert (promotion.alias, promotion.moved, promotion.replaced) == ("champion", True, None)
    assert shelf.champion == 1
    assert shelf.kinds == ["registered", "promoted"]
    tags = shelf.get(1).tags
    assert (tags["promotion"], tags["promoted_by"]) == ("promoted", "tester")


@pytest.mark.parametrize("config", [AUTO, REVIEW])
@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE", "INVALID", "nonsense"])
def test_nothing_but_pass_moves_an_alias(shelf, verdict, config):
    version = shelf.put(verdict)
    promotion = settled(shelf, version, config)
    assert (promotion.alias, promotion.moved) == (None, False)
    with pytest.raises(UserError, match="only PASS is promoted"):
        promote(shelf, version)
    assert (shelf.champion, shelf.challenger) == (None, None)
    assert shelf.kinds == ["registered", "refused"]


def test_a_new_champion_remembers_whom_it_replaced(shelf):
    settled(shelf, shelf.put())
    promotion = settled(shelf, shelf.put(against=1), against=1)
    assert (promotion.replaced, shelf.champion) == (1, 2)
    assert shelf.get(2).tags["replaced_version"] == "1"


def test_promoting_again_changes_nothing(shelf):
    version = shelf.put()
    settled(shelf, version)
    entries, before = shelf.kinds, shelf.get(1)
    again = settled(shelf, version)
    assert (again.alias, again.moved) == ("champion", False)
    assert promote(shelf, version).moved is False
    assert (shelf.kinds, shelf.get(1)) == (entries, before)


def test_what_was_rolled_back_is_not_promoted_again_by_an_unchanged_run(shelf):
    first, second = shelf.put(), shelf.put(against=1)
    settled(shelf, first)
    settled(shelf, second, against=1)
    rollback(shelf.registrar, MODEL, reason="it misanswers")
    again = settled(shelf, second, against=1)
    assert (again.moved, shelf.champion) == (False, 1)
    assert "replaced since" in again.sentence


def test_review_asks_a_person_and_leaves_the_champion(shelf):
    settled(shelf, shelf.put())
    promotion = settled(shelf, shelf.put(against=1), REVIEW, against=1)
    assert (promotion.alias, promotion.moved) == ("challenger", True)
    assert (shelf.champion, shelf.challenger) == (1, 2)
    assert shelf.get(2).tags["review"] == "requested"


def test_asking_again_keeps_what_the_person_answered(shelf):
    version = shelf.put()
    settled(shelf, version, REVIEW)
    shelf.set_review(1, "approved")
    settled(shelf, version, REVIEW)
    assert shelf.get(1).tags["review"] == "approved"
    assert shelf.kinds == ["registered", "requested"]


def test_a_champion_from_before_the_ledger_is_taken_over(shelf):
    version = shelf.put()
    empty = Shelf(shelf.registrar.store.home, actor="later")
    ledger = Ledger(f"sqlite:///{shelf.registrar.store.home / 'new.db'}")
    empty.registrar = replace(empty.registrar, ledger=ledger)
    shelf.client.set_registered_model_alias(MODEL, "champion", "1")
    promotion = settled(empty, version)
    assert (promotion.alias, promotion.moved) == ("champion", False)
    assert empty.kinds == ["registered", "adopted"]
    assert empty.champion == 1


# ------------------------------------------------------------------ what is proven


@pytest.mark.parametrize("tag", ["verdict_digest", "bundle_digest", "evidence_digest", "model_digest"])
def test_a_tag_that_was_edited_by_hand_refuses_the_promotion(shelf, tag):
    shelf.put()
    shelf.client.set_model_version_tag(MODEL, "1", tag, "forged")
    with pytest.raises(UserError, match=f"tag {tag} .* edited"):
        promote(shelf, shelf.get(1))
    assert (shelf.champion, shelf.last.kind.value) == (None, "refused")


def test_a_fail_that_was_edited_to_pass_is_refused(shelf):
    shelf.put("FAIL")
    shelf.client.set_model_version_tag(MODEL, "1", "verdict", "PASS")
    with pytest.raises(UserError, match="the tag verdict"):
        promote(shelf, shelf.get(1))
    assert shelf.champion is None


def test_a_version_that_is_not_on_the_ledger_is_refused(shelf):
    shelf.put()
    shelf.client.create_model_version(MODEL, source="/nowhere", tags=shelf.get(1).tags)
    with pytest.raises(UserError, match="not on the ledger"):
        promote_version(shelf.registrar, MODEL, 2, reason="because")
    with pytest.raises(UserError, match="not registered"):
        promote_version(shelf.registrar, MODEL, 3, reason="because")


def test_what_cannot_be_blessed_is_not_promoted(shelf):
    version = shelf.put()
    shelf.unloadable.add(1)
    with pytest.raises(UserError, match="cannot be loaded"):
        promote(shelf, version)
    assert (shelf.champion, shelf.last.kind.value) == (None, "refused")
    assert "not blessed" in shelf.last.reason
    promotion = settled(shelf, version)
    assert (promotion.moved, promotion.refused) == (False, True)


def test_a_verdict_against_another_champion_is_out_of_date(shelf):
    settled(shelf, shelf.put())
    late = shelf.put(against=None)
    with pytest.raises(UserError, match="judged against no champion, but version 1 serves"):
        promote(shelf, late)
    assert shelf.champion == 1


def test_old_evidence_promotes_nothing(shelf):
    version = shelf.put(evidence_days=30)
    shelf.ahead = timedelta(days=31)
    with pytest.raises(UserError, match="older than 30 days"):
        promote(shelf, version)


def test_after_a_rollback_the_next_gate_compares_with_the_rolled_back_champion(shelf):
    settled(shelf, shelf.put())
    settled(shelf, shelf.put(against=1), against=1)
    rollback(shelf.registrar, MODEL, reason="it misanswers")
    with pytest.raises(UserError, match="judged against version 2, but version 1 serves"):
        promote(shelf, shelf.put(against=2))
    assert promote(shelf, shelf.put(against=1)).replaced == 1


def test_the_same_refusal_is_noted_once_in_a_row(shelf):
    version = shelf.put("FAIL")
    for _ in range(3):
        with pytest.raises(UserError):
            promote(shelf, version)
    assert shelf.kinds == ["registered", "refused"]


def test_of_two_promoters_the_slower_is_refused_on_the_record(shelf):
    first, second = shelf.put(), shelf.put()
    promote(shelf, first)
    with pytest.raises(UserError, match="another was faster: version 1 serves now"):
        carry_out(shelf.registrar, Move(Kind.PROMOTED, second, "because", None, {}))
    assert shelf.kinds[-2:] == ["promoted", "refused"]
    assert shelf.champion == 1


# ------------------------------------------------------------------ rollback and override


def test_rollback_goes_back_step_by_step(shelf):
    for against in (None, 1, 2):
        promote(shelf, shelf.put(against=against))
    assert rollback(shelf.registrar, MODEL, reason="x").version == 2
    assert rollback(shelf.registrar, MODEL, reason="x").version == 1
    with pytest.raises(UserError, match="no champion before"):
        rollback(shelf.registrar, MODEL, reason="x")
    assert shelf.champion == 1


def test_rollback_to_a_named_version_and_only_to_what_has_served(shelf):
    for against in (None, 1, 2):
        promote(shelf, shelf.put(against=against))
    never = shelf.put(against=3)
    with pytest.raises(UserError, match="never was the champion; it can be: 1, 2, 3"):
        rollback(shelf.registrar, MODEL, to=never.version, reason="x")
    assert rollback(shelf.registrar, MODEL, to=1, reason="x").replaced == 3
    assert shelf.champion == 1


def test_rollback_blesses_again_and_needs_a_reason(shelf):
    for against in (None, 1):
        promote(shelf, shelf.put(against=against))
    with pytest.raises(UserError, match="needs a reason"):
        rollback(shelf.registrar, MODEL, reason=" ")
    shelf.unloadable.add(1)
    with pytest.raises(UserError, match="cannot be loaded"):
        rollback(shelf.registrar, MODEL, reason="x")
    assert (shelf.champion, shelf.last.kind.value) == (2, "refused")


def test_a_champion_that_was_deleted_can_be_rolled_back_from(shelf):
    for against in (None, 1):
        promote(shelf, shelf.put(against=against))
    shelf.client.delete_model_version(MODEL, "2")
    for _ in range(2):
        sweep(shelf.registrar, MODEL)
    assert shelf.kinds.count("lost") == 1
    assert "was deleted in MLflow; run: miaotui rollback" in shelf.last.reason
    assert rollback(shelf.registrar, MODEL, reason="it is gone").version == 1
    assert shelf.champion == 1


def test_a_champion_that_was_deleted_does_not_stop_the_next_one(shelf):
    promote(shelf, shelf.put())
    shelf.put(against=1)
    shelf.client.delete_model_version(MODEL, "1")
    assert serving(shelf.registrar, MODEL) == 1
    assert settled(shelf, shelf.get(2), against=1).alias == "champion"
    assert shelf.champion == 2


def test_a_model_that_was_deleted_and_made_anew_is_one_line(shelf):
    version = shelf.put()
    promote(shelf, version)
    shelf.client.delete_registered_model(MODEL)
    with pytest.raises(UserError, match="not registered in this MLflow"):
        promote(shelf, version)
    assert serving(shelf.registrar, MODEL) is None
    shelf.client.create_registered_model(MODEL)
    run = shelf.client.create_run("0").info.run_id
    shelf.client.create_model_version(MODEL, source="/nowhere", run_id=run, tags=version.tags)
    with pytest.raises(UserError, match="the ledger knows another"):
        settled(shelf, shelf.get(1))


@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE"])
def test_an_override_is_visible_and_expires(shelf, verdict):
    promote(shelf, shelf.put())
    failing = shelf.put(verdict, against=1)
    with pytest.raises(UserError, match="needs a reason"):
        override(shelf.registrar, MODEL, 2, reason="", lasts=timedelta(days=1))
    override(shelf.registrar, MODEL, failing.version, reason="the old one leaks", lasts=timedelta(days=1))
    assert shelf.champion == 2
    tags = shelf.get(2).tags
    assert (tags["promotion"], tags["promotion_reason"]) == ("overridden", "the old one leaks")
    assert tags["override_expires"] > "2026"
    assert shelf.last.details["verdict"] == verdict
    said = f"Version 2 ({verdict}) serves by an override of tester until"
    assert shelf.state.override.startswith(said)
    assert shelf.get(2).description.startswith(f"**{said}")


@pytest.mark.parametrize("days", [0, -1, 91])
def test_an_override_is_not_for_ever(shelf, days):
    shelf.put("FAIL")
    with pytest.raises(UserError, match="lasts up to 90 days"):
        override(shelf.registrar, MODEL, 1, reason="x", lasts=timedelta(days=days))


def test_what_is_invalid_or_cannot_be_blessed_is_not_overridden(shelf):
    shelf.put("INVALID")
    with pytest.raises(UserError, match="nothing to override"):
        override(shelf.registrar, MODEL, 1, reason="x", lasts=timedelta(days=1))
    failing = shelf.put("FAIL")
    shelf.unloadable.add(failing.version)
    with pytest.raises(UserError, match="cannot be loaded"):
        override(shelf.registrar, MODEL, 2, reason="x", lasts=timedelta(days=1))
    assert shelf.champion is None


# ------------------------------------------------------------------ real bytes


@pytest.fixture
def real(tracker, bundle, evidence, judged):
    """Registers the bundle's bytes with a verdict; a blessing only fetches and compares them."""

    def fetched(store, version):
        fetch_bundle(store, version)
        return blessing(version)

    registrar = Registrar.of_home(tracker.store.home, actor="tester")
    registrar = Registrar(registrar.store, registrar.ledger, "tester", fetched)

    def run(verdict=None):
        verdict = verdict or judged(evidence)
        registered = register_bundle(tracker, name=MODEL, bundle=bundle, evidence=evidence, verdict=verdict)
        return settle(registrar, registered.version, config=AUTO, judged_against=registrar.state(MODEL).champion)

    run.registrar, run.bundle = registrar, bundle
    yield run
    registrar.ledger.close()


@pytest.mark.parametrize("name", ["manifest.json", "segment-1.onnx"])
def test_one_flipped_byte_is_refused_at_promotion_and_at_rollback_naming_the_file(
    real, tracker, judged, evidence, name
):
    assert real().alias == "champion"
    assert real(judged(evidence, gates=Gates(accuracy=0.8))).replaced == 1
    versions = (real.registrar.version(MODEL, number) for number in (1, 2))
    for file in (fetch_bundle(tracker.store, version) / name for version in versions):
        altered = bytearray(file.read_bytes())
        altered[0] ^= 1
        file.write_bytes(altered)
    with pytest.raises(UserError, match=name):
        rollback(real.registrar, MODEL, reason="x")
    assert real.registrar.state(MODEL).champion == 2
    fresh = judged(evidence, gates=Gates(accuracy=0.7))
    third = register_bundle(tracker, name=MODEL, bundle=real.bundle, evidence=evidence, verdict=fresh).version
    note_registration(real.registrar, third, config=AUTO, judged_against=2)
    file = fetch_bundle(tracker.store, third) / name
    file.write_bytes(b"x" + file.read_bytes()[1:])
    with pytest.raises(UserError, match=name):
        promote_version(real.registrar, MODEL, third.version, reason="x")
    assert real.registrar.state(MODEL).champion == 2


def test_a_registered_pass_serves_and_a_fail_after_it_does_not(real, judged, evidence):
    assert real().alias == "champion"
    failed = real(judged(evidence, gates=Gates(latency_p99_ms=0.01)))
    assert (failed.version, failed.moved) == (2, False)
    assert real(Verdict.of([Check(name="a", outcome=Outcome.INVALID, sentence="no")])).moved is False
    assert real(judged(evidence, gates=Gates(accuracy=0.8))).replaced == 1
