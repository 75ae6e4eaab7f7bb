"""What was measured, with its confidence interval, and the exact paired test."""

from tasks.artifact import Record


class Interval(Record):
    """A proportion with its two-sided exact (Clopper-Pearson) interval at `confidence`; `successes` of `n`."""

    value: float
    low: float
    high: float
    successes: int
    n: int
    confidence: float


class PairedTest(Record):
    """The exact paired test "candidate loses at least `epsilon` accuracy": `p_value` small means not inferior.

    `harms`: rows that only the parent answers right; `gains`: rows that only the candidate answers right;
    `loss` = (harms - gains) / n; `upper_bound`: upper confidence bound of the loss at `confidence`.
    """

    n: int
    harms: int
    gains: int
    loss: float
    epsilon: float
    p_value: float
    upper_bound: float
    confidence: float


class Ratio(Record):
    """How many times faster (parent's time over this one's), median of interleaved blocks, 95 % interval."""

    value: float
    low: float
    high: float
