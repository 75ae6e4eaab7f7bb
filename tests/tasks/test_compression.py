"""Export, fuse, quantize: every graph is checked against its parent, and only what earns its place is kept."""

import numpy as np
import onnx
import pytest

from tasks.errors import UserError
from tasks.graphs.quantizing import calibration_rows
from tasks.records import Ratio, Technique
from tasks.statistics.paired_test import paired_test
from tasks.techniques import preferred


def test_a_calibration_shortfall_names_both_numbers() -> None:
    with pytest.raises(UserError, match=r"needs 128 .* has 90"):
        calibration_rows(list(range(90)), 128)


@pytest.mark.slow
class TestExport:
    def test_segments_equal_the_monolith_within_1e_4(self, tiny) -> None:
        segments = next(check for check in tiny.export.result.parity if check.graph == "segments")
        assert segments.max_abs_difference < 1e-4
        assert segments.agreement == 1

    def test_every_graph_was_compared_with_its_parent(self, tiny) -> None:
        compared = {check.graph for check in tiny.export.result.parity}
        assert {"monolith-unfused.onnx", "monolith.onnx", "segments", "segment-1.onnx", "segment-2.onnx"} == compared

    def test_attention_layer_normalisation_and_gelu_are_fused(self, tiny) -> None:
        operators = tiny.export.result.fused_operators
        assert operators["EmbedLayerNormalization"] == 1
        assert operators["Attention"] == operators["BiasGelu"] == 3
        assert operators["SkipLayerNormalization"] == 6

    def test_no_graph_has_an_if(self, tiny) -> None:
        for file in tiny.export.folder.glob("*.onnx"):
            assert "If" not in {node.op_type for node in onnx.load(file).graph.node}


@pytest.mark.slow
class TestSelection:
    def test_every_technique_is_reported_with_its_reason(self, tiny) -> None:
        techniques = {technique.name: technique for technique in tiny.compression.result.techniques}
        assert set(techniques) == {"fuse", "dynamic-int8", "static-int8", "prune"}
        for technique in techniques.values():
            assert technique.reason.startswith(technique.state)
            earned = technique.speedup.low > 1 and technique.test.p_value <= 0.05
            same = technique.name == "fuse" and technique.agreement == 1 and technique.speedup.high >= 1
            assert technique.kept == (earned or same)

    def test_what_serves_was_kept(self, tiny) -> None:
        result = tiny.compression.result
        kept = {technique.name for technique in result.techniques if technique.stays}
        assert result.precision == "fp32" or result.precision in kept
        assert (result.model == "pruned") == ("prune" in kept)

    def test_all_files_that_are_named_are_there(self, tiny) -> None:
        result = tiny.compression.result
        for name in (*result.segments, result.static_monolith, result.reference_monolith):
            onnx.checker.check_model(str(tiny.compression.folder / name))


@pytest.mark.slow
def test_static_quantization_of_later_segments_calibrates_on_hidden_states(tiny, tmp_path) -> None:
    from engine.session import open_session
    from tasks.graphs.quantizing import STATIC, quantize_graph

    rng = np.random.default_rng(0)
    feeds = [
        {
            "hidden_in": rng.standard_normal((1, 5, 48)).astype(np.float32),
            "attention_mask": np.ones((1, 5), dtype=np.int64),
        }
        for _ in range(8)
    ]
    graph, written = tiny.export.folder / "segment-2.onnx", tmp_path / "int8.onnx"
    quantize_graph(
        graph, written, technique=STATIC, model_folder=tiny.export.folder, calibration=feeds, scratch=tmp_path
    )
    own = open_session(written).run(["logits"], feeds[0])[0]
    parent = open_session(graph).run(["logits"], feeds[0])[0]
    assert np.abs(own - parent).max() < 0.5
    assert not np.array_equal(own, parent)


def test_of_two_techniques_of_one_speed_the_more_faithful_one_is_better() -> None:
    def tried(name: str, mean_ms: float, agreement: float) -> Technique:
        return Technique(
            name=name,
            parent="fp32",
            kept=True,
            reason="",
            speedup=Ratio(value=8 / mean_ms, low=1.1, high=9.0),
            accuracy=0.9,
            parent_accuracy=0.9,
            test=paired_test(np.ones(400, bool), np.ones(400, bool), 0.01, 0.95),
            size_mb=20.0,
            parent_size_mb=80.0,
            parity=0.5,
            agreement=agreement,
            mean_ms=mean_ms,
            parent_mean_ms=8.0,
        )

    faithful, little_faster, much_faster = (
        tried("dynamic-int8", 4.0, 0.994),
        tried("static-int8", 3.8, 0.98),
        tried("static-int8", 2.5, 0.98),
    )
    assert preferred([little_faster, faithful]) is preferred([faithful, little_faster]) is faithful
    assert preferred([faithful, little_faster, much_faster]) is much_faster
    as_faithful = tried("static-int8", 3.8, 0.994)
    assert preferred([faithful, as_faithful]) is faithful, "the first, whichever was timed a little faster"
    assert preferred([]) is None
