"""How each path is drafted for: whatever was measured fastest on tune rows, on the target, as the engine serves.

What a draft costs and gains depends on machine, model and data, so nothing is assumed: guesses from phrases of several
lengths, none at all, and the small model's answer with or without them all run on the same rows, block by block.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engine.generation.model import GenerationModel
from tasks.data.rows import Row
from tasks.generation.trial import Trial
from tasks.graphs.timing import interleaved_row_times

DRAFT_TOKENS: Final = (0, 4, 8, 16)
BEHIND_TOKENS: Final = (0, 4, 8)
"""Of phrases, where the small model's answer is drafted first and says nothing more."""
TIMED_ROWS: Final = 24
BLOCKS: Final = 5


def fastest_drafts(trial: Trial, rows: Sequence[Row], progress: Callable[[str], None], *, small: str | None) -> Trial:
    """The trial with the fastest rule of each path, where it runs first and where it runs behind the `small` one."""
    step = max(1, len(rows) // TIMED_ROWS)
    texts = [row.text for row in rows[::step][:TIMED_ROWS]]
    for name in trial.paths:
        rules = [replace(trial.rules[name], draft_tokens=tokens) for tokens in DRAFT_TOKENS]
        models = [trial.with_rule(rule).model(name) for rule in rules]
        trial = trial.with_rule(rules[_fastest(models, texts, progress)])
    if small is None:
        return trial
    for name in [name for name in trial.paths if name != small]:
        alone = trial.rules[name]
        rules = [replace(alone, draft_answer=False)]
        rules += [replace(alone, draft_answer=True, draft_tokens=tokens) for tokens in BEHIND_TOKENS]
        models = [trial.with_rule(rule, behind=True).model(small, name) for rule in rules]
        trial = trial.with_rule(rules[_fastest(models, texts, progress)], behind=True)
    return trial


def _fastest(models: Sequence[GenerationModel], texts: Sequence[str], progress: Callable[[str], None]) -> int:
    runs = {str(number): model.predict for number, model in enumerate(models)}
    times = interleaved_row_times(runs, texts, BLOCKS, progress)
    return int(np.argmin([row_times.mean() for row_times in times.values()]))
