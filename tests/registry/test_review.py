"""A person's answer, in the shell or in MLflow's UI, promotes only what is still proven; nothing is lost or repeated."""

from datetime import timedelta

import pytest

from registry.promotion import override, promote_version
from registry.review import answer, sweep
from registry.settlement import request_review
from tasks.errors import UserError
from tests.registry.shelf import MODEL, Shelf


@pytest.fixture
def shelf(home):
    shelf = Shelf(home)
    yield shelf
    shelf.registrar.ledger.close()


def ask(shelf, **fields):
    return request_review(shelf.registrar, shelf.put(**fields))


def swept(shelf) -> str:
    return "; ".join(sweep(shelf.registrar, MODEL).sentences)


def test_approving_in_the_shell_promotes(shelf):
    ask(shelf)
    promotion = answer(shelf.registrar, MODEL, 1, approve=True, note="looks right")
    assert (promotion.alias, promotion.moved) == ("champion", True)
    assert (shelf.champion, shelf.challenger) == (1, None)
    assert shelf.kinds == ["registered", "requested", "approved", "promoted"]
    assert "looks right" in shelf.last.reason
    assert shelf.get(1).tags["review"] == "approved"


def test_rejecting_in_the_shell_is_final(shelf):
    ask(shelf)
    answer(shelf.registrar, MODEL, 1, approve=False, note="too slow for us")
    assert (shelf.champion, shelf.challenger) == (None, None)
    assert shelf.get(1).tags["review"] == "rejected"
    with pytest.raises(UserError, match="its review ended before: rejected"):
        answer(shelf.registrar, MODEL, 1, approve=True, note="")
    with pytest.raises(UserError, match="rejected in review by tester"):
        promote_version(shelf.registrar, MODEL, 1, reason="anyway")
    assert shelf.champion is None


def test_nothing_is_done_where_nobody_has_answered(shelf):
    ask(shelf)
    entries = shelf.kinds
    assert swept(shelf) == ""
    assert (shelf.kinds, shelf.champion, shelf.challenger) == (entries, None, 1)


def test_the_tag_approved_in_the_ui_promotes_by_the_sweep(shelf):
    ask(shelf)
    shelf.set_review(1, "approved")
    assert "is the champion now" in swept(shelf)
    assert shelf.champion == 1
    entries = shelf.kinds
    assert swept(shelf) == ""
    assert shelf.kinds == entries


def test_the_alias_approved_in_the_ui_promotes_by_the_sweep(shelf):
    ask(shelf)
    shelf.client.set_registered_model_alias(MODEL, "approved", "1")
    swept(shelf)
    assert (shelf.champion, shelf.alias("approved")) == (1, None)


def test_the_reviewers_name_and_note_are_taken_from_tags(shelf):
    ask(shelf)
    for key, value in (("reviewed_by", "Ada"), ("review_note", "checked 20 answers"), ("review", "rejected")):
        shelf.client.set_model_version_tag(MODEL, "1", key, value)
    assert "rejected by Ada" in swept(shelf)
    assert (shelf.last.kind.value, shelf.last.actor, shelf.last.reason) == ("rejected", "Ada", "checked 20 answers")
    assert (shelf.champion, shelf.challenger) == (None, None)


def test_an_approval_that_nobody_asked_for_is_taken_back_on_the_record(shelf):
    shelf.put()
    shelf.set_review(1, "approved")
    assert "nobody asked for its review" in swept(shelf)
    assert shelf.champion is None
    assert "review" not in shelf.get(1).tags
    assert shelf.last.kind.value == "refused"


def test_a_fail_cannot_be_approved_into_service(shelf):
    shelf.put("FAIL")
    shelf.set_review(1, "approved")
    shelf.client.set_registered_model_alias(MODEL, "approved", "1")
    swept(shelf)
    assert (shelf.champion, shelf.alias("approved")) == (None, None)


def test_an_approval_of_altered_evidence_promotes_nothing(shelf):
    ask(shelf)
    shelf.client.set_model_version_tag(MODEL, "1", "bundle_digest", "forged")
    shelf.set_review(1, "approved")
    assert "edited since" in swept(shelf)
    assert shelf.champion is None
    entries = shelf.kinds
    swept(shelf)
    assert shelf.kinds == entries, "the same refusal is noted once"


def test_an_approval_after_another_promotion_is_out_of_date(shelf):
    ask(shelf)
    promote_version(shelf.registrar, MODEL, shelf.put().version, reason="by hand")
    shelf.set_review(1, "approved")
    assert "judged against no champion, but version 2 serves now" in swept(shelf)
    assert shelf.champion == 2


def test_a_newer_challenger_supersedes_an_older_one_on_the_record(shelf):
    ask(shelf)
    ask(shelf)
    assert shelf.challenger == 2
    assert shelf.kinds == ["registered", "requested", "registered", "superseded", "requested"]
    assert shelf.get(1).tags["review"] == "superseded"
    shelf.set_review(1, "approved")
    assert "its review ended before: superseded" in swept(shelf)
    assert shelf.get(1).tags["review"] == "superseded"
    assert (shelf.champion, shelf.challenger) == (None, 2)


def test_a_review_that_nobody_answers_expires(shelf):
    ask(shelf, approval_days=7)
    shelf.ahead = timedelta(days=6)
    assert swept(shelf) == ""
    shelf.ahead = timedelta(days=8)
    assert "nobody answered in time" in swept(shelf)
    assert shelf.challenger is None
    assert shelf.get(1).tags["review"] == "expired"


def test_an_approval_that_could_not_be_used_in_time_expires(shelf):
    ask(shelf, approval_days=7)
    shelf.unloadable.add(1)
    shelf.set_review(1, "approved")
    assert "cannot be loaded" in swept(shelf)
    shelf.ahead = timedelta(days=8)
    assert "the approval was not used in time" in swept(shelf)
    shelf.unloadable.clear()
    assert swept(shelf) == ""
    assert shelf.champion is None


def test_a_blessing_that_failed_for_once_is_tried_again_by_the_next_sweep(shelf):
    ask(shelf)
    shelf.unloadable.add(1)
    shelf.set_review(1, "approved")
    swept(shelf)
    shelf.unloadable.clear()
    swept(shelf)
    assert shelf.champion == 1


def test_an_override_whose_time_is_over_is_rolled_back(shelf):
    promote_version(shelf.registrar, MODEL, shelf.put().version, reason="x")
    override(shelf.registrar, MODEL, shelf.put("FAIL", against=1).version, reason="y", lasts=timedelta(days=2))
    shelf.ahead = timedelta(days=1)
    assert swept(shelf) == ""
    shelf.ahead = timedelta(days=3)
    assert "expired" in swept(shelf)
    assert shelf.champion == 1
    assert shelf.last.kind.value == "rolled back"


def test_an_override_with_nothing_before_it_goes_on_and_says_so(shelf):
    override(shelf.registrar, MODEL, shelf.put("FAIL").version, reason="y", lasts=timedelta(days=2))
    shelf.ahead = timedelta(days=3)
    assert "no champion to go back to" in swept(shelf)
    assert shelf.champion == 1


def test_a_sweep_puts_back_what_was_moved_by_hand(shelf):
    promote_version(shelf.registrar, MODEL, shelf.put().version, reason="x")
    shelf.put("FAIL")
    shelf.client.set_registered_model_alias(MODEL, "champion", "2")
    assert "put back" in swept(shelf)
    assert shelf.champion == 1
