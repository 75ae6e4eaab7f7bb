"""Evidence of a run of text generation in which everything went well, for tests to spoil."""

from registry.evidence import Evidence
from tasks.families.generation.account import account_of
from tasks.families.generation.figures import decoding_figures, json_figure, overlap_figures
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.records import (
    CompletionScores,
    DecoderShape,
    DecoderTraining,
    GenerationFineTuneResult,
    StudentResult,
)
from tasks.records import (
    CompressionResult,
    Drafting,
    EvaluationResult,
    Figure,
    Interval,
    PathEvaluation,
    PathResult,
    Percentile,
    Ratio,
    Technique,
    TokenLatency,
    TokenServer,
)

FULL = DecoderShape(layers=4, width=192, ffn_widths=(576,) * 4, vocabulary=1280, parameters=2_100_000)
SMALL = DecoderShape(layers=2, width=192, ffn_widths=(576,) * 2, vocabulary=1280, parameters=1_200_000)


def generation_evidence(evidence: Evidence) -> Evidence:
    """What a run of text generation would find where a run of text classification found `evidence`."""
    outside = dict.fromkeys(evidence.snapshot.rows, 0)
    snapshot = {"labels": (), "out_of_scope_label": None, "out_of_scope_rows": outside}
    paths = (
        PathResult(
            name="small",
            kind="decoder",
            cost_ms=6.0,
            cumulative_ms=6.0,
            tune_accuracy=0.8,
            stop_share=0.7,
            drafting=Drafting(phrase_tokens=8, speedup=2.1),
        ),
        PathResult(
            name="full",
            kind="decoder",
            cost_ms=14.0,
            cumulative_ms=20.0,
            tune_accuracy=0.95,
            stop_share=0.3,
            drafting=Drafting(phrase_tokens=4, checks="small", speedup=1.75),
        ),
    )
    shares = {"small": 0.7, "full": 0.3}
    certificates = tuple(entry.model_copy(update={"stop_shares": shares}) for entry in evidence.router.certificates)
    router = {"paths": paths, "certificates": certificates, "expected_cost_ms": 10.2, "static_cost_ms": 25.0}
    measured = {"tokens": tokens(), "token_server": token_server(), "stop_shares": shares}
    benchmark = evidence.benchmarks[0].model_copy(update=measured)
    return Evidence(
        bundle_digest=evidence.bundle_digest,
        snapshot=evidence.snapshot.model_copy(update=snapshot),
        fine_tuned=fine_tuned(),
        compression=compression(evidence.compression.techniques[0]),
        router=evidence.router.model_copy(update=router),
        evaluation=evaluation(evidence.evaluation),
        benchmarks=(benchmark,),
        probes=evidence.probes,
        account=account_of(fine_tuned(), compression(evidence.compression.techniques[0]), None),
    )


def fine_tuned() -> GenerationFineTuneResult:
    """A small Llama, trained from nothing."""
    return GenerationFineTuneResult(
        base_model="init",
        base_digest=None,
        method="init",
        shape=FULL,
        training=DecoderTraining(rows=4000, left_out=3, steps=1500, tokens=1_600_000, train_loss=0.02),
        prompt_format=PromptFormat(prefix="<s>", suffix="\n"),
        tune=CompletionScores(rows=600, exact_match=0.953, token_accuracy=0.996, perplexity=1.021),
    )


def student() -> StudentResult:
    """The small model of the ladder."""
    return StudentResult(
        method="distilled",
        layers_kept=(1, 4),
        shape=SMALL,
        parent_shape=FULL,
        training=DecoderTraining(rows=4000, left_out=3, steps=700, tokens=800_000, train_loss=0.05),
        prompt_format=PromptFormat(prefix="<s>", suffix="\n"),
        tune=CompletionScores(rows=600, exact_match=0.81, token_accuracy=0.98, perplexity=1.09),
        parent_tune=CompletionScores(rows=600, exact_match=0.953, token_accuracy=0.996, perplexity=1.021),
        agreement=0.985,
    )


def compression(template: Technique) -> CompressionResult:
    """The full model in int4, faster and not inferior; the small one in fp32."""
    int4 = "int4-block32-level4-head8"
    kept = template.model_copy(
        update={
            "name": int4,
            "reason": "kept: 2.10x faster",
            "parent": "fp32",
            "perplexity": 1.0357,
            "parent_perplexity": 1.031,
        }
    )
    return CompressionResult(
        model="full and small",
        precision=f"{int4} and fp32",
        techniques=(kept,),
        parity=(),
        segments=("full", "small"),
        parent_segments=(),
        static_monolith="full",
        static_precision=int4,
        reference_monolith="reference",
    )


def evaluation(template: EvaluationResult) -> EvaluationResult:
    """On the gate rows, with nothing in it that only classes have."""
    return EvaluationResult(
        rows=template.rows,
        accuracy=template.accuracy,
        reference_accuracy=template.reference_accuracy,
        static_accuracy=template.static_accuracy,
        reference=template.reference,
        disagreement=template.disagreement,
        slices=template.slices,
        classes=(),
        paths=tuple(
            PathEvaluation(
                name=name, accuracy=template.accuracy, stop_share=share, accuracy_when_stopped=0.96, cost_ms=cost
            )
            for name, share, cost in (("small", 0.7, 6.0), ("full", 0.3, 20.0))
        ),
        leaking_rows=0,
        unanswered={"certify": 0, "gate": 0},
        figures=completion_figures(),
    )


def completion_figures() -> tuple[Figure, ...]:
    """As the family's evaluation makes them."""
    return (
        *overlap_figures((0.984, 0.978), (0.981, 0.975), rows=900, confidence=0.95),
        json_figure(Interval(value=0.997, low=0.99, high=0.999, successes=897, n=900, confidence=0.95)),
        *decoding_figures(
            perplexity=1.031,
            served_perplexity=1.0357,
            identical=Interval(value=1.0, low=0.996, high=1.0, successes=900, n=900, confidence=0.95),
            mean_tokens=17.4,
            rows=900,
        ),
    )


def tokens() -> TokenLatency:
    """Token latencies of single requests, within any reasonable objective."""
    return TokenLatency(
        queries=1500,
        first=percentiles(2.0, 4.0, 4.6),
        further=percentiles(0.4, 0.7, 0.8),
        tokens_per_second=1450.0,
        mean_tokens=17.4,
    )


def token_server() -> TokenServer:
    """Streamed answers under load, valid by both bounds."""
    return TokenServer(
        queries=1500,
        valid=True,
        validity="VALID",
        qps=79.0,
        target_qps=80.0,
        ttft_bound_ms=50.0,
        tpot_bound_ms=10.0,
        first=percentiles(2.2, 4.4, 4.8),
        further=percentiles(0.5, 0.8, 0.9),
        tokens_per_second=1375.0,
        mean_tokens=17.4,
        sustained_qps=120.0,
        errors=0,
    )


def percentiles(median: float, tail: float, bound: float) -> tuple[Percentile, ...]:
    """p50, p90 and p99 with their bounds."""
    return (
        Percentile(percentile=50, value_ms=median, upper_bound_ms=median * 1.1, missing=0),
        Percentile(percentile=90, value_ms=(median + tail) / 2, upper_bound_ms=tail, missing=0),
        Percentile(percentile=99, value_ms=tail, upper_bound_ms=bound, missing=0),
    )


def noisy(evidence: Evidence) -> Evidence:
    """The same on a machine where identical bytes differ by a quarter."""
    benchmark = evidence.benchmarks[0].model_copy(update={"noise": Ratio(value=1.0, low=0.8, high=1.25)})
    return evidence.model_copy(update={"benchmarks": (benchmark,)})
