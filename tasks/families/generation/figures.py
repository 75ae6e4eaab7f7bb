"""The figures that generation is judged by: what a completion has of the gold one, perplexity, and greedy decoding's answers."""

from typing import Final, Literal

from tasks.records.figures import Figure, share
from tasks.records.statistics import Interval

# What MLflow's runs of the step put before these figures' names.
_SERIES: Final = "generation"


def overlap_figures(
    token_f1: tuple[float, float], rouge_l: tuple[float, float], *, rows: int, confidence: float
) -> tuple[Figure, ...]:
    """Means over the rows of what answers have of the gold completions, with their lower bounds."""
    means = (("token_f1", "token F1", token_f1), ("rouge_l", "ROUGE-L", rouge_l))
    return tuple(
        Figure(
            name=name,
            title=title,
            kind="bounded",
            value=mean,
            low=low,
            rows=rows,
            confidence=confidence,
            headline=("value", "low"),
            series=f"{_SERIES}/{name}",
        )
        for name, title, (mean, low) in means
    )


def json_figure(valid: Interval | None) -> Figure:
    """The share of answers that are JSON, of the rows whose gold completion is; None where none is."""
    return share(
        "json_validity",
        "the share of completions that are JSON",
        valid,
        absent="the gold completions are no JSON",
        headline=("value", "low"),
        series=f"{_SERIES}/json_validity",
    )


def decoding_figures(
    *, perplexity: float, served_perplexity: float, identical: Interval, mean_tokens: float, rows: int
) -> tuple[Figure, ...]:
    """What decoding makes of the completions.

    `perplexity`: of the gold completions under the reference path, `served_perplexity` under the last path as it serves.
    `identical`: share of answers that are the same as plain greedy decoding's of the path that gave them.
    """
    gold = "perplexity of the gold completions"
    return (
        _plain("perplexity", f"{gold}, fp32 reference", perplexity, rows, better="less"),
        _plain("served_perplexity", f"{gold}, last path as it serves", served_perplexity, rows, better="less"),
        share(
            "identical_to_greedy",
            "answers the same as plain greedy decoding's",
            identical,
            headline=("value",),
            series=f"{_SERIES}/identical",
        ),
        _plain("mean_tokens", "mean length of an answer", mean_tokens, rows, unit="tokens"),
    )


def _plain(
    name: str, title: str, value: float, rows: int, *, better: Literal["more", "less"] = "more", unit: str = ""
) -> Figure:
    return Figure(
        name=name,
        title=title,
        kind="bounded",
        value=value,
        rows=rows,
        unit=unit,
        better=better,
        headline=("value",),
        series=f"{_SERIES}/{name}",
    )
