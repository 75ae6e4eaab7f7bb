"""How each path is drafted for: whatever was measured fastest on tune rows, on the target, as the engine serves.

What a draft costs and gains depends on machine, model and data, so nothing is assumed: guesses from phrases of several
lengths, none at all, the small model's answer with or without them, and the small model anew where its answer was left, all
run on the same rows, block by block. Of those that are as fast the simplest is taken, which noise does not exchange. Behind
the small model these are the rows that it is least sure of, since they come there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.generation.router import PathRule
from tasks.data.rows import Row
from tasks.families.generation.routing.costs import timed_rows
from tasks.families.generation.routing.trial import Trial
from tasks.records import Drafting
from tasks.timing.speed import AS_FAST
from tasks.timing.stopwatch import Budget, Stopwatch

DRAFT_TOKENS: Final = (0, 4, 8, 16)
BEHIND_TOKENS: Final = ((0, 0), (4, 0), (8, 0), (0, 4), (0, 8), (8, 4))
"""Of phrases, and of the small model anew, where its answer is drafted first and says nothing more."""
TIMED_ROWS: Final = 24
BLOCKS: Final = Budget(fewest=7, most=7)
"""Of each row the median is taken: no more than three of its times may be disturbed."""
ASKED_ROWS: Final = 8 * TIMED_ROWS
"""Answered by the small model to find those that it is least sure of."""


@dataclass(frozen=True)
class Drafts:
    """The trial with the fastest rule of each path, and what it gains: where the path runs first, and behind the small one."""

    trial: Trial
    first: Mapping[str, Drafting]
    behind: Mapping[str, Drafting]

    def of(self, names: Sequence[str]) -> list[Drafting]:
        """Of a ladder's paths."""
        return [self.first[names[0]], *(self.behind[name] for name in names[1:])]


def fastest_drafts(trial: Trial, rows: Sequence[Row], watch: Stopwatch, *, small: str | None) -> Drafts:
    """Time every rule of every path of the trial; those of one path on the same rows. UserError where no row can be asked."""
    spread = [rows[number] for number in timed_rows(trial, rows, TIMED_ROWS)]

    def fastest(rules: Sequence[PathRule], rows: Sequence[Row], before: str | None = None) -> tuple[PathRule, float]:
        """The first rule drafts nothing: what the others gain is over it. Of such that are as fast, the first."""
        texts = [row.text for row in rows]
        trials = [trial.with_rule(rule, behind=before is not None) for rule in rules]
        names = [before, rules[0].name] if before else [rules[0].name]
        runs = {str(number): each.model(*names).predict for number, each in enumerate(trials)}
        timed = watch.interleaved(f"the drafts of {rules[0].name}", runs, texts, BLOCKS)
        means = [float(timed.rows(name).mean()) for name in runs]
        best = next(number for number, mean in enumerate(means) if mean <= min(means) * AS_FAST)
        return rules[best], means[0] / means[best]

    first, behind = {}, {}
    for name in trial.paths:
        rules = [replace(trial.rules[name], draft_tokens=tokens) for tokens in DRAFT_TOKENS]
        rule, gain = fastest(rules, spread)
        trial = trial.with_rule(rule)
        first[name] = Drafting(phrase_tokens=rule.draft_tokens, speedup=gain)
    asked = [rows[number] for number in timed_rows(trial, rows, ASKED_ROWS)]
    unsure = _least_sure(trial, small, asked) if small else []
    for name in [name for name in trial.paths if small and name != small]:
        alone = trial.rules[name]
        rules = [replace(alone, draft_answer=False, draft_tokens=0)]
        rules += [replace(alone, draft_answer=False)] if alone.draft_tokens else []
        rules += [
            replace(alone, draft_answer=True, draft_tokens=tokens, redraft_tokens=anew)
            for tokens, anew in BEHIND_TOKENS
        ]
        rule, gain = fastest(rules, unsure, small)
        trial = trial.with_rule(rule, behind=True)
        checks = small if rule.draft_answer else None
        behind[name] = Drafting(
            phrase_tokens=rule.draft_tokens, checks=checks, redraft_tokens=rule.redraft_tokens, speedup=gain
        )
    return Drafts(trial, first, behind)


def _least_sure(trial: Trial, small: str, rows: Sequence[Row]) -> list[Row]:
    sure = np.array([sum(answer.log_probabilities) for answer in trial.answers(small, rows).decoded])
    return [rows[number] for number in sure.argsort(kind="stable")[:TIMED_ROWS].tolist()]
