"""Only PASS moves an alias."""

from pathlib import Path

import pytest

from registry.checks import Check, Outcome, Verdict
from registry.package import register_bundle
from registry.promotion import promote
from registry.versions import CHALLENGER, CHAMPION, find_alias, find_version
from tasks.errors import UserError
from tasks.recipe import Gates


@pytest.fixture
def register(tracker, bundle, evidence, judged):
    """Registers the bundle with a verdict; by default the PASS of all gates."""

    def run(verdict=None):
        verdict = verdict or judged(evidence)
        return register_bundle(
            tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=verdict
        ), verdict

    return run


def aliases(tracker):
    return {alias: find_alias(tracker.client, "support-intents", alias) for alias in (CHAMPION, CHALLENGER)}


def test_pass_makes_the_version_champion(tracker, register):
    registration, verdict = register()
    promotion = promote(tracker.store, registration, verdict, mode="auto")
    assert (promotion.alias, promotion.moved, promotion.replaced) == (CHAMPION, True, None)
    champion = find_alias(tracker.client, "support-intents", CHAMPION)
    assert champion.version == 1
    assert champion.tags["promotion"] == "auto"


@pytest.mark.parametrize("mode", ["auto", "review"])
@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INVALID])
def test_nothing_but_pass_moves_an_alias(tracker, register, outcome, mode):
    registration, verdict = register(Verdict.of([Check(name="a", outcome=outcome, sentence="no")]))
    promotion = promote(tracker.store, registration, verdict, mode=mode)
    assert (promotion.alias, promotion.moved) == (None, False)
    assert outcome.value in promotion.sentence
    assert aliases(tracker) == {CHAMPION: None, CHALLENGER: None}


def test_a_failing_run_leaves_the_champion_where_it_is(tracker, register, judged, evidence):
    promote(tracker.store, *register(), mode="auto")
    registration, failed = register(judged(evidence, gates=Gates(latency_p99_ms=0.01)))
    promote(tracker.store, registration, failed, mode="auto")
    assert registration.version.version == 2
    assert find_alias(tracker.client, "support-intents", CHAMPION).version == 1


def test_a_pass_cannot_be_claimed_for_a_version_that_bears_another_verdict(tracker, register, judged, evidence):
    registration, _ = register(judged(evidence, gates=Gates(latency_p99_ms=0.01)))
    with pytest.raises(UserError, match="another verdict"):
        promote(tracker.store, registration, judged(evidence), mode="auto")
    assert aliases(tracker) == {CHAMPION: None, CHALLENGER: None}


def test_altered_bytes_are_not_promoted(tracker, register):
    registration, verdict = register()
    folder = Path(tracker.client.get_logged_model(registration.model_id).artifact_location)
    (folder / "artifacts/bundle/manifest.json").write_text('{"schema_version": 2}')
    with pytest.raises(UserError, match="altered"):
        promote(tracker.store, registration, verdict, mode="auto")
    assert aliases(tracker) == {CHAMPION: None, CHALLENGER: None}


def test_promoting_again_changes_nothing(tracker, register):
    registration, verdict = register()
    promote(tracker.store, registration, verdict, mode="auto")
    before = find_version(tracker.client, "support-intents", 1)
    again = promote(tracker.store, registration, verdict, mode="auto")
    assert (again.alias, again.moved) == (CHAMPION, False)
    assert find_version(tracker.client, "support-intents", 1) == before


def test_a_new_champion_remembers_whom_it_replaced(tracker, register, judged, evidence):
    promote(tracker.store, *register(), mode="auto")
    promotion = promote(tracker.store, *register(judged(evidence, gates=Gates(accuracy=0.8))), mode="auto")
    assert promotion.replaced == 1
    champion = find_alias(tracker.client, "support-intents", CHAMPION)
    assert champion.version == 2
    assert champion.tags["replaced_version"] == "1"


def test_review_asks_a_person_and_leaves_the_champion(tracker, register, judged, evidence):
    promote(tracker.store, *register(), mode="auto")
    registration, verdict = register(judged(evidence, gates=Gates(accuracy=0.8)))
    promotion = promote(tracker.store, registration, verdict, mode="review")
    assert (promotion.alias, promotion.moved) == (CHALLENGER, True)
    now = aliases(tracker)
    assert now[CHAMPION].version == 1
    assert now[CHALLENGER].version == 2
    assert now[CHALLENGER].tags["review"] == "requested"


def test_asking_again_keeps_what_the_person_answered(tracker, register):
    registration, verdict = register()
    promote(tracker.store, registration, verdict, mode="review")
    tracker.client.set_model_version_tag("support-intents", "1", "review", "approved")
    assert not promote(tracker.store, registration, verdict, mode="review").moved
    assert find_version(tracker.client, "support-intents", 1).tags["review"] == "approved"


@pytest.mark.parametrize("mode", ["auto", "review"])
def test_a_rejected_version_gets_no_alias(tracker, register, mode):
    registration, verdict = register()
    tracker.client.set_model_version_tag("support-intents", "1", "review", "rejected")
    assert promote(tracker.store, registration, verdict, mode=mode).alias is None
    assert aliases(tracker) == {CHAMPION: None, CHALLENGER: None}


def test_a_version_deleted_in_between_is_named(tracker, register):
    registration, verdict = register()
    tracker.client.delete_model_version("support-intents", "1")
    with pytest.raises(UserError, match="models:/support-intents/1 is not registered any more"):
        promote(tracker.store, registration, verdict, mode="auto")
