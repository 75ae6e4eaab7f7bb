"""What each path costs on the target, by itself and behind the small model, timed through the engine as it serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.families.generation.decoders.greedy import GreedyDecoder, can_be_asked
from tasks.families.generation.routing.trial import Trial
from tasks.timing.stopwatch import Budget, Stopwatch

TIMED_ROWS: Final = 64
BLOCKS: Final = Budget(fewest=5, most=5)
"""Of each row the median is taken: no more than two of its times may be disturbed."""
_FEWEST: Final = 8
_LEAST_MS: Final = 1e-3
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """Milliseconds for each of the timed tune rows, whose numbers are `rows`.

    `alone`: of each path by itself; `behind`: what it adds behind the small one; `beginning`: of the small one's first so
    many tokens; `static`: of the static model, token by token.
    """

    rows: NDArray[np.int64]
    alone: Mapping[str, Floats]
    behind: Mapping[str, Floats]
    beginning: Mapping[int, Floats]
    static: Floats

    def by_passes(self, name: str, passes: NDArray[np.int64]) -> Floats:
        """(tune rows,) what each costs by a path alone, from how many `passes` its answer took.

        By a line through the timed rows: few of them are among the rare answers that run on to the longest allowed.
        """
        times, timed = self.alone[name], passes[self.rows]
        spread = timed - timed.mean()
        per_pass = max(0.0, float(spread @ times / (spread @ spread))) if spread.any() else 0.0
        return np.maximum(times.mean() + per_pass * (passes - timed.mean()), _LEAST_MS)

    def behind_for(self, name: str, going_on: NDArray[np.bool_]) -> float:
        """Mean of what a path adds for the tune rows (rows,) that go on to it; for all where too few of them were timed."""
        chosen = going_on[self.rows]
        times = self.behind[name]
        return max(_LEAST_MS, float((times[chosen] if chosen.sum() >= _FEWEST else times).mean()))


def measure_costs(
    trial: Trial,
    rows: Sequence[Row],
    watch: Stopwatch,
    *,
    small: str | None,
    static: GreedyDecoder,
    beginnings: Sequence[int],
) -> Costs:
    """Time everything on the same tune rows, block by block; by the thread's CPU time where others disturb the machine.

    Waits while others measure on it. Raises UserError where no row can be asked.
    """
    numbers = timed_rows(trial, rows, TIMED_ROWS)
    texts = [rows[number].text for number in numbers]
    runs: dict[str, Callable[[str], object]] = {f"alone {name}": trial.model(name).predict for name in trial.paths}
    runs["static"] = Trial.of({"static": static}, trial.phrases, trial.correct).model("static").predict
    later = [name for name in trial.paths if name != small] if small else []
    if small:
        runs |= {f"behind {name}": trial.model(small, name).predict for name in later}
        runs |= {f"beginning {tokens}": _beginning(trial, small, tokens) for tokens in beginnings}
    timed = watch.interleaved("the costs of the paths", runs, texts, BLOCKS)
    times = {name: timed.rows(name) for name in runs}
    alone = {name: times[f"alone {name}"] for name in trial.paths}
    return Costs(
        rows=numbers,
        alone=alone,
        behind={name: times[f"behind {name}"] - alone[small] for name in later} if small else {},
        beginning={tokens: times[f"beginning {tokens}"] for tokens in beginnings} if small else {},
        static=times["static"],
    )


def timed_rows(trial: Trial, rows: Sequence[Row], most: int) -> NDArray[np.int64]:
    """Numbers of at most so many rows, evenly spaced; of those that are refused none, for a refusal takes no time.

    Raises UserError where every row is refused.
    """
    askable = np.flatnonzero([can_be_asked(trial.paths.values(), row.text) for row in rows])
    if not len(askable):
        raise UserError(
            f"none of {len(rows)} tune prompts leaves room for an answer in the model's context; shorten the prompts, or "
            "start from a base_model with a longer one",
            field="data.train",
        )
    return askable[:: max(1, len(askable) // most)][:most]


def _beginning(trial: Trial, name: str, tokens: int) -> Callable[[str], object]:
    def run(text: str) -> object:
        return trial.answer(name, text, tokens=tokens)

    return run
