"""How each path is drafted for: whatever was measured fastest on tune rows, on the target, as the engine serves.

What a draft costs and gains depends on machine, model and data, so nothing is assumed: guesses from phrases of several
lengths, none at all, and the small model's answer with or without them all run on the same rows, block by block.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.generation.router import PathRule
from tasks.data.rows import Row
from tasks.generation.costs import timed_rows
from tasks.generation.trial import Trial
from tasks.graphs.timing import interleaved_row_times
from tasks.records import Drafting

DRAFT_TOKENS: Final = (0, 4, 8, 16)
BEHIND_TOKENS: Final = (0, 4, 8)
"""Of phrases, where the small model's answer is drafted first and says nothing more."""
TIMED_ROWS: Final = 24
BLOCKS: Final = 5


@dataclass(frozen=True)
class Drafts:
    """The trial with the fastest rule of each path, and what it gains: where the path runs first, and behind the small one."""

    trial: Trial
    first: Mapping[str, Drafting]
    behind: Mapping[str, Drafting]

    def of(self, names: Sequence[str]) -> list[Drafting]:
        """Of a ladder's paths."""
        return [self.first[names[0]], *(self.behind[name] for name in names[1:])]


def fastest_drafts(trial: Trial, rows: Sequence[Row], progress: Callable[[str], None], *, small: str | None) -> Drafts:
    """Time every rule of every path of the trial on the same rows; UserError where none of them can be asked."""
    texts = [rows[number].text for number in timed_rows(trial, rows, TIMED_ROWS)]

    def fastest(rules: Sequence[PathRule], before: str | None = None) -> tuple[PathRule, float]:
        """The first rule drafts nothing: what the others gain is over it."""
        trials = [trial.with_rule(rule, behind=before is not None) for rule in rules]
        names = [before, rules[0].name] if before else [rules[0].name]
        runs = {str(number): each.model(*names).predict for number, each in enumerate(trials)}
        times = interleaved_row_times(runs, texts, BLOCKS, progress)
        means = [float(row_times.mean()) for row_times in times.values()]
        best = int(np.argmin(means))
        return rules[best], means[0] / means[best]

    first, behind = {}, {}
    for name in trial.paths:
        rules = [replace(trial.rules[name], draft_tokens=tokens) for tokens in DRAFT_TOKENS]
        rule, gain = fastest(rules)
        trial = trial.with_rule(rule)
        first[name] = Drafting(phrase_tokens=rule.draft_tokens, speedup=gain)
    for name in [name for name in trial.paths if small and name != small]:
        alone = trial.rules[name]
        rules = [replace(alone, draft_answer=False, draft_tokens=0)]
        rules += [replace(alone, draft_answer=False)] if alone.draft_tokens else []
        rules += [replace(alone, draft_answer=True, draft_tokens=tokens) for tokens in BEHIND_TOKENS]
        rule, gain = fastest(rules, small)
        trial = trial.with_rule(rule, behind=True)
        checks = small if rule.draft_answer else None
        behind[name] = Drafting(phrase_tokens=rule.draft_tokens, checks=checks, speedup=gain)
    return Drafts(trial, first, behind)
