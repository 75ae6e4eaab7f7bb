"""The report: one page that shows the verdict first, escapes what the data brings, and loads nothing."""

import dataclasses
import math
import random
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.checks import Check, Outcome, Verdict
from registry.evidence import Evidence
from registry.missing import MissingRows
from registry.report import ReportContent, StepSummary, render_report, write_report
from registry.report.accuracy_rows import slice_rows
from registry.report.cost_accuracy import Point, mixing, pareto_front
from registry.report.labels import Box, Label, place, text_width
from registry.report.paths import optimal_share
from registry.report.svg import Scale
from tasks.families.classification.account import account_of
from tasks.families.classification.figures import out_of_scope_figures
from tasks.families.classification.recipe import Gates, TextClassificationRecipe
from tasks.formatting import NOT_MEASURED, duration, limit, number, p_value, percent, times, with_unit
from tasks.recipe.data import DataConfig
from tasks.records import (
    BenchmarkResult,
    Certificate,
    ChampionComparison,
    ChampionSpeed,
    CompressionResult,
    Contender,
    Disturbance,
    EvaluationResult,
    FineTuneResult,
    GraphParity,
    Host,
    Interval,
    LadderCandidate,
    LexicalResult,
    PairedTest,
    PathEvaluation,
    PathResult,
    Percentile,
    PruneResult,
    Ratio,
    RouterResult,
    Scenario,
    SeedCandidate,
    SeedChoice,
    SliceAccuracy,
    SnapshotResult,
    SourceFile,
    Technique,
    UnreadableChampion,
)
from tasks.records.sections import Fact, Section, Table, TableRow
from tests.registry.classified import class_figures
from tests.registry.spoilt import with_figure

PATHS = ("lexical", "layer-1", "layer-2", "layer-3", "full")
BUNDLE = "b1" * 32
OPERATING_POINT = "1%"
HOSTILE = "<script>alert('label')</script>"
FETCHING = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}


def share(right: int, rows: int) -> Interval:
    value = right / rows
    spread = 1.96 * math.sqrt(max(value * (1 - value), 1e-4) / rows)
    return Interval(
        value=value, low=value - spread, high=min(1.0, value + spread), successes=right, n=rows, confidence=0.95
    )


def ratio(value: float, spread: float = 0.03) -> Ratio:
    return Ratio(value=value, low=value * (1 - spread), high=value * (1 + spread))


def paired(harms: int, gains: int, rows: int, epsilon: float, p: float, upper: float) -> PairedTest:
    loss = (harms - gains) / rows
    return PairedTest(
        n=rows, harms=harms, gains=gains, loss=loss, epsilon=epsilon, p_value=p, upper_bound=upper, confidence=0.95
    )


def technique(
    name: str, parent: str, before: float, after: float, *, kept: bool, sizes: tuple[float, float]
) -> Technique:
    speedup = ratio(before / after)
    return Technique(
        name=name,
        parent=parent,
        kept=kept,
        reason=f"{'kept' if kept else 'dropped'}: {speedup.value:.2f}x against its parent",
        speedup=speedup,
        accuracy=0.949 if kept else 0.931,
        parent_accuracy=0.951,
        test=paired(9, 7, 900, 0.02, 0.0004, 0.0096),
        size_mb=sizes[1],
        parent_size_mb=sizes[0],
        parity=0.312 if "int8" in name else 3.1e-6,
        agreement=0.987,
        mean_ms=after,
        parent_mean_ms=before,
    )


def certificate(
    epsilon: float, cost: float, harms: int, p: float, upper: float, shares: tuple[float, ...]
) -> Certificate:
    certified = p <= 0.05
    return Certificate(
        epsilon=epsilon,
        confidence=0.95,
        certified=certified,
        test=paired(harms, 2, 1500, epsilon, p, upper),
        settings_tried=17,
        delta_spent=0.05,
        stop_shares=dict(zip(PATHS, shares, strict=True)),
        expected_cost_ms=cost,
        statement=f"With probability at least 95 %, the routed answer loses at most {100 * epsilon:g} % accuracy "
        "against the fine-tuned fp32 model, on inputs like the 1,500 certify rows.",
    )


def latencies(queries: int = 1500) -> tuple[float, ...]:
    chance = random.Random(7)
    times = []
    for index in range(queries):
        base = chance.choices((0.14, 1.0, 1.8, 2.6, 4.8), weights=(56, 8, 9, 7, 20))[0]
        slow = 6.0 if 900 < index < 915 and chance.random() < 0.3 else 1.0
        times.append(base * chance.lognormvariate(0, 0.09) * slow)
    return tuple(times)


def scenarios(times: tuple[float, ...]) -> tuple[Scenario, ...]:
    ordered = sorted(times)

    def percentiles(stretch: float) -> tuple[Percentile, ...]:
        return tuple(
            Percentile(
                percentile=p,
                value_ms=stretch * ordered[int(p / 100 * len(ordered))],
                upper_bound_ms=stretch * ordered[min(len(ordered) - 1, int((p + 0.6) / 100 * len(ordered)))],
                missing=0,
            )
            for p in (50.0, 90.0, 99.0)
        )

    mean = sum(times) / len(times)
    common = {"queries": len(times), "valid": True, "validity": "VALID", "errors": 0}
    return (
        Scenario(
            name="SingleStream",
            qps=1000 / mean,
            target_qps=None,
            latency_bound_ms=None,
            mean_ms=mean,
            percentiles=percentiles(1),
            **common,
        ),
        Scenario(
            name="Offline", qps=1120, target_qps=None, latency_bound_ms=None, mean_ms=0.89, percentiles=(), **common
        ),
        Scenario(
            name="Server",
            qps=412,
            target_qps=420,
            latency_bound_ms=25,
            mean_ms=2 * mean,
            percentiles=percentiles(1.9),
            **common,
        ),
    )


def benchmark(target: str = "local-cpu") -> BenchmarkResult:
    times = latencies()
    return BenchmarkResult(
        target=target,
        host=Host(
            cpu="AMD EPYC 7B13 64-Core Processor",
            instruction_set=("sse4_2", "avx", "avx2", "fma"),
            cores=2,
            memory_gb=15.6,
            accelerator=None,
            runtimes={"onnxruntime-gpu": "1.31.0", "numpy": "2.4.1", "tokenizers": "0.22.1"},
        ),
        bundle_digest=BUNDLE,
        execution_providers=("CPUExecutionProvider",),
        cold_start_s=0.61,
        first_answer_ms=7.9,
        peak_memory_mb=231.4,
        size_mb=24.6,
        scenarios=scenarios(times),
        sustained_qps=420.0,
        contenders=(
            Contender(name="adaptive", mean_ms=1.52, p50_ms=0.15, p99_ms=5.9, speedup=ratio(3.04)),
            Contender(name="static-int8", mean_ms=4.62, p50_ms=4.51, p99_ms=6.2, speedup=ratio(1.0, 0.004)),
            Contender(name="static-fp32", mean_ms=8.31, p50_ms=8.12, p99_ms=10.4, speedup=ratio(0.556)),
        ),
        stop_shares=dict(zip(PATHS, (0.561, 0.079, 0.093, 0.071, 0.196), strict=True)),
        latencies_ms=times,
        noise=Ratio(value=1.003, low=0.985, high=1.021),
    )


def router() -> RouterResult:
    own = (0.11, 0.83, 0.77, 0.75, 2.05)
    total = [sum(own[: index + 1]) for index in range(len(own))]
    alone = (0.842, 0.861, 0.902, 0.921, 0.948)
    shares = (0.558, 0.081, 0.094, 0.069, 0.198)
    return RouterResult(
        paths=tuple(
            PathResult(
                name=name,
                kind="lexical" if name == "lexical" else "encoder",
                cost_ms=own[index],
                cumulative_ms=total[index],
                tune_accuracy=alone[index],
                stop_share=shares[index],
            )
            for index, name in enumerate(PATHS)
        ),
        certificates=(
            certificate(0.005, 2.31, 3, 0.081, 0.0061, (0.41, 0.05, 0.08, 0.06, 0.40)),
            certificate(0.01, 1.44, 6, 0.013, 0.0082, shares),
            certificate(0.02, 0.71, 17, 0.021, 0.0178, (0.72, 0.1, 0.08, 0.04, 0.06)),
        ),
        operating_point=OPERATING_POINT,
        reference_accuracy=0.951,
        expected_cost_ms=1.44,
        static_cost_ms=4.6,
        oracle_cost_ms=0.42,
        random_cost_ms=2.15,
        candidates=(LadderCandidate(name="fine-tuned, last path alone", predicted_cost_ms=1.4, chosen=True),),
        certify_digest="c3" * 32,
        attempt=1,
        bundle_digest=BUNDLE,
        size_mb=24.6,
    )


def evaluation(labels: tuple[str, ...]) -> EvaluationResult:
    alone = (752, 771, 809, 826, 849)
    cost = (0.11, 0.89, 1.66, 2.41, 4.46)
    shares = (0.552, 0.083, 0.09, 0.075, 0.2)
    return EvaluationResult(
        rows=900,
        accuracy=share(852, 900),
        reference_accuracy=share(856, 900),
        static_accuracy=share(851, 900),
        reference=paired(9, 5, 900, 0.01, 0.19, 0.0121),
        disagreement=share(17, 900),
        slices=tuple(
            SliceAccuracy(name=name, accuracy=share(right, rows))
            for name, right, rows in (
                ("banking", 231, 240),
                ("travel", 208, 225),
                ("devices", 203, 220),
                ("orders", 187, 215),
            )
        ),
        classes=tuple(SliceAccuracy(name=name, accuracy=share(24 + i % 9, 33)) for i, name in enumerate(labels)),
        paths=tuple(
            PathEvaluation(
                name=name,
                accuracy=share(alone[index], 900),
                stop_share=shares[index],
                accuracy_when_stopped=(0.988, 0.961, 0.952, 0.934, 0.861)[index],
                cost_ms=cost[index],
            )
            for index, name in enumerate(PATHS)
        ),
        leaking_rows=0,
        figures=class_figures(
            in_scope=(share(786, 820), share(789, 820)),
            macro_f1=(0.943, 0.926),
            calibration_error=(0.0213, 0.0318),
            outside={
                "recall": share(66, 80),
                "auroc": 0.957,
                "fpr95": 0.164,
                "early_share": 0.0125,
                "in_scope_rows": 820,
            },
            label="out_of_scope",
        ),
    )


def snapshot(labels: tuple[str, ...]) -> SnapshotResult:
    return SnapshotResult(
        rows={"train": 2700, "tune": 900, "certify": 1500, "gate": 900},
        out_of_scope_rows={"train": 240, "tune": 80, "certify": 133, "gate": 80},
        labels=labels,
        out_of_scope_label="out_of_scope",
        slices=("banking", "devices", "orders", "travel"),
        sources=(
            SourceFile(location="grammar://support-intents", sha256="a7" * 32, rows=6043, quarantined=0),
            SourceFile(location="landed/2026-02-28.jsonl", sha256="09" * 32, rows=57, quarantined=4),
        ),
        quarantined=4,
        quarantine_reasons={"text is empty": 3, "label is missing": 1},
        duplicates=31,
        contradicting=2,
        leaking_exact=12,
        leaking_near=11,
        content_digest="d4" * 32,
    )


def verdict(outcome: Outcome = Outcome.PASS) -> Verdict:
    p99 = {
        Outcome.PASS: (25.0, "within 25 ms"),
        Outcome.FAIL: (0.01, "over 0.01 ms"),
        Outcome.INCONCLUSIVE: (5.6, "5.6 ms is not proven; more queries would narrow it"),
        Outcome.INVALID: (25.0, "the latency is missing or not a finite number"),
    }[outcome]
    missing = outcome is Outcome.INVALID
    return Verdict.of(
        (
            Check(name="leakage", outcome=Outcome.PASS, sentence="no gate row is in another split"),
            Check(
                name="bundle_digest", outcome=Outcome.PASS, sentence=f"all evidence is about the bundle {BUNDLE[:12]}"
            ),
            Check(
                name="certificate",
                outcome=Outcome.PASS,
                sentence="a loss of at most 1 % is certified",
                measured=0.0027,
                bound=0.0082,
                threshold=0.01,
                unit="share",
                direction="ceiling",
            ),
            Check(
                name="accuracy",
                outcome=Outcome.PASS,
                measured=0.9467,
                bound=0.93,
                threshold=0.9,
                unit="share",
                sentence="accuracy 94.67% on 900 rows, at least 93.00%: meets the floor of 90.00%",
                direction="floor",
            ),
            Check(
                name="latency_p99_ms/local-cpu/SingleStream",
                outcome=outcome,
                measured=math.nan if missing else 5.44,
                bound=None if missing else 5.81,
                threshold=p99[0],
                unit="ms",
                direction="ceiling",
                sentence=f"SingleStream p99 latency on local-cpu 5.44 ms, at most 5.81 ms: {p99[1]}",
            ),
            Check(
                name="throughput_qps/local-cpu",
                outcome=Outcome.PASS,
                measured=420.0,
                bound=420.0,
                threshold=200.0,
                unit="qps",
                sentence="throughput on local-cpu 420 qps sustained: meets 200 qps",
                direction="floor",
            ),
            Check(
                name="speedup/local-cpu",
                outcome=Outcome.PASS,
                measured=3.04,
                bound=2.95,
                threshold=2.0,
                unit="x",
                sentence="speed-up over the static model on local-cpu 3.04x, at least 2.95x: meets the floor of 2x",
                direction="floor",
            ),
            Check(
                name="size_mb/local-cpu",
                outcome=Outcome.PASS,
                measured=24.6,
                bound=24.6,
                threshold=120.0,
                unit="MB",
                sentence="size 24.6 MB: within 120 MB",
                direction="ceiling",
            ),
        )
    )


def fine_tuned() -> FineTuneResult:
    return FineTuneResult(
        base_model="sentence-transformers/all-MiniLM-L6-v2",
        base_digest="e5" * 32,
        exits=(1, 2, 3),
        layers=6,
        parameters=22_740_000,
        epochs_run=5,
        best_epoch=4,
        train_loss=0.0817,
        accuracy={"layer-1": 0.861, "layer-2": 0.902, "layer-3": 0.921, "full": 0.951},
    )


def pruned() -> PruneResult:
    return PruneResult(
        layers=(1, 2, 3, 4, 6),
        ffn_widths=(1536, 1536, 1024, 768, 768),
        exits=(1, 2, 3),
        parameters=18_310_000,
        parent_parameters=22_740_000,
        latency_table={1536: 0.76, 1024: 0.59, 768: 0.51, 512: 0.42},
        predicted_speedup=1.47,
        accuracy={"layer-1": 0.851, "full": 0.931},
    )


def compression() -> CompressionResult:
    return CompressionResult(
        model="fine-tuned",
        precision="dynamic-int8",
        techniques=(
            technique("fuse", "fp32-unfused", 9.4, 8.2, kept=True, sizes=(90.9, 90.9)),
            technique("dynamic-int8", "fp32", 8.2, 4.6, kept=True, sizes=(90.9, 23.1)),
            technique("static-int8", "fp32", 8.2, 9.1, kept=False, sizes=(90.9, 23.2)),
            technique("prune", "dynamic-int8", 4.6, 3.3, kept=False, sizes=(23.1, 18.7)),
        ),
        parity=tuple(
            GraphParity(
                graph=f"segment-{i} dynamic-int8",
                parent=f"segment-{i} fp32",
                max_abs_difference=0.09 + 0.06 * i,
                bound=None,
                agreement=0.985,
                rows=64,
            )
            for i in range(4)
        ),
        segments=tuple(f"segment-{i}.onnx" for i in range(4)),
        parent_segments=(),
        static_monolith="static.onnx",
        static_precision="dynamic-int8",
        reference_monolith="reference.onnx",
    )


def lexical() -> LexicalResult:
    return LexicalResult(pairs=18_231, width=256, size_mb=0.91, tune_accuracy=0.842)


def report_content(outcome: Outcome = Outcome.PASS, labels: tuple[str, ...] | None = None) -> ReportContent:
    labels = labels or (*(f"intent_{number:02d}" for number in range(24)), "out_of_scope")
    latency = 0.01 if outcome is Outcome.FAIL else 25.0
    return ReportContent(
        name="support-intents",
        version="0.1.0",
        created=datetime(2026, 3, 1, 2, 13, tzinfo=UTC),
        recipe=TextClassificationRecipe(
            name="support-intents",
            task="text-classification",
            data=DataConfig(train=("grammar://support-intents", "https://data.example/landed.jsonl")),
            base_model="sentence-transformers/all-MiniLM-L6-v2",
            targets=("local-cpu",),
            gates=Gates(
                accuracy=0.9, latency_p99_ms=latency, throughput_qps=200, size_mb=120, speedup=2, slice_accuracy=0.85
            ),
        ),
        evidence=Evidence(
            bundle_digest=BUNDLE,
            snapshot=snapshot(labels),
            fine_tuned=fine_tuned(),
            compression=compression(),
            router=router(),
            evaluation=evaluation(labels),
            benchmarks=(benchmark(),),
            account=account_of(snapshot(labels), fine_tuned(), prune=pruned(), lexical=lexical(), seeds=None),
        ),
        verdict=verdict(outcome),
        steps=tuple(
            StepSummary(name=name, seconds=seconds, reused=reused, digest=f"{index:x}f" * 32)
            for index, (name, seconds, reused) in enumerate(
                (
                    ("snapshot", 2.4, True),
                    ("fine-tune", 183.2, True),
                    ("prune", 71.0, False),
                    ("export", 19.1, False),
                    ("quantize", 42.7, False),
                    ("lexical", 3.1, False),
                    ("calibrate-router", 8.8, False),
                    ("evaluate", 6.1, False),
                    ("benchmark", 63.5, False),
                )
            )
        ),
    )


def shown(content: ReportContent, **evidence: object) -> ReportContent:
    """The same run with other evidence."""
    return dataclasses.replace(content, evidence=content.evidence.model_copy(update=evidence))


class Page(HTMLParser):
    """What a browser would see: tags with attributes, the first heading, and all text outside of styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if self._open and re.fullmatch(r"h[1-6]", self._open[-1]):
            self.headings[-1] += data


def bare(content: ReportContent) -> ReportContent:
    """The same run with every optional part missing and every optional number unknown."""
    nothing = Interval(value=math.nan, low=math.nan, high=math.nan, successes=0, n=0, confidence=0.95)
    evidence = content.evidence
    figures = with_figure(evidence, "macro_f1", value=math.nan).evaluation.figures[:3] + out_of_scope_figures(
        "out_of_scope"
    )
    return shown(
        dataclasses.replace(content, steps=(), verdict=Verdict.of(())),
        account=account_of(evidence.snapshot, fine_tuned(), prune=None, lexical=None, seeds=None),
        benchmarks=(),
        compression=content.evidence.compression.model_copy(update={"techniques": (), "parity": ()}),
        snapshot=content.evidence.snapshot.model_copy(
            update={"slices": (), "sources": (), "quarantine_reasons": {}, "out_of_scope_label": None}
        ),
        router=content.evidence.router.model_copy(
            update={
                "certificates": (),
                "operating_point": "reference",
                "paths": content.evidence.router.paths[-1:],
                "oracle_cost_ms": math.nan,
                "random_cost_ms": math.nan,
                "expected_cost_ms": math.nan,
                "static_cost_ms": math.nan,
            }
        ),
        evaluation=content.evidence.evaluation.model_copy(
            update={
                "accuracy": nothing,
                "static_accuracy": nothing,
                "figures": figures,
                "slices": (SliceAccuracy(name="empty", accuracy=nothing),),
                "classes": (),
                "paths": (),
            }
        ),
    )


def hostile(content: ReportContent) -> ReportContent:
    """The same run with hostile text wherever a person's data, files or machine supply it."""
    attack = HOSTILE + '"><img src=x onerror=alert(1)>'
    paths = tuple(path.model_copy(update={"name": path.name + attack}) for path in content.evidence.router.paths)
    tuned = content.evidence.fine_tuned.model_copy(update={"base_model": attack})
    part = Section(
        "techniques", attack, (Fact(attack, attack),), (Table((attack,), (TableRow((attack,)),)),), attack, attack
    )
    return shown(
        dataclasses.replace(
            content,
            name=attack,
            verdict=Verdict.of((Check(name=attack, outcome=Outcome.FAIL, sentence=attack, unit=attack, measured=1.0),)),
            steps=(StepSummary(name=attack, seconds=1.0, reused=True, digest=attack),),
        ),
        snapshot=content.evidence.snapshot.model_copy(
            update={
                "sources": (SourceFile(location=attack, sha256=attack, rows=1, quarantined=1),),
                "quarantine_reasons": {attack: 1},
            }
        ),
        fine_tuned=tuned,
        account=dataclasses.replace(content.evidence.account, origin=attack, right=attack, sections=(part,)),
        compression=content.evidence.compression.model_copy(
            update={
                "static_precision": attack,
                "techniques": tuple(
                    t.model_copy(update={"name": t.name + attack, "reason": attack})
                    for t in content.evidence.compression.techniques
                ),
            }
        ),
        router=content.evidence.router.model_copy(update={"paths": paths}),
        evaluation=content.evidence.evaluation.model_copy(
            update={
                "slices": (SliceAccuracy(name=attack, accuracy=share(50, 60)),),
                "classes": (SliceAccuracy(name=attack, accuracy=share(50, 60)),),
                "paths": tuple(
                    p.model_copy(update={"name": p.name + attack}) for p in content.evidence.evaluation.paths
                ),
            }
        ),
        benchmarks=tuple(
            b.model_copy(update={"target": attack, "host": b.host.model_copy(update={"cpu": attack})})
            for b in content.evidence.benchmarks
        ),
    )


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


def test_random_mixing_is_the_straight_line_between_its_ends() -> None:
    mixture = mixing(report_content())
    assert mixture is not None
    cheap, full = mixture.cheap, mixture.full
    middle = (cheap.cost_ms + full.cost_ms) / 2
    assert mixture.accuracy_at(middle) == pytest.approx((cheap.accuracy + full.accuracy) / 2)
    assert mixture.accuracy_at(full.cost_ms * 1.01) is None


def test_optimal_share_is_one_for_the_oracle_and_zero_for_random_choice() -> None:
    content = report_content()
    for cost, expected in (
        (content.evidence.router.oracle_cost_ms, 1.0),
        (content.evidence.router.random_cost_ms, 0.0),
    ):
        router_at = content.evidence.router.model_copy(update={"expected_cost_ms": cost})
        assert optimal_share(shown(content, router=router_at)) == pytest.approx(expected)


points = st.builds(
    lambda cost, accuracy: Point("p", cost, accuracy, "circle", "path-1"),
    st.floats(0.01, 100),
    st.floats(0, 1),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(points, max_size=12))
def test_the_pareto_front_holds_exactly_what_no_other_point_beats(candidates: list[Point]) -> None:
    def beaten(point: Point) -> bool:
        return any(
            (o.cost_ms <= point.cost_ms and o.accuracy > point.accuracy)
            or (o.cost_ms < point.cost_ms and o.accuracy >= point.accuracy)
            for o in candidates
        )

    front = {(point.cost_ms, point.accuracy) for point in pareto_front(candidates)}
    assert front == {(point.cost_ms, point.accuracy) for point in candidates if not beaten(point)}


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-3, 1e4), st.floats(1.05, 1e4), st.booleans(), st.integers(3, 12))
def test_scales_are_monotone_and_their_ticks_lie_inside(
    low: float, spread: float, logarithmic: bool, most: int
) -> None:
    scale = Scale(low, low * spread, 10, 500, logarithmic=logarithmic)
    assert scale(low) == pytest.approx(10)
    assert scale(low * spread) == pytest.approx(500)
    ticks = scale.ticks(most)
    assert ticks == sorted(ticks)
    assert all(10 - 1e-6 <= scale(tick) <= 500 + 1e-6 for tick in ticks)
    assert scale.between(0.5) == pytest.approx(math.sqrt(spread) * low if logarithmic else low * (1 + spread) / 2)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(20, 580), st.floats(20, 380)), min_size=1, max_size=10))
def test_minor_labels_never_cover_another_label(places: list[tuple[float, float]]) -> None:
    labels = [Label(f"path {i}", x, y, 5, "path-1", minor=True) for i, (x, y) in enumerate(places)]
    placed = place(labels, size=12, frame=Box(0, 0, 600, 400))
    boxes = [Box(p.x, p.y - 10, p.x + text_width(p.label.text, 12), p.y + 2) for p in placed]
    assert all(one.overlap(two) == 0 for i, one in enumerate(boxes) for two in boxes[i + 1 :])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(4.394), "4.39"),
        (number(0.05), "0.0500"),
        (number(1234.5), "1,234"),
        (number(3.1e-6), "3.1·10⁻⁶"),
        (number(-0.5), "−0.500"),
        (number(9.999), "10.00"),
        (number(math.inf), NOT_MEASURED),
        (percent(None), NOT_MEASURED),
        (percent(0.954), "95.4\u202f%"),
        (times(Ratio(value=1.82, low=1.78, high=1.86)), "1.82× (1.78–1.86)"),
        (times(Ratio(value=math.nan, low=math.nan, high=math.nan)), NOT_MEASURED),
        (with_unit(0.9, "share"), "90.00\u202f%"),
        (with_unit(3.04, "x"), "3.04×"),
        (limit(0.01, "ms"), "0.01\u202fms"),
        (limit(0.9, "share"), "90\u202f%"),
        (p_value(0.0), "< 0.0001"),
        (duration(133), "2\u202fmin 13\u202fs"),
        (duration(3840), "1\u202fh 04\u202fmin"),
    ],
)
def test_numbers_are_written_with_their_units(written: str, expected: str) -> None:
    assert written == expected


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
