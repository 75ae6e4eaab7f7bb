"""Recalibration of decoders: the same calibration on fresh rows, certified as it serves, or one error and nothing written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.bundle import CERTIFICATE_FILE, TOKENIZER_FILE, read_manifest
from engine.digests import file_digest
from engine.generation.model import GenerationModel
from engine.generation.phrases import PHRASES_FILE
from engine.generation.router import ROUTER_FILE, GenerationRouter
from tasks.data.rows import UNLABELLED, Row
from tasks.errors import UserError
from tasks.families.generation.opened_bundle import OpenedGenerator
from tasks.families.generation.routing.bundling import decoder_digest, load_generation_bundle
from tasks.recalibrate import recalibrate
from tasks.records import Certificate, Recalibration
from tasks.statistics.attempts import attempt_level
from tasks.statistics.paired_test import rows_needed
from tests.tiny_generation_bundle import CalibratedGenerator, bundle_of_one_path
from tests.tiny_generation_run import HERE
from tests.without_clock import without_clock

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    without_clock(monkeypatch)


@pytest.fixture
def made(tiny_generator: CalibratedGenerator) -> CalibratedGenerator:
    return tiny_generator


def recalibrated(made: CalibratedGenerator, out: Path, bundle: Path | None = None, **changes: object) -> Recalibration:
    given = {"tune_rows": made.tune, "certify_rows": made.certify, "attempt": 1, "out": out} | changes
    opened = OpenedGenerator.open(bundle or made.bundle, made.reference, HERE)
    return recalibrate(opened, progress=lambda _: None, **given)


def certified_by(bundle: Path) -> dict[str, Certificate]:
    entries = json.loads((bundle / CERTIFICATE_FILE).read_text())
    return {entry.operating_point: entry for entry in map(Certificate.model_validate, entries)}


def test_on_the_rows_it_was_calibrated_on_a_bundle_comes_out_as_it_was(
    made: CalibratedGenerator, tmp_path: Path
) -> None:
    """Both go one way: nothing of calibration is said twice."""
    on = made.calibrated_on
    recalibrated(made, tmp_path / "new", tune_rows=on["tune"], certify_rows=on["certify"])
    old, new = read_manifest(made.bundle), read_manifest(tmp_path / "new")
    assert new.files == old.files
    assert new.reference_digest == old.reference_digest == decoder_digest(made.reference)


def test_fresh_rows_give_new_thresholds_and_certificates_to_the_same_decoders(
    made: CalibratedGenerator, tmp_path: Path
) -> None:
    result = recalibrated(made, tmp_path / "new")
    old, new = made.bundle, tmp_path / "new"
    assert result.paths == result.paths_before == ("small", "reference")
    for file in (TOKENIZER_FILE, PHRASES_FILE, "small/decoder.onnx", "reference/decoder.onnx"):
        assert file_digest(new / file) == file_digest(old / file)
    assert (new / ROUTER_FILE).read_bytes() != (old / ROUTER_FILE).read_bytes()
    before, after = GenerationRouter.load(old), GenerationRouter.load(new)
    assert set(after.points) == set(before.points) == {"4%", "8%"}
    assert after.default_point == before.default_point == result.operating_point == "4%"
    assert {entry.test.n for entry in certified_by(new).values()} == {len(made.certify)}
    assert (result.tune_rows, result.certify_rows) == (len(made.tune), len(made.certify))


def test_what_serves_afterwards_answers_as_was_certified(made: CalibratedGenerator, tmp_path: Path) -> None:
    recalibrated(made, tmp_path / "new")
    model = load_generation_bundle(tmp_path / "new", HERE)
    prompts = [row.text for row in made.certify]
    reference = (
        OpenedGenerator.open(tmp_path / "new", made.reference, HERE).trial.plain("reference", made.certify).right
    )
    for name, certificate in certified_by(tmp_path / "new").items():
        served = right(model, prompts, made.certify, name)
        assert certificate.certified
        assert int((reference & ~served).sum()) == certificate.test.harms
        assert int((~reference & served).sum()) == certificate.test.gains


def right(model: GenerationModel, prompts: list[str], rows: list[Row], point: str) -> np.ndarray:
    answers = model.predict(prompts, operating_point=point)
    return np.array([answer.text == row.label for answer, row in zip(answers, rows, strict=True)])


def test_the_reference_path_joins_where_the_bundles_own_paths_do_not_keep_the_promise(
    made: CalibratedGenerator, tmp_path: Path
) -> None:
    bundle = bundle_of_one_path(made.small, tmp_path / "small-alone", made.reference)
    result = recalibrated(made, tmp_path / "new", bundle)
    assert (result.paths_before, result.paths) == (("small",), ("small", "reference"))
    assert decoder_digest(tmp_path / "new" / "reference") == read_manifest(bundle).reference_digest
    assert load_generation_bundle(tmp_path / "new", HERE).paths == ("small", "reference")


def test_without_completions_an_answer_that_differs_counts_as_lost(made: CalibratedGenerator, tmp_path: Path) -> None:
    tune, certify = ([replace(row, label=UNLABELLED) for row in rows] for rows in (made.tune, made.certify))
    result = recalibrated(made, tmp_path / "new", tune_rows=tune, certify_rows=certify)
    assert result.unlabelled_rows == len(tune) + len(certify)
    for certificate in result.after:
        assert certificate.test.gains == 0
        assert certificate.unlabelled_rows == len(certify)
    opened = OpenedGenerator.open(made.bundle, made.reference, HERE)
    small, reference = (opened.trial.answers(name, tune + certify).texts for name in ("small", "reference"))
    differing = {
        row.text
        for row, one, other in zip(tune + certify, small, reference, strict=True)
        if one.strip() != other.strip()
    }
    assert {row.text for row in opened.rows_to_label([*tune, *certify])} == differing
    assert result.rows_to_label == len(differing) > 0


def test_no_label_is_asked_for_a_prompt_that_is_refused(made: CalibratedGenerator) -> None:
    opened = OpenedGenerator.open(made.bundle, made.reference, HERE)
    unlabelled = [replace(row, label=UNLABELLED) for row in made.tune]
    refused = [Row(f"find red shoes {number} " * 60, UNLABELLED) for number in range(3)]

    assert opened.rows_to_label([*refused, *unlabelled]) == opened.rows_to_label(unlabelled) != []


def test_the_reference_path_alone_has_nothing_to_recalibrate(made: CalibratedGenerator, tmp_path: Path) -> None:
    bundle_of_one_path(made.reference, tmp_path / "alone", made.reference)
    with pytest.raises(UserError, match="reference path alone"):
        OpenedGenerator.open(tmp_path / "alone", made.reference, HERE)


def test_too_few_rows_are_counted(made: CalibratedGenerator, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=rf"needs {rows_needed(0.04, attempt_level(0.05, 1))} certify rows.*labelled rows"
    ):
        recalibrated(made, tmp_path / "new", certify_rows=made.certify[:60])
    with pytest.raises(UserError, match="at least 100 are needed"):
        recalibrated(made, tmp_path / "new", tune_rows=made.tune[:60])
    assert not list(tmp_path.iterdir())
