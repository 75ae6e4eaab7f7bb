"""Recalibration: a new router for the same paths from fresh rows, or one clear error and nothing written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine import AdaptiveModel
from engine.bundle import read_manifest
from engine.digests import file_digest
from tasks.data.rows import UNLABELLED, Row
from tasks.errors import UserError
from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate
from tasks.router import certify as module
from tasks.router.opened_bundle import OpenedClassifier
from tests.conftest import tiny_rows

pytestmark = pytest.mark.slow


def fresh_rows(count: int) -> list[Row]:
    return [Row(text=row["text"], label=row["label"]) for row in tiny_rows(count, seed=77)]


def recalibrated(tiny, out: Path, tune: list[Row], certify: list[Row], graph: Path | None = None):
    return recalibrate(opened(tiny, graph), tune, certify, attempt=1, out=out, progress=lambda _: None)


def opened(tiny, graph: Path | None = None) -> OpenedClassifier:
    own = tiny.compression.folder / tiny.compression.result.reference_monolith
    return OpenedClassifier.open(tiny.router.folder / "bundle", graph or own, tiny.target)


def test_the_same_paths_get_new_thresholds_and_certificates(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows(fresh_rows(900), seed=0)
    assert len(tune) + len(certify) == 900
    result = recalibrated(tiny, tmp_path / "new", tune, certify)
    old, new = tiny.router.folder / "bundle", tmp_path / "new"
    for entry in read_manifest(old).paths:
        assert file_digest(new / entry.file) == file_digest(old / entry.file)
    assert (new / "router.json").read_bytes() != (old / "router.json").read_bytes()
    assert {entry.epsilon for entry in result.after} <= {entry.epsilon for entry in result.before}
    stored = json.loads((new / "certificate.json").read_text())
    assert [entry["test"]["n"] for entry in stored] == [len(certify)] * len(result.after)
    assert AdaptiveModel.load(new).operating_point == result.operating_point
    assert result.paths == result.paths_before == tuple(entry.name for entry in read_manifest(new).paths)


def test_without_labels_an_answer_that_differs_counts_as_lost(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows([replace(row, label=UNLABELLED) for row in fresh_rows(900)], seed=0)
    result = recalibrated(tiny, tmp_path / "new", tune, certify)
    assert result.unlabelled_rows == 900
    for certificate in result.after:
        assert certificate.test.gains == 0
        assert f"{len(certify)} rows without a label" in certificate.statement


def test_labels_are_asked_for_where_a_path_differs_from_the_reference_path(tiny) -> None:
    rows = [replace(row, label=UNLABELLED if i % 2 else row.label) for i, row in enumerate(fresh_rows(400))]
    bundle = opened(tiny)
    found, asked = bundle.answers(rows), bundle.rows_to_label(rows)
    assert 0 < len(asked) < 200
    assert {row.label for row in asked} == {UNLABELLED}
    assert not {row.text for row in asked} & {rows[i].text for i in range(400) if not found.differs[i]}
    assert found.reference_right[found.assumed].all()


def test_labels_that_come_in_later_move_no_row_to_another_split(tiny) -> None:
    rows = fresh_rows(300)
    few = [replace(row, label=UNLABELLED if i % 3 else row.label) for i, row in enumerate(rows)]
    more = [replace(row, label=UNLABELLED if i % 7 else row.label) for i, row in enumerate(rows)]
    assert [[row.text for row in part] for part in part_rows(few, seed=0)] == [
        [row.text for row in part] for part in part_rows(more, seed=0)
    ]


def test_a_graph_that_is_not_the_reference_path_is_refused(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows(fresh_rows(900), seed=0)
    wrong = tiny.compression.folder / tiny.compression.result.segments[0]
    with pytest.raises(UserError, match="reference"):
        recalibrated(tiny, tmp_path / "new", tune, certify, graph=wrong)
    assert not list(tmp_path.iterdir())


def test_too_few_rows_are_counted(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows(fresh_rows(120), seed=0)
    with pytest.raises(UserError, match="labelled rows"):
        recalibrated(tiny, tmp_path / "new", tune, certify)


def test_an_unknown_label_is_named(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows([*fresh_rows(900), Row("what is this", "martian")], seed=0)
    with pytest.raises(UserError, match="martian"):
        recalibrated(tiny, tmp_path / "new", tune, certify)


def test_where_nothing_can_be_certified_nothing_is_left(tiny, tmp_path: Path, monkeypatch) -> None:
    certify_chain = module.certify_chain

    def fails(*arguments, **options):
        certificate, thresholds = certify_chain(*arguments, **options)
        return certificate.model_copy(update={"certified": False}), thresholds

    monkeypatch.setattr(module, "certify_chain", fails)
    tune, certify = part_rows(fresh_rows(900), seed=0)
    with pytest.raises(NotCertifiedError, match="could be certified"):
        recalibrated(tiny, tmp_path / "new", tune, certify)
    assert not list(tmp_path.iterdir())
