"""What the benchmark of text generation found, a line a contender, and how a person reads it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One line of the result; times are of whole requests."""

    name: str
    mean_ms: float
    p50_ms: float
    p99_ms: float
    tokens_per_second: float
    exact_match: float
    agreement: float
    over_transformers: tuple[float, float, float]
    over_genai: tuple[float, float, float]
    p99_over_genai: float
    certified_loss: float | None
    """Of an operating point of ours; None where nothing is certified."""
    price: tuple[float, float, float] | None
    """Of guidance: the time over that without it."""


def print_table(rows: Sequence[Measured]) -> None:
    """The rows as a person reads them."""
    print(
        f"{'name':18}  mean ms   p50 ms   p99 ms p99 over  tokens/s   exact   agree  loss  over transformers   "
        "over genai (95 %)"
    )
    for row in rows:
        loss = "" if row.certified_loss is None else f"{row.certified_loss:.2%}"
        print(
            f"{row.name:18} {row.mean_ms:8.2f} {row.p50_ms:8.2f} {row.p99_ms:8.2f} {row.p99_over_genai:8.2f} "
            f"{row.tokens_per_second:9.0f} {row.exact_match:7.2%} {row.agreement:7.2%} {loss:>5}  "
            f"{_shown(row.over_transformers)}  {_shown(row.over_genai)}"
        )
    for row in rows:
        if row.price:
            print(f"{row.name}: {_shown(row.price).strip()} times the time without a schema")


def _shown(ratio: tuple[float, float, float]) -> str:
    return f"{ratio[0]:6.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})"
