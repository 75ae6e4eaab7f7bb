"""How each path is drafted for: whatever was measured fastest on tune rows, on the target, as the engine serves.

What a draft costs and gains depends on machine, model and data, so nothing is assumed: guesses from phrases of several
lengths, none at all, and the small model's answer with or without them all run on the same rows, block by block.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from engine.generation.router import OperatingPoint, PathRule, Step
from tasks.data.rows import Row
from tasks.generation.trial import Trial
from tasks.graphs.timing import interleaved_row_times

DRAFT_TOKENS: Final = (0, 4, 8, 16)
TIMED_ROWS: Final = 24
BLOCKS: Final = 3


def fastest_drafts(trial: Trial, rows: Sequence[Row], progress: Callable[[str], None], *, behind: str | None) -> Trial:
    """The trial with each path's fastest rule; `behind`: the path whose answers may be drafts of the ones after it."""
    step = max(1, len(rows) // TIMED_ROWS)
    texts = [row.text for row in rows[::step][:TIMED_ROWS]]
    for name in trial.paths:
        drafted = behind if name != behind else None
        rules = [
            replace(trial.rules[name], draft_tokens=tokens, draft_answer=answer)
            for answer in ((True, False) if drafted else (False,))
            for tokens in DRAFT_TOKENS
        ]
        trial = trial.with_rule(_fastest(trial, rules, drafted, texts, progress))
    return trial


def _fastest(
    trial: Trial, rules: Sequence[PathRule], behind: str | None, texts: Sequence[str], progress: Callable[[str], None]
) -> PathRule:
    runs = {}
    for number, rule in enumerate(rules):
        steps = (Step(behind), Step(rule.name)) if behind else (Step(rule.name),)
        model = trial.with_rule(rule).model([OperatingPoint("timed", 0.0, steps)])
        runs[str(number)] = model.predict
    times = interleaved_row_times(runs, texts, BLOCKS, progress)
    return min(zip(rules, times.values(), strict=True), key=lambda pair: float(pair[1].mean()))[0]
