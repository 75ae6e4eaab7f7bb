"""The ladder as numbers: cost, accuracy and stop shares of every path, and the router's cost beside its bounds."""

from collections.abc import Mapping
from dataclasses import dataclass

from registry.evidence import chosen_certificate
from registry.report.content import ReportContent
from registry.report.cost_accuracy import mixing
from registry.report.palette import path_class
from tasks.formatting import is_measured, milliseconds, percent, points
from tasks.records import PathEvaluation, PathResult


@dataclass(frozen=True, slots=True)
class PathRow:
    """One path: what calibration found, what the gate rows showed (`judged`), and its stop shares elsewhere."""

    name: str
    css: str
    calibrated: PathResult | None
    judged: PathEvaluation | None
    certify_share: float | None
    target_share: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a stacked bar: `share` in percent of the whole bar."""

    name: str
    css: str
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class SharesBar:
    """Which path answered, on one set of rows."""

    rows: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class CostBar:
    """One mean cost; `share` is the bar's length in percent of the longest."""

    name: str
    css: str
    cost: str
    share: float
    note: str


def path_rows(content: ReportContent) -> list[PathRow]:
    """Every path that calibration or evaluation knows, in ladder order."""
    calibrated = {path.name: path for path in content.evidence.router.paths}
    judged = {path.name: path for path in content.evidence.evaluation.paths}
    names = list(dict.fromkeys([*calibrated, *judged]))
    certificate = chosen_certificate(content.evidence.router)
    certify = certificate.stop_shares if certificate else {}
    target = content.evidence.benchmarks[0].stop_shares if content.evidence.benchmarks else {}
    return [
        PathRow(
            name=name,
            css=path_class(position, len(names)),
            calibrated=calibrated.get(name),
            judged=judged.get(name),
            certify_share=certify.get(name),
            target_share=target.get(name),
        )
        for position, name in enumerate(names)
    ]


def share_bars(content: ReportContent) -> list[SharesBar]:
    """Which path answered on the gate rows and on the target."""
    judged = {path.name: path.stop_share for path in content.evidence.evaluation.paths}
    bars = [SharesBar("gate rows", _segments(content, judged))]
    bars += [
        SharesBar(f"benchmark on {b.target}", _segments(content, b.stop_shares)) for b in content.evidence.benchmarks
    ]
    return [bar for bar in bars if bar.segments]


def cost_bars(content: ReportContent) -> list[CostBar]:
    """The router's mean cost, predicted and measured, beside the oracle's, a random path's and the static model's."""
    router = content.evidence.router
    costs = [
        ("oracle", "oracle", router.oracle_cost_ms, "the cheapest path that is right, known in advance"),
        ("router, predicted", "router", router.expected_cost_ms, "expected cost: stop shares × cumulative path costs"),
        (
            "router, measured",
            "router",
            content.adaptive.mean_ms if content.adaptive else None,
            "mean on the target, interleaved with the static models",
        ),
        ("random path", "random", router.random_cost_ms, "the mean over all paths"),
        (
            "best static model",
            "static",
            router.static_cost_ms,
            f"{content.evidence.compression.static_precision}, one graph for every input",
        ),
    ]
    longest = max((cost for _, _, cost, _ in costs if cost is not None and is_measured(cost)), default=0.0) or 1.0
    return [
        CostBar(
            name, css, milliseconds(cost), round(100 * cost / longest, 2) if cost and is_measured(cost) else 0.0, note
        )
        for name, css, cost, note in costs
    ]


def optimal_share(content: ReportContent) -> float | None:
    """p_opt in E = p_opt·c_opt + (1 − p_opt)·(mean path cost); None where oracle and random choice cost the same."""
    router = content.evidence.router
    span = router.random_cost_ms - router.oracle_cost_ms
    return (router.random_cost_ms - router.expected_cost_ms) / span if is_measured(span) and span > 0 else None


def mixing_sentence(content: ReportContent) -> str:
    """How far the router lies above the line of random mixing at its own cost."""
    mixture = mixing(content)
    mixed = mixture.accuracy_at(content.evidence.router.expected_cost_ms) if mixture else None
    if mixture is None or mixed is None:
        return "Random mixing of the cheapest and the full path is not defined at the router's cost."
    gain = content.evidence.evaluation.accuracy.value - mixed
    return (
        f"At the router's {milliseconds(content.evidence.router.expected_cost_ms)}, random mixing of {mixture.cheap.name} and "
        f"{mixture.full.name} would be right on {percent(mixed)} of the gate rows; the router is right on "
        f"{percent(content.evidence.evaluation.accuracy.value)} ({points(gain, 1)})."
    )


def _segments(content: ReportContent, shares: Mapping[str, float]) -> tuple[Segment, ...]:
    return tuple(
        Segment(row.name, row.css, round(100 * shares[row.name], 2), percent(shares[row.name]))
        for row in path_rows(content)
        if row.name in shares and is_measured(shares[row.name]) and shares[row.name] > 0
    )
