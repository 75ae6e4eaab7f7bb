"""The records of a run of text classification, as a report shows them."""

import math

from registry.checks import Check, Outcome, Verdict
from tasks.families.classification.records import FineTuneResult, LexicalResult, PruneResult
from tasks.records import (
    Certificate,
    CompressionResult,
    EvaluationResult,
    GraphParity,
    LadderCandidate,
    PathEvaluation,
    PathResult,
    RouterResult,
    SliceAccuracy,
    SnapshotResult,
    SourceFile,
    Technique,
)
from tests.registry.classified import class_figures
from tests.registry.measured import paired, ratio, share
from tests.registry.reported_benchmark import BUNDLE, PATHS

OPERATING_POINT = "1%"


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
