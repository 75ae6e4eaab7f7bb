"""From decoders to evidence: what was certified is what serves, and every figure is of the rows that it says."""

import json

import numpy as np
import pytest

from engine.generation.router import GenerationRouter
from tasks.artifact import Artifact
from tasks.benchmark.order import static_contenders
from tasks.benchmark.step import run_benchmark
from tasks.data.rows import Row, read_rows
from tasks.errors import UserError
from tasks.families.generation.calibrate import open_trial
from tasks.families.generation.compare import compare_generation_with_champion
from tasks.families.generation.evaluate import evaluate_generation
from tasks.families.generation.roles import settings_of
from tasks.families.generation.routing.bundling import load_generation_bundle
from tasks.families.generation.routing.costs import timed_rows
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import EvaluationResult, SnapshotResult
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_generation_run import HERE, MAX_NEW_TOKENS, TinyGenerationRun

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tiny_generation_run: TinyGenerationRun) -> TinyGenerationRun:
    return tiny_generation_run


@pytest.fixture(scope="module")
def evaluation(run: TinyGenerationRun, tmp_path_factory: pytest.TempPathFactory) -> EvaluationResult:
    return evaluate_generation(
        run.snapshot,
        run.router,
        run.compression,
        correct="exact",
        epsilon=0.02,
        confidence=0.95,
        target=HERE,
        workspace=workspace_in(tmp_path_factory.mktemp("evaluate")),
    )


class TestCalibration:
    def test_every_ladder_was_compared_and_the_cheapest_expected_one_comes_first(self, run) -> None:
        compared = run.router.result.candidates
        assert {"small", "reference", "small, then reference"} <= {candidate.name for candidate in compared}
        costs = [candidate.predicted_cost_ms or np.inf for candidate in compared]
        assert costs == sorted(costs)
        assert sum(candidate.chosen for candidate in compared) == 1

    def test_the_fast_small_model_answers_what_it_is_sure_of(self, run) -> None:
        result = run.router.result
        assert [path.name for path in result.paths] == ["small", "reference"]
        assert 0.05 < result.paths[0].stop_share < 1
        assert result.expected_cost_ms < result.static_cost_ms
        promised = next(entry for entry in result.certificates if entry.operating_point == result.operating_point)
        assert promised.certified
        assert promised.test.n == 600

    def test_what_serves_answers_as_what_was_certified(self, run) -> None:
        """The certificate's harms are those of the served answers on the same rows."""
        rows = read_rows(run.snapshot, "certify")
        bundle = run.router.folder / "bundle"
        served = load_generation_bundle(bundle, HERE).predict([row.text for row in rows])
        right = np.array([answer.text == row.label for answer, row in zip(served, rows, strict=True)])
        settings = settings_of(run.models, "exact", MAX_NEW_TOKENS)
        trial = open_trial(run.compression, read_rows(run.snapshot, "train"), settings, "exact", HERE)
        reference = trial.plain("reference", rows).right
        promised = next(
            entry
            for entry in run.router.result.certificates
            if entry.operating_point == run.router.result.operating_point
        )
        assert int((reference & ~right).sum()) == promised.test.harms
        assert int((~reference & right).sum()) == promised.test.gains

    def test_each_operating_point_runs_the_ladder_in_order(self, run) -> None:
        router = GenerationRouter.load(run.router.folder / "bundle")
        assert router.default_point == "4%"
        for point in router.points.values():
            assert [step.path for step in point.steps] == ["small", "reference"]
        assert [rule.cost_ms for rule in router.rules] == pytest.approx(
            [path.cumulative_ms for path in run.router.result.paths]
        )

    def test_the_drafts_on_record_are_those_that_serve(self, run) -> None:
        rules = {rule.name: rule for rule in GenerationRouter.load(run.router.folder / "bundle").rules}
        first, *later = run.router.result.paths
        assert first.drafting.checks is None
        for path in (first, *later):
            assert path.drafting.phrase_tokens == rules[path.name].draft_tokens
            assert path.drafting.speedup >= 1
        for path in later:
            assert (path.drafting.checks == first.name) == rules[path.name].draft_answer


class TestEvaluation:
    def test_the_reference_loses_only_the_rows_whose_gold_is_wrong(self, run, evaluation) -> None:
        assert evaluation.rows == 200
        assert evaluation.unanswered == {"certify": 0, "gate": 0}
        wrong = sum(row.label == "no" for row in read_rows(run.snapshot, "gate"))
        assert evaluation.reference_accuracy.successes == 200 - wrong
        assert evaluation.static_accuracy == evaluation.reference_accuracy

    def test_paths_share_the_rows_and_what_differs_bounds_the_loss(self, evaluation) -> None:
        assert sum(path.stop_share for path in evaluation.paths) == pytest.approx(1)
        test = evaluation.reference
        assert evaluation.disagreement.successes >= test.harms + test.gains
        assert evaluation.accuracy.successes == evaluation.reference_accuracy.successes - test.harms + test.gains
        assert sum(part.accuracy.n for part in evaluation.slices) == 200

    def test_scores_of_texts_have_bounds_and_drafts_alter_no_answer(self, evaluation) -> None:
        found = {figure.name: figure for figure in evaluation.figures}
        f1, rouge = found["token_f1"], found["rouge_l"]
        assert evaluation.accuracy.value <= f1.value <= 1
        assert f1.low <= f1.value
        assert rouge.low <= rouge.value <= f1.value
        assert found["identical_to_greedy"].value == 1
        assert found["perplexity"].value >= 1
        assert found["json_validity"].value is None
        assert 0 < found["mean_tokens"].value <= MAX_NEW_TOKENS


def test_prompts_beyond_the_context_are_counted_and_wrong(run, tmp_path) -> None:
    evaluation = evaluate_generation(
        with_refused_prompts(run, tmp_path / "snapshot"),
        run.router,
        run.compression,
        correct="exact",
        epsilon=0.02,
        confidence=0.95,
        target=HERE,
        workspace=workspace_in(tmp_path / "evaluate"),
    )
    assert evaluation.unanswered == {"certify": 1, "gate": 2}
    assert evaluation.accuracy.n == 60
    assert evaluation.accuracy.successes <= 58


def test_prompts_beyond_the_context_are_not_timed(run) -> None:
    settings = settings_of(run.models, "exact", MAX_NEW_TOKENS)
    trial = open_trial(run.compression, read_rows(run.snapshot, "train"), settings, "exact", HERE)
    rows = read_rows(run.snapshot, "tune")
    assert timed_rows(trial, rows, 24).tolist() == [*range(0, 288, 12)]

    mixed = [refused(number) if number % 2 else row for number, row in enumerate(rows[:60])]
    assert timed_rows(trial, mixed, 10).tolist() == [*range(0, 60, 6)]
    with pytest.raises(UserError, match="none of 5 tune prompts leaves room"):
        timed_rows(trial, [refused(number) for number in range(5)], 10)


def with_refused_prompts(run: TinyGenerationRun, folder) -> Artifact[SnapshotResult]:
    """Two gate rows of 60, and one certify row of 30, have no room for an answer in the models' context."""
    gate, certify = (read_rows(run.snapshot, split) for split in ("gate", "certify"))
    rows = {"gate": [*gate[:58], refused(1), refused(2)], "certify": [*certify[:29], refused(3)]}
    return snapshot_of(folder, rows)


def refused(number: int) -> Row:
    """A prompt that is longer than the context."""
    return Row(f"order red shoes {number} " * 60, "no")


def test_a_bundle_loses_nothing_to_itself_and_differs_nowhere(run, tmp_path) -> None:
    workspace = workspace_in(tmp_path)
    bundle = run.router.folder / "bundle"
    compared = compare_generation_with_champion(
        run.snapshot,
        run.router,
        bundle,
        name="tiny-calls",
        version=3,
        correct="exact",
        confidence=0.95,
        target=HERE,
        workspace=workspace,
    )
    assert (compared.test.harms, compared.test.gains) == (0, 0)
    assert compared.bundle_digest == compared.challenger_digest
    assert (workspace.out / "differences.jsonl").read_text() == ""


def test_the_benchmark_measures_tokens_and_the_plain_full_model_beside_the_bundle(run, tmp_path) -> None:
    config = BenchmarkConfig(queries=40, interleaved_repeats=3, retries=0)
    workspace = workspace_in(tmp_path)
    measured = run_benchmark(
        with_refused_prompts(run, tmp_path / "snapshot"),
        run.router,
        run.compression,
        config=config,
        champion=None,
        server_qps=None,
        target=HERE,
        workspace=workspace,
    )
    assert [contender.name for contender in measured.contenders] == ["adaptive", "static-fp32"]
    assert measured.tokens is not None
    assert measured.tokens.queries == 40
    assert 0 < measured.tokens.mean_tokens <= MAX_NEW_TOKENS
    assert len(measured.tokens.first) == len(measured.tokens.further) == 3
    server = measured.token_server
    assert server is not None
    assert (server.queries, server.errors) == (40, 0)
    assert (server.ttft_bound_ms, server.tpot_bound_ms) == (config.server_ttft_ms, config.server_tpot_ms)
    assert server.sustained_qps is None  # 40 queries prove no 99th percentile
    assert len(server.first) == len(server.further) == 3
    assert 0 < server.mean_tokens <= MAX_NEW_TOKENS
    assert set(measured.stop_shares) == {"small", "reference"}
    assert (measured.inputs, measured.unanswered) == (60, 2)
    assert min(measured.latencies_ms) > measured.scenarios[0].mean_ms / 20  # a refusal takes microseconds
    raw = json.loads((workspace.out / "measurements.json").read_text())
    assert len(raw["tokens"]["first_ms"]) == len(raw["token_server"]["tokens"]["first_ms"]) == 40
    assert (workspace.out / "loadgen" / "Server-tokens" / "mlperf_log_summary.txt").is_file()


def test_contenders_are_named_by_their_weights(run) -> None:
    quantized = run.compression.result.model_copy(
        update={"static_precision": "int4-block32-level4-head8", "static_monolith": "full"}
    )
    compression = Artifact("quantize", run.compression.folder, "", quantized)
    names = [contender.name for contender in static_contenders(run.router.folder / "bundle", compression)]
    assert names == ["static-int4", "static-fp32"]
