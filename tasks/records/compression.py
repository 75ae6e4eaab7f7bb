"""What pruning, export and quantization found, and which technique earned its place."""

from typing import Literal

from tasks.artifact import Measurement, Record
from tasks.records.statistics import PairedTest, Ratio


class Technique(Record):
    """What one compression technique gained over its parent, and whether it earned its place.

    `kept`: it is measured faster and keeps its limits. `undecided`: it keeps its limits, and time settled nothing, so that it
    is neither kept nor dropped: it stays a candidate. `speedup` and the milliseconds are by `clock` (the thread's CPU time
    where the wall's could not tell), over so many interleaved `blocks`; None in results from before they were counted.
    Accuracies are on tune; `size_mb` of the graph file(s); `parity`: largest absolute difference of the logits to the
    parent's; `agreement`: share of tune rows with the same answer; `perplexity`: of the gold completions, None where answers
    are no tokens.
    """

    name: str
    parent: str
    kept: bool
    reason: str
    speedup: Ratio
    accuracy: float
    parent_accuracy: float
    test: PairedTest
    size_mb: float
    parent_size_mb: float
    parity: float
    agreement: float
    mean_ms: float
    parent_mean_ms: float
    perplexity: float | None = None
    parent_perplexity: float | None = None
    undecided: bool = False
    clock: Literal["wall", "cpu"] = "wall"
    blocks: int | None = None

    @property
    def stays(self) -> bool:
        """Whether it is still a candidate."""
        return self.kept or self.undecided

    @property
    def state(self) -> Literal["kept", "dropped", "undecided"]:
        """In a word."""
        return "undecided" if self.undecided else "kept" if self.kept else "dropped"


class ScreenedFigures(Record):
    """On a sample of tune, each token predicted from the gold ones before it.

    `accuracy`: share of `rows` whose every token is the likeliest; `agreement`: share with the parent's likeliest tokens;
    `speedup`: over the parent.
    """

    rows: int
    speedup: float
    accuracy: float
    parent_accuracy: float
    perplexity: float
    parent_perplexity: float
    agreement: float
    size_mb: float


class Screened(Record):
    """A setting that a search tried: why it was taken to the full trial, or was not. No figures where it was not built."""

    name: str
    parent: str
    taken: bool
    reason: str
    figures: ScreenedFigures | None


class GraphParity(Record):
    """Largest absolute difference of a graph's logits to its parent's on the same rows, and the bound it had to meet."""

    graph: str
    parent: str
    max_abs_difference: float
    bound: float | None
    agreement: float
    rows: int


class CompressionResult(Measurement):
    """Which variant serves: `model` (fine-tuned or pruned), `precision` (fp32, dynamic-int8, static-int8).

    `static_monolith` is the best single compressed model, the baseline of every speed-up. `parent_segments`: where the
    pruned model was kept, the segments of the fine-tuned one at the same precision, for the router to choose from. In text
    generation all are decoders' folders, `segments` are the models in the ladder's order, cheapest first, and the static
    model is the full one as it is fastest without drafts. `screened`: all that a search of settings tried.
    """

    model: str
    precision: str
    techniques: tuple[Technique, ...]
    parity: tuple[GraphParity, ...]
    segments: tuple[str, ...]
    parent_segments: tuple[str, ...]
    static_monolith: str
    static_precision: str
    reference_monolith: str
    screened: tuple[Screened, ...] = ()
