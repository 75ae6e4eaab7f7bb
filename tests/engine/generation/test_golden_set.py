"""A golden set that an unsure model can have, too: the bytes are told by their log-probabilities, not by how near ties fall."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine import AdaptiveModel, BundleError
from engine.bundle import GOLDEN_FILE, read_manifest, write_manifest
from engine.generation.golden import TOLERANCE, GoldenRow, differs, read_golden_rows, write_golden_rows
from engine.generation.state import State
from tests.tiny_decoder import TinyDecoders, write_tiny_generation_bundle


@pytest.fixture(scope="module")
def unsure(tiny_decoders: TinyDecoders, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_generation_bundle(tiny_decoders, tmp_path_factory.mktemp("unsure") / "bundle", unsure=True)


def rewritten(bundle: Path, folder: Path, change) -> Path:  # type: ignore[no-untyped-def]
    """A copy whose golden rows are changed, digests and all."""
    copy = Path(shutil.copytree(bundle, folder / "bundle"))
    write_golden_rows(copy / GOLDEN_FILE, [change(row) for row in read_golden_rows(copy / GOLDEN_FILE)])
    write_manifest(copy, read_manifest(copy))
    return copy


def test_an_unsure_bundle_has_golden_rows_and_loads_with_any_threads(unsure: Path) -> None:
    rows = read_golden_rows(unsure / GOLDEN_FILE)
    assert len(rows) == 6
    for row in rows:
        assert not row.exact
        assert len(row.tokens) == len(row.log_probabilities) > 0
    for threads in (1, 2):
        AdaptiveModel.load(unsure, threads=threads)


def test_a_near_tie_that_falls_the_other_way_is_no_other_model(unsure: Path, tmp_path: Path) -> None:
    def other_text(row: GoldenRow) -> GoldenRow:
        return replace(row, answer=replace(row.answer, label=row.answer.label + " and more"))

    AdaptiveModel.load(rewritten(unsure, tmp_path, other_text))


@pytest.mark.parametrize(("off", "loads"), [(TOLERANCE / 2, True), (TOLERANCE * 2, False)])
def test_log_probabilities_are_compared_within_the_tolerance(
    unsure: Path, tmp_path: Path, off: float, loads: bool
) -> None:
    def shifted(row: GoldenRow) -> GoldenRow:
        return replace(row, log_probabilities=tuple(value - off for value in row.log_probabilities))

    folder = rewritten(unsure, tmp_path, shifted)
    if loads:
        AdaptiveModel.load(folder)
    else:
        with pytest.raises(BundleError, match="not as likely here"):
            AdaptiveModel.load(folder)


def test_other_weights_are_told_from_these(unsure: Path, tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
    """Even the same model at fewer bits: the tolerance is below what that changes."""
    folder = Path(shutil.copytree(unsure, tmp_path / "bundle"))
    for file in ("decoder.onnx", "model.onnx", "model.onnx.data"):
        for path in ("small", "full"):
            shutil.copyfile(tiny_decoders.quantized[1] / file, folder / path / file)
    write_manifest(folder, read_manifest(folder))
    with pytest.raises(BundleError, match="not as likely here"):
        AdaptiveModel.load(folder)


def test_what_is_no_number_is_as_far_off_as_can_be() -> None:
    assert differs((-1.0, float("nan")), (-1.0, -1.0))
    assert differs((-1.0, -1.0), (float("nan"), -1.0))
    assert differs((-1.0,), (float("-inf"),))
    assert not differs((-1.0, -2.0), (-1.0, -2.0))


def test_a_golden_prompt_that_cannot_be_run_stops_the_bundle_from_loading(unsure: Path, monkeypatch) -> None:
    from engine import InputError

    def fails(*_: object) -> None:
        raise InputError("no memory")

    monkeypatch.setattr(State, "read", fails)
    with pytest.raises(BundleError, match="not answered here"):
        AdaptiveModel.load(unsure)


def test_an_unsure_row_without_its_log_probabilities_is_no_golden_row(unsure: Path, tmp_path: Path) -> None:
    folder = rewritten(unsure, tmp_path, lambda row: replace(row, log_probabilities=()))
    with pytest.raises(BundleError, match="not a golden set"):
        AdaptiveModel.load(folder)
