"""Recalibration of decoders: the same calibration on fresh rows, certified as it serves, or one error and nothing written."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from engine.bundle import CERTIFICATE_FILE, TOKENIZER_FILE, read_manifest
from engine.digests import file_digest
from engine.generation.drafting import PHRASES_FILE
from engine.generation.model import GenerationModel
from engine.generation.prompts import GenerationSettings
from engine.generation.router import ROUTER_FILE, GenerationRouter, OperatingPoint, PathRule, Step
from flows.home import Home
from flows.recalibration import Request, recalibrate_bundle
from tasks.artifact import Artifact
from tasks.data.rows import UNLABELLED, Row
from tasks.errors import UserError
from tasks.generation import costs, drafts
from tasks.generation.building import DecoderBuild, build_decoders
from tasks.generation.bundling import (
    GenerationContents,
    decoder_digest,
    load_generation_bundle,
    write_generation_bundle,
)
from tasks.generation.calibrate import calibrate_generation
from tasks.generation.greedy import GreedyDecoder, on_all_cores
from tasks.generation.opened_bundle import OpenedGenerator
from tasks.generation.phrases import learn_phrases
from tasks.generation.precision import FP32
from tasks.generation.prompt_format import PromptFormat
from tasks.generation.records import GenerationFineTuneResult
from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate
from tasks.recipe.schema import RouterConfig
from tasks.records import Certificate, CompressionResult, Recalibration
from tasks.router import certify as certifying
from tasks.router.certify import reference_certificate
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_decoder import PREFIX, SUFFIX
from tests.tiny_generation_run import HERE, MAX_NEW_TOKENS, answered, prompts, write_models

pytestmark = pytest.mark.slow

PROMISE = RouterConfig(max_accuracy_loss=0.04, operating_points=(0.08,))
SETTINGS = GenerationSettings(PREFIX, SUFFIX, MAX_NEW_TOKENS)
MILLISECONDS = {"alone small": 1.0, "alone full": 6.0, "alone reference": 6.0, "static": 7.0}


def known_times(
    runs: dict[str, Callable[[str], object]], texts: Sequence[str], _blocks: int, _progress: object
) -> dict[str, np.ndarray]:
    """Stands in for the clock: what a path costs does not depend on what else this machine does."""
    return {
        name: np.full(len(texts), MILLISECONDS.get(name, 0.2 if name.startswith("beginning") else 7.5)) for name in runs
    }


@dataclass(frozen=True)
class Calibrated:
    """A calibrated bundle, what it was made of, and 400 fresh rows in two splits."""

    bundle: Path
    reference: Path
    small: Path
    calibrated_on: dict[str, list[Row]]
    tune: list[Row]
    certify: list[Row]


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (costs, drafts):
        monkeypatch.setattr(module, "interleaved_row_times", known_times)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Calibrated:
    """`small` and `reference` in a bundle, calibrated by the pipeline's own step."""
    root = tmp_path_factory.mktemp("generation-recalibration")
    folders = write_models(root)
    quantized = root / "quantize" / "out"
    names = {"full": "reference", "small": "small"}
    builds = [DecoderBuild(folder, FP32, quantized / names[name]) for name, folder in folders.items()]
    build_decoders(builds, scratch=root / "build")
    full = GreedyDecoder.open(quantized / "reference", SETTINGS, HERE)

    def rows(count: int, seed: int) -> list[Row]:
        return on_all_cores(lambda prompt: answered(full, prompt), prompts(count, seed))

    splits = {"train": rows(60, 1), "tune": rows(150, 2), "certify": rows(250, 3)}
    tuned = GenerationFineTuneResult.model_construct(prompt_format=PromptFormat(prefix=PREFIX, suffix=SUFFIX))
    compressed = CompressionResult.model_construct(
        segments=("small", "full"), static_precision=FP32.name, reference_monolith="reference"
    )
    work = workspace_in(root / "calibrate")
    with pytest.MonkeyPatch.context() as patch:
        for module in (costs, drafts):
            patch.setattr(module, "interleaved_row_times", known_times)
        calibrate_generation(
            snapshot_of(root / "snapshot", splits),
            Artifact("quantize", quantized, "", compressed),
            {"full": Artifact("fine-tune", folders["full"], "", tuned)},
            name="tiny-calls",
            config=PROMISE,
            correct="exact",
            max_new_tokens=MAX_NEW_TOKENS,
            target=HERE,
            attempt=1,
            workspace=work,
        )
    tune, certify = part_rows(rows(400, 77), seed=0, classes=False)
    return Calibrated(work.out / "bundle", quantized / "reference", quantized / "small", splits, tune, certify)


def recalibrated(made: Calibrated, out: Path, bundle: Path | None = None, **changes: object) -> Recalibration:
    given = {"tune_rows": made.tune, "certify_rows": made.certify, "attempt": 1, "out": out} | changes
    opened = OpenedGenerator.open(bundle or made.bundle, made.reference, HERE)
    return recalibrate(opened, progress=lambda _: None, **given)


def certified_by(bundle: Path) -> dict[str, Certificate]:
    entries = json.loads((bundle / CERTIFICATE_FILE).read_text())
    return {entry.operating_point: entry for entry in map(Certificate.model_validate, entries)}


def test_on_the_rows_it_was_calibrated_on_a_bundle_comes_out_as_it_was(made: Calibrated, tmp_path: Path) -> None:
    """Both go one way: nothing of calibration is said twice."""
    on = made.calibrated_on
    recalibrated(made, tmp_path / "new", tune_rows=on["tune"], certify_rows=on["certify"])
    old, new = read_manifest(made.bundle), read_manifest(tmp_path / "new")
    assert new.files == old.files
    assert new.reference_digest == old.reference_digest == decoder_digest(made.reference)


def test_fresh_rows_give_new_thresholds_and_certificates_to_the_same_decoders(made: Calibrated, tmp_path: Path) -> None:
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


def test_what_serves_afterwards_answers_as_was_certified(made: Calibrated, tmp_path: Path) -> None:
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
    made: Calibrated, tmp_path: Path
) -> None:
    bundle = bundle_of_the_small_path(made, tmp_path / "small-alone")
    result = recalibrated(made, tmp_path / "new", bundle)
    assert (result.paths_before, result.paths) == (("small",), ("small", "reference"))
    assert decoder_digest(tmp_path / "new" / "reference") == read_manifest(bundle).reference_digest
    assert load_generation_bundle(tmp_path / "new", HERE).paths == ("small", "reference")


def bundle_of_the_small_path(made: Calibrated, folder: Path) -> Path:
    point = OperatingPoint("4%", 0.04, (Step("small"),))
    certificate = reference_certificate(250, 0.04, 0.95, "small", 1.0)
    contents = GenerationContents(
        decoders={"small": made.small},
        tokenizer=made.small / TOKENIZER_FILE,
        settings=SETTINGS,
        router=GenerationRouter((PathRule("small", 1.0),), {"4%": point}, "4%"),
        phrases=learn_phrases([]),
        certificates=[certificate],
        reference_digest=decoder_digest(made.reference),
    )
    write_generation_bundle(folder, "tiny-calls", contents, [], HERE)
    return folder


def test_without_completions_an_answer_that_differs_counts_as_lost(made: Calibrated, tmp_path: Path) -> None:
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


def test_the_reference_path_is_found_in_the_bundle_or_in_the_home_and_another_one_is_refused(
    made: Calibrated, tmp_path: Path
) -> None:
    home, rows = Home(tmp_path / "home"), [*made.tune, *made.certify]
    alone = bundle_of_the_small_path(made, tmp_path / "small-alone")
    with pytest.raises(UserError, match="--reference"):
        recalibrate_bundle(home, Request(bundle=alone, target=HERE), rows)
    with pytest.raises(UserError, match="not the reference path"):
        recalibrate_bundle(home, Request(bundle=alone, target=HERE, reference=made.small), rows)
    with pytest.raises(UserError, match="no such file"):
        recalibrate_bundle(home, Request(bundle=alone, target=HERE, reference=tmp_path / "nowhere"), rows)
    found = recalibrate_bundle(home, Request(bundle=made.bundle, target=HERE), rows)
    assert Path(found.bundle).is_relative_to(home.folder / "recalibrated")
    with pytest.raises(UserError, match="exists already"):
        recalibrate_bundle(home, Request(bundle=made.bundle, target=HERE), rows)
    stored = home.store / "quantize" / "key" / "out"
    stored.mkdir(parents=True)
    (stored / "reference").symlink_to(made.reference)
    assert recalibrate_bundle(home, Request(bundle=alone, target=HERE), rows).paths[-1] == "reference"


def test_the_reference_path_alone_has_nothing_to_recalibrate(made: Calibrated, tmp_path: Path) -> None:
    contents = GenerationContents(
        decoders={"reference": made.reference},
        tokenizer=made.reference / TOKENIZER_FILE,
        settings=SETTINGS,
        router=GenerationRouter(
            (PathRule("reference", 6.0),),
            {"reference": OperatingPoint("reference", 0.0, (Step("reference"),))},
            "reference",
        ),
        phrases=learn_phrases([]),
        certificates=[reference_certificate(250, 0.04, 0.95, "reference", 6.0)],
        reference_digest=decoder_digest(made.reference),
    )
    write_generation_bundle(tmp_path / "alone", "tiny-calls", contents, [], HERE)
    with pytest.raises(UserError, match="reference path alone"):
        OpenedGenerator.open(tmp_path / "alone", made.reference, HERE)


def test_too_few_rows_are_counted(made: Calibrated, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs 74 certify rows.*labelled rows"):
        recalibrated(made, tmp_path / "new", certify_rows=made.certify[:60])
    with pytest.raises(UserError, match="at least 100 are needed"):
        recalibrated(made, tmp_path / "new", tune_rows=made.tune[:60])
    assert not list(tmp_path.iterdir())


def test_a_failed_attempt_leaves_nothing_and_the_next_one_on_these_rows_spends_less(
    made: Calibrated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, rows = Home(tmp_path / "home"), [*made.tune, *made.certify]

    def request(seed: int) -> Request:
        return Request(bundle=made.bundle, target=HERE, out=tmp_path / "out" / "new", seed=seed)

    certify_chain = certifying.certify_chain

    def fails(*arguments, **options):
        certificate, thresholds = certify_chain(*arguments, **options)
        return certificate.model_copy(update={"certified": False}), thresholds

    with monkeypatch.context() as patch:
        patch.setattr(certifying, "certify_chain", fails)
        with pytest.raises(NotCertifiedError, match=r"4\.0% tried"):
            recalibrate_bundle(home, request(seed=0), rows)
    assert not list((tmp_path / "out").iterdir())
    second = recalibrate_bundle(home, request(seed=1), rows)
    assert second.attempt == 2
    assert all(entry.delta_spent < 0.05 / 4 for entry in second.after)
