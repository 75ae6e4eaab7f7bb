"""Whether the bundle answers nearly all rows at all: what it refuses is in no timing, and a wrong answer everywhere else.

A prompt with no room for an answer in the model's context is refused, and refusing takes no time. So refusals can neither
flatter the speed nor hide in the accuracy: they have checks of their own, by rows and by target.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from registry.checks import Check, Outcome
from tasks.records import BenchmarkResult, EvaluationResult, SnapshotResult

MOST_UNANSWERED: Final = 0.01
"""Share of rows that a bundle may refuse."""
_WAY_OUT: Final = "shorten these rows or leave them out, or start from a base_model with a longer context"


def answered_checks(
    snapshot: SnapshotResult, evaluation: EvaluationResult, benchmarks: Sequence[BenchmarkResult]
) -> Iterator[Check]:
    """One check of the evaluation's rows and one of each benchmark's; none where refusals were not counted."""
    if evaluation.unanswered:
        rows = {split: (count, snapshot.rows.get(split, 0)) for split, count in evaluation.unanswered.items()}
        yield _answered("unanswered", {f"{split} rows": counts for split, counts in rows.items()}, "count as wrong")
    for benchmark in benchmarks:
        if benchmark.inputs is not None and benchmark.unanswered is not None:
            what = f"inputs on {benchmark.target}"
            counts = benchmark.unanswered, benchmark.inputs
            yield _answered(f"unanswered/{benchmark.target}", {what: counts}, "are in no timing")


def _answered(name: str, refused: Mapping[str, tuple[int, int]], consequence: str) -> Check:
    """`refused`: how many of how many, by what they are."""
    share = max(count / max(1, rows) for count, rows in refused.values())
    said = " and ".join(f"{count:,} of {rows:,} {what}" for what, (count, rows) in refused.items())
    sentence = f"{said} cannot be asked" + (f", and {consequence}" if share else "")
    if share > MOST_UNANSWERED:
        outcome, sentence = Outcome.FAIL, f"{sentence}: more than {MOST_UNANSWERED:.0%}; {_WAY_OUT}"
    else:
        outcome = Outcome.PASS
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=share,
        threshold=MOST_UNANSWERED,
        unit="share",
        direction="ceiling",
    )
