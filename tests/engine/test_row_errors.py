"""A row's fault is its own answer's error, never its neighbours', whatever the runtime raises for it; the engine answers on."""

from pathlib import Path

import pytest

from engine import AdaptiveModel, BundleError, Prediction, StaticModel, strict_json
from engine.bundle import read_manifest, write_manifest
from engine.classification.ladder import EncoderPath
from tests.handmade_bundle import write_handmade_bundle

GOOD = ("red", "green green", "red red blue", "blue", "green [UNK]", "red green blue blue")
LONG = "red " * 40


def answers_beside(model: AdaptiveModel, bad: object) -> Prediction:
    """What `bad` gets amid rows that must be answered as without it."""
    alone = [model.predict([text])[0] for text in GOOD]
    assert all(answer.error is None for answer in alone)
    for rows in ((*GOOD, bad), (bad, *GOOD), (*GOOD[:3], bad, *GOOD[3:], bad, *GOOD * 30)):
        found = model.predict(list(rows))
        for place, (row, answer) in enumerate(zip(rows, found, strict=True)):
            if row is bad:
                assert answer.error is not None
                assert answer.error.startswith(f"row {place}: ")
                assert (answer.label, answer.path, answer.abstained, answer.confidence) == (None, "", False, 0.0)
            else:
                expected = alone[GOOD.index(row)]
                assert (answer.label, answer.path, answer.error) == (expected.label, expected.path, None)
                assert answer.confidence == pytest.approx(expected.confidence, abs=1e-5)
    return model.predict([bad])[0]  # type: ignore[list-item]


@pytest.mark.parametrize("batches", [True, False], ids=["in groups", "one by one"])
def test_a_token_without_an_embedding_is_named_in_its_own_rows_error(tmp_path: Path, batches: bool) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", added=("iban",), batches=batches))
    assert "'iban'" in str(answers_beside(model, "red iban").error)


@pytest.mark.parametrize("batches", [True, False], ids=["in groups", "one by one"])
@pytest.mark.parametrize("early", [2.0, 99.0], ids=["answered early", "by the last path"])
def test_what_onnx_runtime_raises_for_a_row_is_its_error(tmp_path: Path, batches: bool, early: float) -> None:
    """As where a bundle does not say how many embeddings it has."""
    folder = write_handmade_bundle(
        tmp_path / "bundle", added=("iban",), batches=batches, says_vocabulary=False, early=early
    )
    assert "cannot be run" in str(answers_beside(AdaptiveModel.load(folder), "red iban").error)


@pytest.mark.parametrize("batches", [True, False], ids=["in groups", "one by one"])
def test_a_row_with_more_tokens_than_the_model_has_positions_has_an_error_of_its_own(
    tmp_path: Path, batches: bool
) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", positions=12, batches=batches))
    assert "cannot be run" in str(answers_beside(model, LONG).error)


@pytest.mark.parametrize("batches", [True, False], ids=["in groups", "one by one"])
def test_numbers_that_are_not_finite_are_an_error_and_never_a_label(tmp_path: Path, batches: bool) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", batches=batches))
    assert "not finite" in str(answers_beside(model, "red broken").error)


@pytest.mark.parametrize("empty", ["", "   ", "\n\t"])
def test_a_text_of_no_token_has_an_error_of_its_own(tmp_path: Path, empty: str) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", special=False))
    assert "no token" in str(answers_beside(model, empty).error)


def test_the_static_model_refuses_a_row_as_the_bundle_does(tmp_path: Path) -> None:
    folder = write_handmade_bundle(tmp_path / "bundle", added=("iban",))
    manifest = read_manifest(folder)
    static = StaticModel(
        _last_only(folder),
        AdaptiveModel.load(folder)._tokenizer,
        manifest.labels,
        None,  # type: ignore[attr-defined]
    )
    answers = static.predict(["red", "iban", "red broken", "blue blue"])
    assert [answer.label for answer in answers] == ["red", None, None, "blue"]
    assert [answer.error is None for answer in answers] == [True, False, False, True]


def test_a_fault_of_the_engine_itself_is_no_rows_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle"))

    def wrong(_path: EncoderPath, _request: object) -> object:
        return {}["missing"]

    monkeypatch.setattr(EncoderPath, "run", wrong)
    with pytest.raises(KeyError):
        model.predict(["red"])


def test_a_golden_row_that_is_not_answered_stops_the_bundle_from_loading(tmp_path: Path) -> None:
    folder = write_handmade_bundle(tmp_path / "bundle")
    answer = {"label": "red", "confidence": 1.0, "path": "first", "abstained": False}
    row = {"text": "red broken", "operating_point": "only", "answer": answer | {"out_of_scope_score": 0, "cost_ms": 1}}
    strict_json.write(folder / "golden.json", [row])
    write_manifest(folder, read_manifest(folder))
    with pytest.raises(BundleError, match="not answered here"):
        AdaptiveModel.load(folder)


def _last_only(folder: Path) -> EncoderPath:
    from engine.session import open_session

    class First(EncoderPath):
        def run(self, request):  # type: ignore[no-untyped-def]
            _, logits, embedding = self.session.run(
                None, {"input_ids": request.ids[None], "attention_mask": request.ids[None] * 0 + 1}
            )
            return logits[0], embedding[0]

    return First("first", open_session(folder / "first.onnx"))
