"""Results of the steps of text classification."""

from typing import Final

from tasks.artifact import Measurement, Record
from tasks.records import FineTuned, GraphParity

_TWENTIETHS: Final = 20


class CutRows(Record):
    """What `max_length` takes away from the rows.

    `rows`, `cut`: by split, all and those with more tokens; `equal`: rows that are cut and then read as another text of any
    split does, `contradicting`: of these, as one of another label; `enough`: tokens that 99 % of the rows keep within.
    """

    max_length: int
    rows: dict[str, int]
    cut: dict[str, int]
    equal: int
    contradicting: int
    enough: int


class FineTuneResult(FineTuned):
    """`accuracy`: on tune, by exit name (`layer-1`, …, `full`).

    `plain_accuracy`: on tune, of the same base fine-tuned without early exits, where the recipe asks for it.
    """

    exits: tuple[int, ...]
    layers: int
    parameters: int
    epochs_run: int
    best_epoch: int
    train_loss: float
    accuracy: dict[str, float]
    plain_accuracy: float | None = None


class SeedCandidate(Record):
    """One fine-tuning of the search over seeds: accuracy of the final head on tune, mean training loss."""

    name: str
    seed: int
    accuracy: float
    train_loss: float
    best_epoch: int
    epochs_run: int
    chosen: bool


class SeedChoice(Record):
    """Which seed's model goes on and why; `candidates` in the order of the recipe."""

    seed: int
    reason: str
    candidates: tuple[SeedCandidate, ...]


class LatencyTable(Measurement):
    """`milliseconds`: of one layer on the target, by the width of its FFN."""

    milliseconds: dict[int, float]

    @property
    def shares(self) -> dict[int, float]:
        """Of the widest one's time, in twentieths: finer ones differ from one run to the next, and would prune another model."""
        widest = self.milliseconds[max(self.milliseconds)]
        return {
            width: max(1, round(_TWENTIETHS * ms / widest)) / _TWENTIETHS for width, ms in self.milliseconds.items()
        }


class PruneResult(Record):
    """`layers`: original indices (1-based) of the layers kept; `ffn_widths`: their FFN widths.

    `latency_table`: milliseconds of one layer on the target by FFN width. `predicted_speedup` comes from that table, by its
    shares.
    """

    layers: tuple[int, ...]
    ffn_widths: tuple[int, ...]
    exits: tuple[int, ...]
    parameters: int
    parent_parameters: int
    latency_table: dict[int, float]
    predicted_speedup: float
    accuracy: dict[str, float]


class ExportResult(Record):
    """One model as ONNX graphs: `segments` in order, `monolith` beside them."""

    segments: tuple[str, ...]
    monolith: str
    parity: tuple[GraphParity, ...]
    fused_operators: dict[str, int]
    size_mb: float


class LexicalResult(Record):
    """The lexical path: how many pairs it knows, the width of its hidden layer."""

    pairs: int
    width: int
    size_mb: float
    tune_accuracy: float
