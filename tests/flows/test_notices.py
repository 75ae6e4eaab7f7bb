"""A notice says what a run came to and why, in plain text that holds no secret and draws none out of a webhook."""

import pytest

from flows.notices.content import failure_notice, notice, verdict_notice
from flows.pages.run_summary import RunPages
from registry.checks import Check, Outcome, Verdict
from registry.missing import MissingRows
from tasks.errors import UserError
from tests.flows.outcomes import outcome_of

PAGES = RunPages(
    report="http://ml/#/report", version="http://ml/#/models/a/versions/3", run="http://pre/runs/flow-run/1"
)


def test_a_pass_names_the_version_what_was_computed_and_where_everything_is(challenging, judged) -> None:
    made = verdict_notice(outcome_of(challenging, judged(challenging)), PAGES, ["120 new rows of banking."])
    assert (made.kind, made.subject) == ("verdict", "support-intents: PASS")
    lines = made.body.splitlines()
    assert lines[0] == f"All {len(judged(challenging).checks)} checks passed."
    assert lines[1] == "models:/support-intents/3 is the champion now, after version 2"
    assert lines[2].startswith("Champion then: models:/support-intents/7, 95.00%")
    assert lines[-5:] == [
        "120 new rows of banking.",
        "Computed: fine-tune; 1 of 2 steps were reused.",
        "Report: http://ml/#/report",
        "Model version: http://ml/#/models/a/versions/3",
        "Run: http://pre/runs/flow-run/1",
    ]


def test_a_failure_to_pass_names_the_checks_and_not_too_many(evidence) -> None:
    failed = [Check(name=f"slice/{number}", outcome=Outcome.FAIL, sentence="too low") for number in range(30)]
    passed = Check(name="accuracy", outcome=Outcome.PASS, sentence="good")
    made = verdict_notice(outcome_of(evidence, Verdict.of([passed, *failed])), PAGES)
    lines = made.body.splitlines()
    assert made.subject == "support-intents: FAIL"
    assert lines[:2] == ["30 of 31 checks did not pass:", "- FAIL slice/0: too low"]
    assert lines[11] == "- and 20 more"


def test_what_would_settle_an_open_verdict_is_named_with_slice_and_number(evidence) -> None:
    missing = (MissingRows(slice="oos", have=80, needed=290),)
    slices = Check(name="champion_slices", outcome=Outcome.INCONCLUSIVE, sentence="seems to lose", missing=missing)
    speed = Check(name="champion_speed/edge", outcome=Outcome.INCONCLUSIVE, sentence="measure again")
    lines = verdict_notice(outcome_of(evidence, Verdict.of([slices, speed])), PAGES).body.splitlines()
    assert "Missing: 210 more gate rows of slice 'oos' (80 were judged, 290 would settle it)" in lines
    assert "Missing: a measurement on edge that settles the timings" in lines


def test_without_servers_only_the_report_is_linked(evidence, judged) -> None:
    pages = RunPages(report="file:///r.html", version=None, run=None)
    assert verdict_notice(outcome_of(evidence, judged(evidence)), pages).body.endswith("\nReport: file:///r.html")


def test_text_from_data_cannot_draw_secrets_out_of_a_webhooks_template() -> None:
    made = notice("verdict", "a {{token}}", ["{{token}} {{{token}}}", "two\nlines\x1b[31m"])
    assert "{{" not in made.subject + made.body
    assert made.body.splitlines() == ["{ {token}} { { {token}}}", "two lines [31m"]


def test_a_line_has_an_end() -> None:
    made = notice("verdict", "s" * 1000, ["x" * 10_000])
    assert len(made.subject) == 200
    assert len(made.body) == 500


def test_what_a_person_can_mend_is_said_without_passwords() -> None:
    made = failure_notice("a", UserError("postgresql://me:hush@db/x does not answer", file="r.yaml"))
    assert (made.kind, made.subject) == ("failure", "a: the run failed")
    assert made.body == "r.yaml: postgresql://***@db/x does not answer"


@pytest.mark.parametrize("error", [ValueError("token=hush"), KeyError("hush")])
def test_of_an_internal_error_only_the_type_is_said(error: Exception) -> None:
    made = failure_notice("a", error)
    assert type(error).__name__ in made.body
    assert "hush" not in made.body
