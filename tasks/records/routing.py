"""What calibration certified, and what recalibration changed."""

from typing import Literal

from tasks.artifact import Measurement, Record
from tasks.records.probing import ProbesResult
from tasks.records.statistics import PairedTest


class Drafting(Record):
    """How a decoder guesses tokens ahead, which was fastest on the target; its answers stay the model's own.

    `phrase_tokens`: at most so many at a time from prompt and phrases, 0 for none; `checks`: the path before it, whose answer
    is checked in one pass; `redraft_tokens`: so many at a time by that path's model anew, where its answer was left.
    `speedup`: over no guess at all, by time of a whole answer on tune rows (behind another path: through both, on the rows
    that the first is least sure of).
    """

    phrase_tokens: int
    checks: str | None = None
    redraft_tokens: int = 0
    speedup: float

    @property
    def sentence(self) -> str:
        """What it does, for readers."""
        how = [f"checks the answer of {self.checks}"] if self.checks else []
        how += [f"lets it guess up to {self.redraft_tokens} tokens anew"] if self.redraft_tokens else []
        how += [f"guesses up to {self.phrase_tokens} tokens from phrases"] if self.phrase_tokens else []
        return f"{', '.join(how)}, {self.speedup:.2f}×" if how else "guesses nothing: that was fastest"


class PathResult(Record):
    """One path of the ladder: its own cost, the sum up to it, its accuracy alone on tune, and the router's stop share there.

    `drafting`: of a decoder.
    """

    name: str
    kind: Literal["lexical", "encoder", "decoder"]
    cost_ms: float
    cumulative_ms: float
    tune_accuracy: float
    stop_share: float
    drafting: Drafting | None = None


class Certificate(Record):
    """With probability >= confidence the routed answer loses at most epsilon accuracy against the reference path.

    `unlabelled_rows`: certify rows without a label, counted as lost where the answer is not the reference path's. `attempt`:
    which one at these rows it was since the last certified bundle. `promise`: of what the confidence is promised, for readers.
    """

    epsilon: float
    confidence: float
    certified: bool
    test: PairedTest
    settings_tried: int
    delta_spent: float
    stop_shares: dict[str, float]
    expected_cost_ms: float
    statement: str
    unlabelled_rows: int = 0
    attempt: int = 1
    promise: str = ""

    @property
    def operating_point(self) -> str:
        """Name of the operating point that this certificate is for: `1%` for an epsilon of 0.01."""
        return operating_point_name(self.epsilon)


def operating_point_name(epsilon: float) -> str:
    """`1%` for 0.01."""
    return f"{epsilon * 100:g}%"


class LadderCandidate(Record):
    """One ladder that could have been certified, and its cost as predicted on tune; `name`: whose segments, which variant.

    `predicted_cost_ms` is None where no setting of it was expected to be certified. `fits`: whether a bundle of it would
    keep to the gate on size, and run on the target's device.
    """

    name: str
    predicted_cost_ms: float | None
    fits: bool = True
    chosen: bool


class RouterResult(Measurement):
    """What calibration found. `operating_point` is the chosen epsilon's name; with none certified the ladder has one path.

    `candidates`: the ladders that were compared on tune, those that fit first, cheapest first.
    """

    paths: tuple[PathResult, ...]
    certificates: tuple[Certificate, ...]
    operating_point: str
    reference_accuracy: float
    expected_cost_ms: float
    static_cost_ms: float
    oracle_cost_ms: float
    random_cost_ms: float
    candidates: tuple[LadderCandidate, ...]
    certify_digest: str
    attempt: int
    bundle_digest: str
    size_mb: float


class Recalibration(Record):
    """A new router from fresh rows. `before`, `after`: certificates; a point that is missing fell.

    `rows_to_label`: rows without a label (of `unlabelled_rows`) where some path answers otherwise than the reference path.
    `paths_before`, `paths`: names, cheapest first; a classification bundle keeps its own, a generation bundle is made anew
    of its own and the reference path. `probes`: what the new bundle made of them. `near_duplicates`: tune rows that were left
    out since they nearly repeat one of certify; `seen_rows`: certify rows that were, since failed attempts had seen them.
    """

    bundle: str
    tune_rows: int
    certify_rows: int
    unlabelled_rows: int
    rows_to_label: int
    attempt: int
    operating_point: str
    before: tuple[Certificate, ...]
    after: tuple[Certificate, ...]
    paths_before: tuple[str, ...]
    paths: tuple[str, ...]
    probes: ProbesResult
    near_duplicates: int = 0
    seen_rows: int = 0
