"""A run to report, whole, bare or hostile, and what a browser would see of its page."""

import dataclasses
import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from registry.checks import Check, Outcome, Verdict
from registry.evidence import Evidence
from registry.report import ReportContent, StepSummary
from tasks.families.classification.account import account_of
from tasks.families.classification.figures import out_of_scope_figures
from tasks.families.classification.recipe import Gates, TextClassificationRecipe
from tasks.recipe.data import DataConfig
from tasks.records import (
    Interval,
    SliceAccuracy,
    SourceFile,
)
from tasks.records.sections import Fact, Section, Table, TableRow
from tests.registry.measured import share
from tests.registry.reported import compression, evaluation, fine_tuned, lexical, pruned, router, snapshot, verdict
from tests.registry.reported_benchmark import BUNDLE, benchmark
from tests.registry.spoilt import with_figure

HOSTILE = "<script>alert('label')</script>"


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
