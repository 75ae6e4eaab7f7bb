"""The engine on a real bundle: it answers, it refuses altered bytes, and no batch, order or thread changes an answer."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import AdaptiveModel, BundleError, InputError, Prediction, StaticModel
from engine.bundle import read_manifest, write_manifest
from engine.classification.ladder import MOST_PADDING, MOST_ROWS, EncoderPath, by_length
from engine.digests import file_digest
from tasks.data.rows import read_rows
from tasks.families.classification.encoder.shape import read_shape

pytestmark = pytest.mark.slow

TEXTS = (
    "please move transfer 50 dollars over to checking account",
    "put stash 50 dollars aside in the savings pot thanks",
    "i lost my card please block it now",
    "volcano soup guitar",
    "what is the weather tomorrow",
    "",
)


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> AdaptiveModel:
    return AdaptiveModel.load(tiny_bundle)


@pytest.fixture
def altered(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def assert_same_answer(one: Prediction, other: Prediction) -> None:
    """Equal but for the rounding of sums whose order a batch may change."""
    assert (one.label, one.path, one.abstained, one.error) == (other.label, other.path, other.abstained, other.error)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
    assert one.out_of_scope_score == pytest.approx(other.out_of_scope_score, abs=1e-3)


def test_it_answers_with_label_confidence_and_path(model: AdaptiveModel) -> None:
    for answer in model.predict(TEXTS):
        assert answer.path in model.paths
        assert 0 <= answer.confidence <= 1
        assert answer.abstained == (answer.label is None)
        assert answer.label is None or answer.label in model.labels
        assert answer.cost_ms > 0


def test_one_text_may_be_given_as_a_string(model: AdaptiveModel) -> None:
    assert model.predict(TEXTS[0]) == model.predict([TEXTS[0]])


def test_it_answers_the_labels_it_was_trained_for(model: AdaptiveModel, tiny) -> None:
    rows = read_rows(tiny.snapshot, "gate")
    answers = model.predict([row.text for row in rows])
    right = [(answer.label or "oos") == row.label for answer, row in zip(answers, rows, strict=True)]
    assert sum(right) >= 0.97 * len(rows)
    assert model.predict(TEXTS[1])[0].label == "move_to_savings"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=60) | st.sampled_from(TEXTS), max_size=24), seed=st.randoms())
def test_batch_size_and_order_never_change_an_answer(model: AdaptiveModel, texts: list[str], seed) -> None:
    alone = {text: model.predict([text])[0] for text in texts}
    shuffled = list(texts)
    seed.shuffle(shuffled)
    for text, together in zip(shuffled, model.predict(shuffled), strict=True):
        assert_same_answer(together, alone[text])


def test_detail_says_what_every_path_that_was_run_found(model: AdaptiveModel) -> None:
    for plain, answer in zip(model.predict(TEXTS), model.predict(TEXTS, detail=True), strict=True):
        assert plain.detail is None
        assert answer.detail is not None
        assert [step.path for step in answer.detail] == list(model.paths[: len(answer.detail)])
        last = answer.detail[-1]
        assert (last.path, last.confidence, last.cost_ms) == (answer.path, answer.confidence, answer.cost_ms)
        assert answer.abstained or last.label == answer.label
        assert replace(answer, detail=None) == plain


def test_every_operating_point_answers_per_call(model: AdaptiveModel) -> None:
    for point in model.operating_points:
        assert len(model.predict(TEXTS, operating_point=point)) == len(TEXTS)


def test_many_threads_get_the_answers_of_one(model: AdaptiveModel) -> None:
    texts = [f"{text} {number}" for number in range(40) for text in TEXTS]
    expected = [model.predict([text])[0] for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: model.predict([text])[0], texts)) == expected


@pytest.mark.parametrize(
    "text",
    ["\ud800 lone surrogate", "🙂" * 50, "שלום עולם", "\x00\x07", "a" * 100_000, " \n\t "],
    ids=["surrogate", "emoji", "hebrew", "control", "long", "blank"],
)
def test_odd_texts_are_answered(model: AdaptiveModel, text: str) -> None:
    assert len(model.predict([text])) == 1


@pytest.mark.parametrize("bad", [None, b"bytes", 7, ["nested"]])
def test_a_row_that_is_no_text_is_named_and_the_others_are_answered(model: AdaptiveModel, bad: object) -> None:
    answers = model.predict([TEXTS[0], bad, *TEXTS[1:] * 4])  # type: ignore[list-item]
    assert answers[1].error == f"row 1: a text is needed, not {type(bad).__name__}"
    assert answers[1].label is None
    for with_bad, without in zip([answers[0], *answers[2:]], model.predict([TEXTS[0], *TEXTS[1:] * 4]), strict=True):
        assert_same_answer(with_bad, without)


@pytest.mark.parametrize("bad", [None, b"bytes", 7])
def test_what_is_no_list_of_texts_is_refused(model: AdaptiveModel, bad: object) -> None:
    with pytest.raises(InputError, match=type(bad).__name__):
        model.predict(bad)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def batching(tiny, tmp_path_factory: pytest.TempPathFactory) -> AdaptiveModel:
    """The same ladder with the fp32 segments, whose rows may share a run."""
    folder = Path(shutil.copytree(tiny.router.folder / "bundle", tmp_path_factory.mktemp("fp32") / "bundle"))
    manifest = read_manifest(folder)
    exits = dict(zip(read_shape(tiny.export.folder).exit_names, tiny.export.result.segments, strict=True))
    paths = []
    for entry in manifest.paths:
        if entry.kind == "encoder":
            shutil.copyfile(
                tiny.export.folder / exits.get(entry.name, tiny.export.result.monolith), folder / entry.file
            )
        paths.append(replace(entry, batches=entry.kind == "encoder"))
    write_manifest(folder, replace(manifest, paths=tuple(paths)))
    return AdaptiveModel.load(folder, replay_golden=False)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=60) | st.sampled_from(TEXTS), max_size=40), seed=st.randoms())
def test_rows_that_share_a_run_are_answered_as_alone(batching: AdaptiveModel, texts: list[str], seed) -> None:
    alone = {text: batching.predict([text], detail=True)[0] for text in texts}
    shuffled = list(texts)
    seed.shuffle(shuffled)
    for text, together in zip(shuffled, batching.predict(shuffled, detail=True), strict=True):
        assert_same_answer(together, alone[text])
        assert [step.path for step in together.detail or ()] == [step.path for step in alone[text].detail or ()]


def test_rows_share_runs_by_length_and_stopped_rows_take_no_part(batching: AdaptiveModel, monkeypatch) -> None:
    sizes: dict[str, list[int]] = {}
    for path in batching._ladder:
        if isinstance(path, EncoderPath):
            run = path._run_together

            def counted(requests, run=run, name=path.name):
                sizes.setdefault(name, []).append(len(requests))
                return run(requests)

            monkeypatch.setattr(path, "_run_together", counted)
    answers = batching.predict(list(TEXTS) * 8)
    first = next(iter(sizes.values()))
    went_on = sum(answer.path != "lexical" for answer in answers)
    assert sum(first) == went_on > 0
    assert len(first) < went_on
    totals = [sum(own) for own in sizes.values()]
    assert totals == sorted(totals, reverse=True)


@given(lengths=st.lists(st.integers(1, 64), max_size=200))
def test_no_row_is_padded_by_much(lengths: list[int]) -> None:
    groups = by_length(lengths)
    assert sorted(row for group in groups for row in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) <= MOST_ROWS
        assert max(lengths[row] for row in group) <= MOST_PADDING * min(lengths[row] for row in group)


def test_an_unknown_operating_point_names_the_known_ones(model: AdaptiveModel) -> None:
    with pytest.raises(InputError, match=model.operating_point):
        model.predict(["hello"], operating_point="7%")


def test_every_file_is_guarded_by_its_digest(altered: Path) -> None:
    files = sorted(path for path in altered.rglob("*") if path.is_file() and path.name != "manifest.json")
    assert len(files) > 4
    for file in files:
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleError, match=file.name):
            AdaptiveModel.load(altered)
        file.unlink()
        with pytest.raises(BundleError, match="missing"):
            AdaptiveModel.load(altered)
        file.write_bytes(content)
    AdaptiveModel.load(altered)


def test_the_manifest_is_guarded_by_a_digest_from_elsewhere(altered: Path) -> None:
    file = altered / "manifest.json"
    content, registered = file.read_bytes(), file_digest(file)
    AdaptiveModel.load(altered, manifest_sha256=registered)
    for place in range(0, len(content), 97):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BundleError, match=r"manifest\.json"):
            AdaptiveModel.load(altered, manifest_sha256=registered)


def test_a_file_too_many_is_refused(altered: Path) -> None:
    (altered / "extra.bin").write_bytes(b"x")
    with pytest.raises(BundleError, match="not listed"):
        AdaptiveModel.load(altered)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json"):
        AdaptiveModel.load(tmp_path)


def test_a_bundle_of_another_format_is_refused(altered: Path) -> None:
    manifest = json.loads((altered / "manifest.json").read_text())
    (altered / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(BundleError, match="format 99"):
        AdaptiveModel.load(altered)


def test_a_bundle_that_answers_differently_from_its_golden_set_is_refused(altered: Path) -> None:
    from engine.bundle import GOLDEN_FILE, read_manifest, write_manifest

    rows = json.loads((altered / GOLDEN_FILE).read_text())
    assert rows
    rows[0]["answer"]["confidence"] -= 0.1
    (altered / GOLDEN_FILE).write_text(json.dumps(rows))
    manifest = read_manifest(altered)
    (altered / "manifest.json").unlink()
    write_manifest(altered, manifest)
    with pytest.raises(BundleError, match="recalibrate"):
        AdaptiveModel.load(altered)


def test_an_execution_provider_that_is_not_there_is_named(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="NoSuchProvider"):
        AdaptiveModel.load(tiny_bundle, execution_provider="NoSuchProvider")


def test_the_active_execution_provider_is_reported(model: AdaptiveModel) -> None:
    assert model.execution_providers == ("CPUExecutionProvider",)


def test_a_static_model_answers_like_the_reference_path(tiny, tiny_bundle: Path) -> None:
    static = StaticModel.load(tiny.compression.folder / tiny.compression.result.reference_monolith, tiny_bundle)
    answers = static.predict(TEXTS[:3])
    assert [answer.label for answer in answers] == ["move_to_checking", "move_to_savings", "card_lost"]
