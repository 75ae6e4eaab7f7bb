"""Recalibration: a new router for the same paths from fresh rows, or one clear error and nothing written."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import AdaptiveModel
from engine.bundle import read_manifest, write_manifest
from engine.classification.router_files import load_router
from engine.digests import file_digest
from flows.fresh_rows import data_section_of
from tasks.certification import certify as module
from tasks.data.rows import UNLABELLED, Row
from tasks.errors import UserError
from tasks.families.classification.opened_bundle import OpenedClassifier
from tasks.families.classification.routing.views import read_split
from tasks.recalibrate import NotCertifiedError, part_rows, recalibrate
from tasks.recipe.bundled import RECIPE_FILE, BundledRecipe
from tasks.recipe.data import DataConfig
from tasks.recipe.schema import RouterConfig
from tests.conftest import tiny_rows

pytestmark = pytest.mark.slow

KEPT = BundledRecipe.of(
    RouterConfig(max_accuracy_loss=0.02), DataConfig(train=("train.jsonl",), near_duplicate_similarity=1.0)
)


def fresh_rows(count: int) -> list[Row]:
    return [Row(text=row["text"], label=row["label"]) for row in tiny_rows(count, seed=77)]


def recalibrated(tiny, out: Path, tune: list[Row], certify: list[Row], graph: Path | None = None):
    return recalibrate(opened(tiny, graph), tune, certify, attempt=1, out=out, progress=lambda _: None)


def opened(tiny, graph: Path | None = None) -> OpenedClassifier:
    own = tiny.compression.folder / tiny.compression.result.reference_monolith
    return OpenedClassifier.open(tiny.router.folder / "bundle", graph or own, tiny.target)


def test_the_same_paths_get_new_thresholds_and_certificates(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows(fresh_rows(900), KEPT, seed=0)
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
    tune, certify = part_rows([replace(row, label=UNLABELLED) for row in fresh_rows(900)], KEPT, seed=0)
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
    assert [[row.text for row in part] for part in part_rows(few, KEPT, seed=0)] == [
        [row.text for row in part] for part in part_rows(more, KEPT, seed=0)
    ]


def test_a_bundles_own_recipe_decides_and_not_the_schemas_defaults(tiny, tmp_path: Path) -> None:
    bundle, rows = tmp_path / "bundle", fresh_rows(900)
    shutil.copytree(tiny.router.folder / "bundle", bundle)
    strict = KEPT.router.model_copy(update={"out_of_scope_false_rejection": 0.2, "operating_points": (0.4,)})
    kept = KEPT.model_copy(update={"router": strict, "tune_of_validation": 0.5, "text_column": "request"})
    kept.save(bundle)
    write_manifest(bundle, read_manifest(bundle))
    own = tiny.compression.folder / tiny.compression.result.reference_monolith
    opened = OpenedClassifier.open(bundle, own, tiny.target)
    assert opened.recipe == kept
    assert opened.promises == (0.02, 0.4)
    tune, certify = part_rows(rows, opened.recipe, seed=0)
    assert abs(len(tune) - len(certify)) < 20
    recalibrate(opened, tune, certify, attempt=1, out=tmp_path / "new", progress=lambda _: None)
    made = OpenedClassifier.open(tmp_path / "new", own, tiny.target)
    assert made.recipe == kept
    assert 0.4 in {entry.epsilon for entry in made.certificates}
    assert data_section_of(bundle).text_column == "request"

    scored, inside = made.answers(tune).ladder, np.array([row.label != "oos" for row in tune])
    usual = recalibrated(tiny, tmp_path / "usual", tune, certify)
    flagged = [
        (~read_split(scored, load_router(Path(folder)).rules, made.router.out_of_scope_id).views[-1].may_stop)[inside]
        for folder in (tmp_path / "new", usual.bundle)
    ]
    assert flagged[0].mean() > flagged[1].mean()


def test_a_bundle_from_before_bundles_kept_their_recipe_is_recalibrated_by_its_certificates(
    tiny, tmp_path: Path
) -> None:
    bundle = tmp_path / "old"
    shutil.copytree(tiny.router.folder / "bundle", bundle)
    (bundle / RECIPE_FILE).unlink()
    write_manifest(bundle, read_manifest(bundle))
    graph = tiny.compression.folder / tiny.compression.result.reference_monolith
    opened = OpenedClassifier.open(bundle, graph, tiny.target)
    assert set(opened.promises) == {entry.epsilon for entry in opened.certificates}
    assert opened.recipe.router.max_accuracy_loss == 0.02
    tune, certify = part_rows(fresh_rows(900), KEPT, seed=0)
    recalibrate(opened, tune, certify, attempt=1, out=tmp_path / "new", progress=lambda _: None)
    assert BundledRecipe.load(tmp_path / "new") == opened.recipe


def test_rows_of_tune_that_nearly_repeat_one_of_certify_are_in_neither() -> None:
    rows = [Row(f"please move {number} dollars from savings to checking", "move") for number in range(40)]
    apart = KEPT.model_copy(update={"near_duplicate_similarity": 0.9})
    tune, certify = part_rows(rows, apart, seed=0)
    assert (len(tune), len(certify)) == (0, len(part_rows(rows, KEPT, seed=0)[1]))


def test_a_graph_that_is_not_the_reference_path_is_refused(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows(fresh_rows(900), KEPT, seed=0)
    wrong = tiny.compression.folder / tiny.compression.result.segments[0]
    with pytest.raises(UserError, match="reference"):
        recalibrated(tiny, tmp_path / "new", tune, certify, graph=wrong)
    assert not list(tmp_path.iterdir())


def test_too_few_rows_are_counted(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows(fresh_rows(120), KEPT, seed=0)
    with pytest.raises(UserError, match="labelled rows"):
        recalibrated(tiny, tmp_path / "new", tune, certify)


def test_an_unknown_label_is_named(tiny, tmp_path: Path) -> None:
    tune, certify = part_rows([*fresh_rows(900), Row("what is this", "martian")], KEPT, seed=0)
    with pytest.raises(UserError, match="martian"):
        recalibrated(tiny, tmp_path / "new", tune, certify)


def test_where_nothing_can_be_certified_nothing_is_left(tiny, tmp_path: Path, monkeypatch) -> None:
    certify_chain = module.certify_chain

    def fails(*arguments, **options):
        certificate, thresholds = certify_chain(*arguments, **options)
        return certificate.model_copy(update={"certified": False}), thresholds

    monkeypatch.setattr(module, "certify_chain", fails)
    tune, certify = part_rows(fresh_rows(900), KEPT, seed=0)
    with pytest.raises(NotCertifiedError, match="could be certified"):
        recalibrated(tiny, tmp_path / "new", tune, certify)
    assert not list(tmp_path.iterdir())
