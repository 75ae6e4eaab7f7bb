"""The report: one page that shows the verdict first, escapes what the data brings, and loads nothing."""

import dataclasses
import re
from pathlib import Path

import pytest

from registry.checks import Check, Outcome, Verdict
from registry.missing import MissingRows
from registry.report import render_report, write_report
from registry.report.accuracy_rows import slice_rows
from tasks.families.classification.account import account_of
from tasks.families.classification.records import SeedCandidate, SeedChoice
from tasks.formatting import NOT_MEASURED
from tasks.records import ChampionComparison, ChampionSpeed, Disturbance, SliceAccuracy, UnreadableChampion
from tests.registry.measured import paired, ratio, share
from tests.registry.report_page import HOSTILE, Page, bare, hostile, report_content, shown
from tests.registry.reported import fine_tuned
from tests.registry.reported_benchmark import BUNDLE

FETCHING = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_verdict_is_the_first_heading_and_the_title(outcome: Outcome) -> None:
    html = render_report(report_content(outcome))
    assert Page(html).headings[0] == outcome.value
    assert f"<title>{outcome.value} " in html


def test_checks_that_did_not_pass_come_first_and_are_named_in_the_headline() -> None:
    page = Page(render_report(report_content(Outcome.FAIL))).text
    assert "1 of 8 checks failed: latency_p99_ms/local-cpu/SingleStream." in page
    assert page.index("5.81 ms: over 0.01 ms") < page.index("no gate row is in another split")


def test_what_would_settle_an_open_verdict_stands_above_the_checks() -> None:
    missing = (MissingRows(slice="oos", have=80, needed=290),)
    check = Check(name="champion_slices", outcome=Outcome.INCONCLUSIVE, sentence="seems to lose", missing=missing)
    page = Page(render_report(dataclasses.replace(report_content(), verdict=Verdict.of((check,))))).text
    said = "What would settle it: 210 more gate rows of slice 'oos' (80 were judged, 290 would settle it)."
    assert page.index(said) < page.index("seems to lose")
    assert "What would settle it" not in Page(render_report(report_content())).text


def test_a_run_without_optional_parts_renders_and_says_what_is_missing() -> None:
    html = render_report(bare(report_content()))
    page = Page(html)
    assert page.headings[0] == "INVALID"
    assert NOT_MEASURED in page.text
    assert "No target was measured." in page.text
    assert "No certificate" in page.text
    assert "Nothing was judged" in page.text
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", page.text, re.IGNORECASE)
    assert not re.search(r"\bnan\b", html, re.IGNORECASE)


def test_a_measurement_that_is_no_number_is_shown_as_not_measured() -> None:
    page = Page(render_report(report_content(Outcome.INVALID))).text
    assert NOT_MEASURED in page
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)


def test_hostile_text_from_data_and_machine_stays_text() -> None:
    html = render_report(hostile(report_content()))
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "<script" not in html.lower()
    assert HOSTILE in page.text


def test_the_page_fetches_nothing() -> None:
    html = render_report(report_content())
    page = Page(html)
    addresses = [value or "" for _, attributes in page.tags for name, value in attributes.items() if name in FETCHING]
    assert all(address.startswith("#") for address in addresses)
    styles = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in styles
    assert "@import" not in styles
    assert "default-src 'none'" in html
    assert "https://data.example/landed.jsonl" in page.text, "an address in the recipe is shown as text"


def test_a_champion_is_compared_with_in_the_quality_section() -> None:
    content = report_content()
    champion = ChampionComparison(
        name="support-intents",
        version=12,
        bundle_digest="ab" * 32,
        challenger_digest=BUNDLE,
        test=paired(7, 3, 900, 0.0, 0.8, 0.0123),
        accuracy=share(852, 900),
        champion_accuracy=share(856, 900),
    )
    measured = content.evidence.benchmarks[0].model_copy(
        update={
            "against_champion": ChampionSpeed(bundle_digest="ab" * 32, speedup=ratio(1.21)),
            "disturbance": Disturbance(share=0.22, during="Server", disturbed=True, attempts=3),
        }
    )
    page = Page(render_report(shown(content, champion=champion, benchmarks=(measured,)))).text
    assert "models:/support-intents/12 served when this bundle was judged" in re.sub("[\u200b\u00ad]", "", page)
    assert "7 / 3 of 900" in page
    assert "1.21× (1.17–1.25)" in page
    assert "others took 22% of the CPUs' time during Server, in the best of 3 measurements" in page
    assert "Against the champion models:/support-intents/12 it loses at most 1.23" in page


def test_a_champion_that_could_not_be_read_is_said() -> None:
    gone = UnreadableChampion(name="support-intents", version=12, problem=f"altered {HOSTILE}")
    html = render_report(shown(report_content(), unreadable_champion=gone))
    assert f"Not compared with models:/support-intents/12: altered {HOSTILE}" in Page(html).text
    assert "Against the champion" not in Page(render_report(report_content())).text


def test_links_lead_to_sections_that_exist() -> None:
    page = Page(render_report(report_content()))
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {str(attributes["href"])[1:] for tag, attributes in page.tags if tag == "a"}
    assert links
    assert links <= ids


def test_the_same_run_gives_the_same_bytes() -> None:
    assert render_report(report_content()) == render_report(report_content())


def test_many_classes_with_long_names_stay_a_small_page() -> None:
    labels = tuple(f"{number}-" + "<&>" * 400 for number in range(1000))
    content = report_content(labels=labels)
    slices = tuple(SliceAccuracy(name=label, accuracy=share(30, 40)) for label in labels)
    content = shown(content, evaluation=content.evidence.evaluation.model_copy(update={"slices": slices}))
    html = render_report(content)
    assert len(html.encode()) < 600_000
    assert "850 better classes are left out" in Page(html).text


def test_writing_leaves_the_whole_page_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "run" / "report.html"
    for outcome in (Outcome.FAIL, Outcome.PASS):
        assert write_report(report_content(outcome), file) == file
    assert file.read_text(encoding="utf-8") == render_report(report_content(Outcome.PASS))
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_a_bundle_that_was_not_the_measured_one_is_said_aloud() -> None:
    content = report_content()
    other = content.evidence.benchmarks[0].model_copy(update={"bundle_digest": "f0" * 32})
    page = Page(render_report(shown(content, benchmarks=(other,)))).text
    assert "Measured bytes differ from the calibrated bundle on local-cpu." in page


def test_the_chosen_certificate_is_stated_and_a_router_without_one_is_said_aloud() -> None:
    content = report_content()
    assert "the routed answer loses at most 1 % accuracy" in Page(render_report(content)).text
    astray = content.evidence.router.model_copy(update={"operating_point": "unknown"})
    page = Page(render_report(shown(content, router=astray))).text
    assert "No certificate belongs to the operating point unknown, and the router has 5 paths." in page


def test_a_dropped_technique_says_why() -> None:
    page = Page(render_report(report_content())).text
    assert "dropped: 0.90x against its parent" in page


def test_an_undecided_technique_is_no_dropped_one_and_says_which_clock_saw_what() -> None:
    content = report_content()
    seen = "undecided: 1.58x (0.83 to 2.07) after 64 blocks by the thread's CPU time"
    changes = {"kept": False, "undecided": True, "clock": "cpu", "blocks": 64, "reason": seen}
    first, *others = content.evidence.compression.techniques
    techniques = (first.model_copy(update=changes), *others)
    compression = content.evidence.compression.model_copy(update={"techniques": techniques})
    page = render_report(shown(content, compression=compression))
    assert '<span class="badge inconclusive">undecided</span>' in page
    assert "1.58x (0.83 to 2.07) after 64 blocks" in page
    assert "64 interleaved blocks, decided by the thread" in page


def test_a_missing_bound_says_how_many_queries_are_missing() -> None:
    content = report_content()
    scenario = content.evidence.benchmarks[0].scenarios[0]
    tail = scenario.percentiles[-1].model_copy(update={"upper_bound_ms": None, "missing": 162})
    scenario = scenario.model_copy(update={"percentiles": (*scenario.percentiles[:-1], tail)})
    benchmark_without = content.evidence.benchmarks[0].model_copy(update={"scenarios": (scenario,)})
    page = Page(render_report(shown(content, benchmarks=(benchmark_without,)))).text
    assert "no bound: 162 more queries needed" in page
    assert "no bound, 162 queries missing" in page


def test_slices_are_judged_by_their_bounds_worst_first() -> None:
    rows = slice_rows(report_content())
    assert [row.name for row in rows] == ["orders", "devices", "travel", "banking"]
    assert [row.state for row in rows] == ["uncertain", "met", "met", "met"]


def test_a_search_over_seeds_shows_every_candidate_and_why_one_was_chosen() -> None:
    content = report_content()
    candidates = tuple(
        SeedCandidate(
            name=f"seed {seed}",
            seed=seed,
            accuracy=accuracy,
            train_loss=0.1,
            best_epoch=3,
            epochs_run=5,
            chosen=seed == 7,
        )
        for seed, accuracy in ((3, 0.91), (7, 0.9432))
    )
    choice = SeedChoice(seed=7, reason="the highest accuracy on tune of 2 seeds, 94.32%", candidates=candidates)
    account = account_of(content.evidence.snapshot, fine_tuned(), prune=None, lexical=None, seeds=choice)
    text = Page(render_report(shown(content, account=account))).text
    assert "Seed 7 was chosen: the highest accuracy on tune of 2 seeds, 94.32%." in text
    assert re.search(r"seed 7\s+chosen\s*94\.32", text)
    assert re.search(r"seed 3\s*91\.00", text)
    assert "Seeds of fine-tuning" not in Page(render_report(content)).text


def test_what_the_steps_put_on_the_record_is_shown_escaped() -> None:
    content = shown(report_content(), remarks=("the prefix <module.> was taken off",))
    assert "<li>the prefix &lt;module.&gt; was taken off</li>" in render_report(content)
    assert "<h3>Remarks</h3>" not in render_report(report_content())
