"""Report, model card and headline metrics of text generation: its own numbers, and nothing that only classes have."""

import dataclasses
import math
import re
from datetime import UTC, datetime

import pytest

from registry.evidence import Evidence
from registry.flatten import metrics_of
from registry.headline import headline_metrics
from registry.model_card import DESCRIPTION_LENGTH, model_card, model_description
from registry.report import ReportContent, render_report
from tasks.families.generation.account import account_of
from tasks.families.generation.recipe import GenerationGates, TextGenerationRecipe
from tasks.families.generation.recipe_sections import InitConfig
from tasks.families.generation.records import StudentResult
from tasks.recipe.data import PromptDataConfig
from tasks.records import Screened, ScreenedFigures
from tasks.records.sections import Account
from tests.registry.generated import student
from tests.registry.report_page import HOSTILE, Page, report_content, shown
from tests.registry.spoilt import with_figure

ONLY_OF_CLASSES = re.compile(
    r"macro F1|calibration error|out.of.scope|in.scope|lexical|classifier|\d labels|exit heads|logits", re.IGNORECASE
)


@pytest.fixture(scope="session")
def content(completing, completing_gates, judged) -> ReportContent:
    return dataclasses.replace(
        report_content(),
        name="function-calls",
        created=datetime(2026, 3, 1, 2, 13, tzinfo=UTC),
        recipe=TextGenerationRecipe(
            name="function-calls",
            task="text-generation",
            data=PromptDataConfig(train="grammar://function-calls", correct="json"),
            init=InitConfig(layers=4, width=192, heads=6),
            targets=("local-cpu",),
            gates=completing_gates,
        ),
        evidence=completing.model_copy(update={"account": account(completing, student())}),
        steps=(),
        verdict=judged(completing, gates=completing_gates),
    )


def account(evidence: Evidence, small: StudentResult | None) -> Account:
    """How the family words the evidence."""
    return account_of(evidence.fine_tuned, evidence.compression, small)


def body(content: ReportContent) -> str:
    """The page's text without the recipe, which has every section that a recipe may have."""
    return Page(render_report(content)).text.split("Recipe, with every default")[0]


class TestReport:
    def test_it_says_how_tokens_are_guessed_and_what_that_gained(self, content):
        text = body(content)
        assert "small guesses up to 8 tokens from phrases, 2.10×" in text
        assert "full checks the answer of small, guesses up to 4 tokens from phrases, 1.75×" in text

    def test_it_shows_what_completions_are_judged_by(self, content):
        text = body(content)
        assert "exact match on gate" in text
        assert re.search(r"token F1, lower bound\s*0\.984, 0\.978", text)
        assert re.search(r"ROUGE-L, lower bound\s*0\.981, 0\.975", text)
        assert re.search(r"completions that are JSON\s*99\.7", text)
        assert re.search(r"perplexity of the gold completions, fp32 reference\s*1\.03", text)
        assert re.search(r"perplexity of the gold completions, last path as it serves\s*1\.04", text)
        assert re.search(r"answers the same as plain greedy decoding's\s*100\.0", text)
        assert "A completion is right when it is equal to the wanted one" in text

    def test_it_shows_token_latencies_with_their_bounds(self, content):
        text = body(content)
        assert re.search(r"p99 to the first token\s*4\.00.ms\s*upper bound 4\.60.ms", text)
        assert re.search(r"p99 per further token\s*0\.700.ms\s*upper bound 0\.800.ms", text)
        assert re.search(r"p99\s*4\.00.ms≤ 4\.60.ms\s*0\.700.ms≤ 0\.800.ms", text)
        assert re.search(r"completion tokens per second\s*1,450", text)
        assert re.search(r"p99\s*4\.40.ms≤ 4\.80.ms\s*0\.800.ms≤ 0\.900.ms", text)
        assert re.search(r"bounds on p99\s*to the first 50.ms, per further one 10.ms", text)
        assert re.search(r"completion tokens per second at that rate\s*2,088", text)

    def test_it_says_how_full_and_small_model_came_about(self, content):
        text = body(content)
        assert "4 decoder layers of width 192; 2.10 M parameters" in text
        assert "trained from nothing on 4,000 rows, 3 longer ones left out" in text
        assert "2 of width 192, of 4 of width 192" in text
        assert re.search(r"perplexity of the gold completions on tune\s*1\.03 → 1\.04", text)
        assert re.search(r"exact match on tune\s*95\.3.% → 81\.0", text)

    def test_it_says_why_a_setting_of_the_search_was_left(self, content):
        figures = ScreenedFigures(
            rows=350,
            speedup=1.35,
            accuracy=0.78,
            parent_accuracy=0.97,
            perplexity=1.1,
            parent_perplexity=1.01,
            agreement=0.79,
            size_mb=0.7,
        )
        entries = (
            Screened(name="int4-block128-level4", parent="fp32", taken=False, reason="perplexity +9%", figures=figures),
            Screened(name="int4-block64-level4", parent="fp32", taken=False, reason="not built: no zero", figures=None),
        )
        searched = content.evidence.compression.model_copy(update={"screened": entries})
        text = body(shown(content, compression=searched))
        assert "2 settings of int4 tried on a sample of tune" in text
        assert re.search(
            r"int4-block128-level4\s*1\.35× fp32\s*97\.0.% → 78\.0.%\s*1\.01 → 1\.10\s*79\.0.%\s*350", text
        )
        assert "left: perplexity +9%" in text
        assert re.search(r"int4-block64-level4\s*(not measured\s*){5}left: not built: no zero", text)
        assert "tried on a sample" not in body(content)

    def test_it_says_that_no_small_model_earned_its_place(self, content):
        compression = content.evidence.compression
        dropped = compression.techniques[0].model_copy(
            update={"name": "distilled", "kept": False, "reason": "dropped: not measured faster"}
        )
        compression = compression.model_copy(update={"techniques": (dropped, *compression.techniques)})
        words = account_of(content.evidence.fine_tuned, compression, None)
        text = body(shown(content, compression=compression, account=words))
        assert "Small model: none earned its place." in text
        assert "dropped: not measured faster" in text

    def test_nothing_is_said_of_what_only_classes_have(self, content):
        assert ONLY_OF_CLASSES.findall(body(content)) == []

    def test_what_was_not_measured_is_not_shown_as_a_number(self, content):
        without = with_figure(content.evidence, "json_validity", value=None, low=None, high=None, rows=0)
        evidence = with_figure(without, "token_f1", low=math.nan)
        silent = evidence.benchmarks[0].model_copy(update={"tokens": None})
        bare = shown(
            dataclasses.replace(content, evidence=evidence),
            account=account(evidence, None),
            benchmarks=(silent,),
        )
        text = body(bare)
        assert "completions that are JSON" not in text.split("Quality on the gate rows")[1]
        assert re.search(r"token F1, lower bound\s*0\.984, not measured", text)
        assert "to the first token" not in text.split("Checks")[0]
        assert "Small model: not part of this run." in text
        assert not re.search(r"\bnan\b|\bNone\b", text)

    def test_nothing_measured_at_all_still_renders(self, content):
        assert "No target was measured." in body(shown(content, benchmarks=()))

    def test_hostile_text_stays_text(self, content):
        tuned = content.evidence.fine_tuned.model_copy(update={"base_model": HOSTILE})
        html = render_report(shown(content, fine_tuned=tuned))
        assert "<script" not in html.lower()
        assert HOSTILE in Page(html).text

    def test_the_same_run_gives_the_same_bytes(self, content):
        assert render_report(content) == render_report(content)


class TestModelCard:
    @pytest.fixture
    def card(self, completing, completing_gates, judged):
        return model_card("function-calls", completing, judged(completing, gates=completing_gates))

    def test_it_shows_completions_and_tokens(self, card):
        assert "Adaptive text generator, from `init`" in card
        assert "## Quality on 900 gate rows" in card
        assert "| routed, exact match | 95.00% (93.40% to 96.30%, n = 900) |" in card
        assert "| token F1 | 0.9840 (at least 0.9780) |" in card
        assert "| ROUGE-L | 0.9810 (at least 0.9750) |" in card
        assert "| the share of completions that are JSON | 99.70% (99.00% to 99.90%, n = 900) |" in card
        assert "| perplexity of the gold completions, last path as it serves | 1.0357 |" in card
        assert "- small guesses up to 8 tokens from phrases, 2.10×" in card
        assert "## Tokens on local-cpu, 1500 queries" in card
        assert "| time to the first token (ms), p99 | 4 | 4.6 |" in card
        assert "| completion tokens per second | 1450 |" in card
        assert "## Tokens on local-cpu, Server at 80 queries per second" in card
        assert "| time to the first token (ms), p99 | 4.4 | 4.8 |" in card
        assert "| tokens per second within 50 ms to the first token and 10 ms per further token | 2088 |" in card
        assert "# completion, confidence, path, tokens" in card

    def test_nothing_is_said_of_what_only_classes_have(self, card):
        assert ONLY_OF_CLASSES.findall(card) == []
        assert "None" not in card

    def test_a_missing_bound_says_how_many_queries_are_missing(self, completing, judged):
        tokens = completing.benchmarks[0].tokens
        short = tokens.first[-1].model_copy(update={"upper_bound_ms": None, "missing": 162})
        tokens = tokens.model_copy(update={"first": (*tokens.first[:-1], short)})
        benchmark = completing.benchmarks[0].model_copy(update={"tokens": tokens})
        spoilt = completing.model_copy(update={"benchmarks": (benchmark,)})
        card = model_card("x", spoilt, judged(spoilt, gates=GenerationGates(accuracy=0.9)))
        assert "| time to the first token (ms), p99 | 4 | 162 more queries needed |" in card

    def test_its_short_form_fits_what_mlflow_holds(self, completing, completing_gates, judged):
        verdict = judged(completing, gates=completing_gates)
        description = model_description("function-calls", completing, verdict)
        assert len(description) <= DESCRIPTION_LENGTH
        assert completing.router.certificates[0].statement in description


def test_token_latencies_are_metrics_of_their_step(completing):
    metrics = metrics_of(completing.benchmarks[0])
    assert metrics["tokens/first/p99_ms"] == 4.0
    assert metrics["tokens/further/p99_upper_bound_ms"] == 0.8
    assert metrics["token_server/first/p99_upper_bound_ms"] == 4.8
    assert metrics["token_server/sustained_qps"] == 120.0
    assert metrics["scenarios/Server/p99_ms"] == 8.0
    assert metrics_of(student())["tune/exact_match"] == 0.81


class TestHeadlineMetrics:
    def test_completions_and_tokens_have_stable_names(self, completing):
        metrics = headline_metrics(completing)
        assert metrics["accuracy"] == metrics["exact_match"] == pytest.approx(0.95)
        assert metrics["token_f1"] == 0.984
        assert metrics["rouge_l_low"] == 0.975
        assert metrics["json_validity"] == 0.997
        assert metrics["perplexity"] == 1.031
        assert metrics["served_perplexity"] == 1.0357
        assert metrics["identical_to_greedy"] == 1.0
        assert metrics["local-cpu/ttft_p99_ms"] == 4.0
        assert metrics["local-cpu/ttft_p99_upper_bound_ms"] == 4.6
        assert metrics["local-cpu/tpot_p50_ms"] == 0.4
        assert metrics["local-cpu/tokens_per_second"] == 1450.0
        assert metrics["local-cpu/server_ttft_p99_ms"] == 4.4
        assert metrics["local-cpu/server_tpot_p99_upper_bound_ms"] == 0.9
        assert metrics["local-cpu/sustained_tokens_per_second"] == pytest.approx(2088.0)
        assert not {"macro_f1", "in_scope_accuracy", "expected_calibration_error", "out_of_scope_recall"} & set(metrics)

    def test_classification_has_none_of_them(self, evidence):
        metrics = headline_metrics(evidence)
        assert {"macro_f1", "in_scope_accuracy", "expected_calibration_error"} <= set(metrics)
        assert not [name for name in metrics if re.search("token|rouge|perplexity|exact_match|ttft|tpot", name)]
