"""The frozen records that the steps hand to one another, to the registry and to the report."""

from typing import Literal

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


# ---------------------------------------------------------------- snapshot


class SourceFile(Record):
    """One source as it was read."""

    location: str
    sha256: str
    rows: int
    quarantined: int


class LandedRows(Record):
    """What became of the rows that landed after the recipe's own, of which there are `rows`.

    `added`: by split. `repeated`: rows that were there already, or (nearly) in another split. `contradicting`: rows whose
    text has several labels, or had another one before. `thin`: rows by label, new and with too few rows to train on.
    """

    rows: int
    added: dict[str, int]
    repeated: int
    contradicting: int
    thin: dict[str, int]

    @property
    def sentence(self) -> str:
        """For a person."""
        into = ", ".join(f"{count:,} in {split}" for split, count in self.added.items())
        thin = f", {sum(self.thin.values()):,} of labels too rare to train on" if self.thin else ""
        return (
            f"{self.rows:,} landed rows: {into}; left out: {self.repeated:,} repeated, {self.contradicting:,} "
            f"contradicting{thin}"
        )


class SnapshotResult(Record):
    """An immutable version of the data.

    `labels`: all labels a head is trained for, in id order; `out_of_scope_label` is among them only if train has such rows.
    `rows`, `out_of_scope_rows`: per split. `leaking_exact`, `leaking_near`: rows that left a split because a better
    protected one (gate before certify before tune before train) has (nearly) the same text. `contradicting`:
    rows dropped because the same text has several labels.
    """

    rows: dict[str, int]
    out_of_scope_rows: dict[str, int]
    labels: tuple[str, ...]
    out_of_scope_label: str | None
    slices: tuple[str, ...]
    sources: tuple[SourceFile, ...]
    quarantined: int
    quarantine_reasons: dict[str, int]
    duplicates: int
    contradicting: int
    leaking_exact: int
    leaking_near: int
    content_digest: str
    landed: LandedRows | None = None


# ---------------------------------------------------------------- models


class FineTuneResult(Record):
    """`accuracy`: on tune, by exit name (`layer-1`, …, `full`). `base_digest`: SHA-256 of the base weights.

    `plain_accuracy`: on tune, of the same base fine-tuned without early exits, where the recipe asks for it.
    """

    base_model: str
    base_digest: str
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


class Technique(Record):
    """What one compression technique gained over its parent, and whether it earned its place.

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


class PruneResult(Record):
    """`layers`: original indices (1-based) of the layers kept; `ffn_widths`: their FFN widths.

    `latency_table`: milliseconds of one layer on the target by FFN width. `predicted_speedup` comes from that table.
    """

    layers: tuple[int, ...]
    ffn_widths: tuple[int, ...]
    exits: tuple[int, ...]
    parameters: int
    parent_parameters: int
    latency_table: dict[int, float]
    predicted_speedup: float
    accuracy: dict[str, float]


class GraphParity(Record):
    """Largest absolute difference of a graph's logits to its parent's on the same rows, and the bound it had to meet."""

    graph: str
    parent: str
    max_abs_difference: float
    bound: float | None
    agreement: float
    rows: int


class ExportResult(Record):
    """One model as ONNX graphs: `segments` in order, `monolith` beside them."""

    segments: tuple[str, ...]
    monolith: str
    parity: tuple[GraphParity, ...]
    fused_operators: dict[str, int]
    size_mb: float


class CompressionResult(Record):
    """Which variant serves: `model` (fine-tuned or pruned), `precision` (fp32, dynamic-int8, static-int8).

    `static_monolith` is the best single compressed model, the baseline of every speed-up. `parent_segments`: where the
    pruned model was kept, the segments of the fine-tuned one at the same precision, for the router to choose from. In text
    generation all are decoders' folders, and `segments` are the models in the ladder's order, cheapest first.
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


class LexicalResult(Record):
    """The lexical path: how many pairs it knows, the width of its hidden layer."""

    pairs: int
    width: int
    size_mb: float
    tune_accuracy: float


# ---------------------------------------------------------------- router


class PathResult(Record):
    """One path of the ladder: its own cost, the sum up to it, its accuracy alone on tune, and the router's stop share there."""

    name: str
    kind: Literal["lexical", "encoder", "decoder"]
    cost_ms: float
    cumulative_ms: float
    tune_accuracy: float
    stop_share: float


class Certificate(Record):
    """With probability >= confidence the routed answer loses at most epsilon accuracy against the reference path.

    `unlabelled_rows`: certify rows without a label, counted as lost where the answer is not the reference path's.
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

    @property
    def operating_point(self) -> str:
        """Name of the operating point that this certificate is for: `1%` for an epsilon of 0.01."""
        return operating_point_name(self.epsilon)


def operating_point_name(epsilon: float) -> str:
    """`1%` for 0.01."""
    return f"{epsilon * 100:g}%"


class LadderCandidate(Record):
    """One ladder that could have been certified, and its cost as predicted on tune; `name`: whose segments, which variant.

    `predicted_cost_ms` is None where no setting of it was expected to be certified.
    """

    name: str
    predicted_cost_ms: float | None
    chosen: bool


class RouterResult(Record):
    """What calibration found. `operating_point` is the chosen epsilon's name; with none certified the ladder has one path.

    `candidates`: the ladders that were compared on tune, cheapest first.
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
    of its own and the reference path.
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


# ---------------------------------------------------------------- evidence


class SliceAccuracy(Record):
    """Accuracy of one slice or one class of the gate rows."""

    name: str
    accuracy: Interval


class PathEvaluation(Record):
    """One path on the gate rows: accuracy alone, share of rows it answered, accuracy on those, mean cost if used alone."""

    name: str
    accuracy: Interval
    stop_share: float
    accuracy_when_stopped: float | None
    cost_ms: float


class GenerationScores(Record):
    """What only generation is judged by, on the gate rows' completions as they serve.

    `token_f1`, `rouge_l`: means over the rows; `token_f1_low`, `rouge_l_low`: their lower confidence bounds.
    `json_validity`: share of the completions that are JSON, None where the gold completions are not. `perplexity`: of the
    gold completions under the reference path, `served_perplexity` under the last path as it serves. `identical`: share of
    answers that are the same as plain greedy decoding's of the path that gave them.
    """

    token_f1: float
    token_f1_low: float
    rouge_l: float
    rouge_l_low: float
    json_validity: Interval | None
    perplexity: float
    served_perplexity: float
    identical: Interval
    mean_tokens: float


class EvaluationResult(Record):
    """The routed model on the gate rows; out-of-scope rows are right when abstained from.

    `macro_f1_low`, `expected_calibration_error_high`: confidence bounds that gates on these two are judged by; without
    one such a gate is never proven. `in_scope_accuracy` is on rows that have a trained label. What only one task family
    is judged by is None in the others, `generation` in classification.
    `reference` compares routed with the fp32 fine-tuned model; `disagreement` is the share of rows that the two answer
    differently: it needs no labels, and bounds the loss whatever they are.
    """

    rows: int
    accuracy: Interval
    reference_accuracy: Interval
    static_accuracy: Interval
    reference: PairedTest
    disagreement: Interval
    slices: tuple[SliceAccuracy, ...]
    classes: tuple[SliceAccuracy, ...]
    paths: tuple[PathEvaluation, ...]
    leaking_rows: int
    in_scope_accuracy: Interval | None = None
    reference_in_scope_accuracy: Interval | None = None
    macro_f1: float | None = None
    expected_calibration_error: float | None = None
    out_of_scope_recall: Interval | None = None
    out_of_scope_auroc: float | None = None
    out_of_scope_fpr95: float | None = None
    out_of_scope_early_share: float | None = None
    macro_f1_low: float | None = None
    expected_calibration_error_high: float | None = None
    generation: GenerationScores | None = None


class SliceComparison(Record):
    """The same two models on the gate rows of one slice; `test` as in ChampionComparison."""

    name: str
    test: PairedTest


class ChampionComparison(Record):
    """The bundle under judgement (`challenger_digest`) and the version that serves now, on the same gate rows.

    `bundle_digest` is the champion's. In `test` the champion is the parent: harms are rows that only it answers right.
    Its epsilon is 0, so that a small p-value proves an improvement; margins are the gates' business. Both accuracies
    have exact intervals. Where a gate split was carved anew, the champion may have been trained on some of its rows,
    which can only make it look better.
    """

    name: str
    version: int
    bundle_digest: str
    challenger_digest: str
    test: PairedTest
    accuracy: Interval
    champion_accuracy: Interval
    slices: tuple[SliceComparison, ...] = ()

    @property
    def uri(self) -> str:
        """The champion's reference."""
        return f"models:/{self.name}/{self.version}"


class UnreadableChampion(Record):
    """The version that serves now where it cannot be compared with: its bytes are gone, altered, or do not load."""

    name: str
    version: int
    problem: str

    @property
    def uri(self) -> str:
        """The champion's reference."""
        return f"models:/{self.name}/{self.version}"


class Percentile(Record):
    """A latency percentile in milliseconds with the early-stopping upper bound; None when `missing` more queries are needed."""

    percentile: float
    value_ms: float
    upper_bound_ms: float | None
    missing: int


class Scenario(Record):
    """One LoadGen scenario. `valid` is LoadGen's own verdict; `errors` counts queries that raised."""

    name: Literal["SingleStream", "Offline", "Server"]
    queries: int
    valid: bool
    validity: str
    qps: float
    target_qps: float | None
    latency_bound_ms: float | None
    mean_ms: float
    percentiles: tuple[Percentile, ...]
    errors: int


class Contender(Record):
    """One contender of the interleaved comparison. `speedup` = the static int8 model's mean over this one's."""

    name: str
    mean_ms: float
    p50_ms: float
    p99_ms: float
    speedup: Ratio


class ChampionSpeed(Record):
    """How many times faster than the champion, of this `bundle_digest`, in the same interleaved blocks."""

    bundle_digest: str
    speedup: Ratio


class Disturbance(Record):
    """What others (processes, the kernel, the hypervisor) took of the usable CPUs' time while the benchmark ran.

    `share`: of that time, in the part of the benchmark where it was largest, which `during` names. `attempts`: how many
    measurements were made; this is the least disturbed one.
    """

    share: float
    during: str
    disturbed: bool
    attempts: int

    @property
    def sentence(self) -> str:
        """For a check, a report or a terminal."""
        times = "" if self.attempts == 1 else f", in the best of {self.attempts} measurements"
        return f"others took {self.share:.0%} of the CPUs' time during {self.during}{times}"


class Host(Record):
    """Fingerprint of the measuring machine. `driver`: the accelerator's, None where there is none or nobody tells."""

    cpu: str
    instruction_set: tuple[str, ...]
    cores: int
    memory_gb: float
    accelerator: str | None
    runtimes: dict[str, str]
    driver: str | None = None


class TokenLatency(Record):
    """Token latencies of single requests, one after the other, in milliseconds, with early-stopping bounds.

    `first`: time to the first token; `further`: time per further token, a request's mean; answers of one token have none.
    `tokens_per_second`: completion tokens over the time of all requests.
    """

    queries: int
    first: tuple[Percentile, ...]
    further: tuple[Percentile, ...]
    tokens_per_second: float
    mean_tokens: float


class TokenServer(Record):
    """LoadGen's Server scenario of streamed answers, at Poisson times; `valid` is its verdict on both token bounds at p99.

    `first`: time to the first token from when a query was scheduled for; `further` as in TokenLatency. `tokens_per_second`:
    completion tokens of the answers to `qps` queries per second, of `target_qps` that came. `sustained_qps`: the highest rate
    that met both bounds, None where none did. `errors` counts queries that raised.
    """

    queries: int
    valid: bool
    validity: str
    qps: float
    target_qps: float
    ttft_bound_ms: float
    tpot_bound_ms: float
    first: tuple[Percentile, ...]
    further: tuple[Percentile, ...]
    tokens_per_second: float
    mean_tokens: float
    sustained_qps: float | None
    errors: int

    @property
    def sustained_tokens_per_second(self) -> float | None:
        """Completion tokens per second at the sustained rate."""
        return None if self.sustained_qps is None else self.sustained_qps * self.mean_tokens


class BenchmarkResult(Record):
    """Evidence from the target. `latencies_ms`: SingleStream latencies for the picture, at most 2,000, in order of time.

    `against_champion`: None where there was no champion to measure; `disturbance`: None where the system does not tell;
    `tokens`, `token_server`: None where answers are no tokens.
    `operating_point`: name of the one that was measured; None in results from before targets could name one.
    """

    target: str
    host: Host
    bundle_digest: str
    execution_providers: tuple[str, ...]
    cold_start_s: float
    first_answer_ms: float
    peak_memory_mb: float
    size_mb: float
    scenarios: tuple[Scenario, ...]
    sustained_qps: float | None
    contenders: tuple[Contender, ...]
    stop_shares: dict[str, float]
    latencies_ms: tuple[float, ...]
    noise: Ratio
    against_champion: ChampionSpeed | None = None
    disturbance: Disturbance | None = None
    operating_point: str | None = None
    tokens: TokenLatency | None = None
    token_server: TokenServer | None = None
