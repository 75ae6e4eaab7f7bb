"""From source files to a snapshot: what is kept, what is counted, what is refused, and what identifies it."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from tasks.artifact import Artifact, Workspace
from tasks.data.duplicates import count_leaking_rows
from tasks.data.rows import SPLITS, Row, content_digest, read_rows
from tasks.data.snapshot import take_snapshot
from tasks.data.sources import resolve_sources
from tasks.errors import UserError
from tasks.recipe.data import DataConfig
from tasks.records import SnapshotResult

CLINC = Path(__file__).parents[3] / "shared" / "data" / "clinc150"
SYLLABLES = ["am", "bas", "ced", "del", "em", "fjo", "gro", "hav", "in", "jet", "ka", "led", "man", "nyl", "oce", "pri"]


def texts(seed: str, count: int) -> list[str]:
    """Texts of which no two are nearly the same."""
    random = Random(seed)
    return [" ".join("".join(random.choices(SYLLABLES, k=2)) for _ in range(6)) for _ in range(count)]


def rows_of(label: str, prefix: str, count: int, domain: str = "d") -> list[dict[str, object]]:
    return [{"text": text, "label": label, "domain": domain} for text in texts(prefix, count)]


def write(file: Path, rows: Iterable[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two labels and out-of-scope rows, in three files that have nothing in common."""
    for name, count in (("train", 60), ("validation", 30), ("test", 20)):
        rows = (
            rows_of("pay", f"{name} pay", count)
            + rows_of("ask", f"{name} ask", count, "e")
            + rows_of("oos", f"{name} oos", 5)
        )
        write(tmp_path / f"{name}.jsonl", rows)
    return tmp_path


FILES = {"train": "train.jsonl", "validation": "validation.jsonl", "test": "test.jsonl", "out_of_scope_label": "oos"}


def snapshot(folder: Path, *, seed: int = 1, **fields: object) -> Artifact[SnapshotResult]:
    config = DataConfig.model_validate(FILES | fields)
    sources = resolve_sources(config, recipe_file=folder / "recipe.yaml", home=folder / "home")
    out = folder / f"out-{time.monotonic_ns()}"
    out.mkdir()
    result = take_snapshot(config, sources=sources, seed=seed, workspace=Workspace(out, out))
    return Artifact.of("snapshot", out, result)


def refusal(folder: Path, **fields: object) -> str:
    with pytest.raises(UserError) as caught:
        snapshot(folder, **fields)
    assert str(caught.value).isprintable()
    return str(caught.value)


def append(file: Path, *rows: dict[str, object] | str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def lines(snapshot: Artifact[SnapshotResult], name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (snapshot.folder / f"{name}.jsonl").read_bytes().splitlines()]


def test_clean_files_become_four_disjoint_splits_with_a_record(project: Path) -> None:
    taken = snapshot(project, slice_column="domain")
    splits = {split: read_rows(taken, split) for split in SPLITS}
    assert taken.result.rows == {split: len(rows) for split, rows in splits.items()}
    assert (len(splits["train"]), len(splits["gate"]), len(splits["tune"]) + len(splits["certify"])) == (125, 45, 65)
    assert taken.result.out_of_scope_rows["gate"] == 5
    assert taken.result.labels == ("ask", "pay", "oos")
    assert taken.result.slices == ("d", "e")
    assert count_leaking_rows(splits, similarity=0.9) == 0
    assert taken.result.content_digest == content_digest(splits)
    assert (
        taken.result.quarantined,
        taken.result.duplicates,
        taken.result.leaking_exact,
        taken.result.leaking_near,
    ) == (0, 0, 0, 0)
    assert [(file.location, file.rows) for file in taken.result.sources] == [
        ("train.jsonl", 125),
        ("validation.jsonl", 65),
        ("test.jsonl", 45),
    ]
    with pytest.raises(ValueError, match="no split is called"):
        read_rows(taken, "test")


def test_everything_can_be_carved_from_one_file(project: Path) -> None:
    taken = snapshot(project, train=["train.jsonl", "test.jsonl"], validation=None, test=None)
    assert sum(taken.result.rows.values()) == 170
    assert taken.result.rows["gate"] == pytest.approx(0.15 * 170, abs=2)
    assert taken.result.rows["certify"] == pytest.approx(0.25 * 170, abs=2)


def test_labels_without_out_of_scope_training_rows_do_not_name_it(project: Path) -> None:
    write(project / "train.jsonl", rows_of("pay", "train pay", 60) + rows_of("ask", "train ask", 60))
    taken = snapshot(project)
    assert taken.result.labels == ("ask", "pay")
    assert taken.result.out_of_scope_label == "oos"
    assert taken.result.out_of_scope_rows["gate"] == 5


def test_the_identity_is_the_content_and_not_its_files_or_their_order(project: Path) -> None:
    first = snapshot(project)
    train = (project / "train.jsonl").read_text().splitlines(keepends=True)
    (project / "part-2.jsonl").write_text("".join(train[:40]))
    (project / "part-1.jsonl").write_text("".join(train[:39:-1]) + train[0])
    second = snapshot(project, train="part-*.jsonl")
    assert second.result.content_digest == first.result.content_digest
    for split in SPLITS:
        assert (second.folder / f"{split}.jsonl").read_bytes() == (first.folder / f"{split}.jsonl").read_bytes()
    append(project / "part-1.jsonl", {"text": "one more text of its own", "label": "pay"})
    assert snapshot(project, train="part-*.jsonl").result.content_digest != first.result.content_digest
    assert snapshot(project, seed=2).result.content_digest != first.result.content_digest


def test_bad_rows_go_to_quarantine_with_source_row_and_reason(project: Path) -> None:
    append(project / "train.jsonl", "{broken", {"text": "x" * 10_000_000, "label": "pay"})
    append(project / "test.jsonl", {"text": "", "label": "pay"})
    taken = snapshot(project, max_quarantined_share=0.05)
    assert taken.result.quarantined == 3
    assert taken.result.quarantine_reasons == {
        "row is broken JSON (Expecting property name enclosed in double quotes)": 1,
        "text is longer than data.max_characters = 20,000": 1,
        "text is empty": 1,
    }
    entries = lines(taken, "quarantine")
    assert [(entry["source"], entry["row"]) for entry in entries] == [
        ("train.jsonl", 126),
        ("train.jsonl", 127),
        ("test.jsonl", 46),
    ]
    assert entries[1]["excerpt"] == "x" * 200
    assert [(file.rows, file.quarantined) for file in taken.result.sources] == [(127, 2), (65, 0), (46, 1)]
    message = refusal(project, max_quarantined_share=0.01)
    assert message.startswith("train.jsonl: 2 of 127 train rows (1.6%) cannot be used")


def test_leaking_rows_leave_train_and_are_listed(project: Path) -> None:
    test_row = json.loads((project / "test.jsonl").read_text().splitlines()[0])
    append(
        project / "train.jsonl",
        {"text": test_row["text"].upper() + "!!", "label": "pay"},
        {"text": test_row["text"][:20] + "x" + test_row["text"][20:], "label": "pay"},
    )
    taken = snapshot(project)
    assert (taken.result.leaking_exact, taken.result.leaking_near) == (1, 1)
    assert taken.result.rows["train"] == 125
    exact, near = sorted(lines(taken, "leaking"), key=lambda entry: not entry["exact"])
    assert exact["split"] == near["split"] == "train"
    assert exact["other_split"] == near["other_split"] == "gate"
    assert exact["other_text"] == near["other_text"] == test_row["text"]
    assert exact["similarity"] == 1
    assert 0.9 <= near["similarity"] < 1  # type: ignore[operator]


def test_contradicting_rows_and_duplicates_are_dropped_and_counted(project: Path) -> None:
    append(
        project / "train.jsonl",
        {"text": "Is this one or the other", "label": "pay"},
        {"text": "is this  one or the other", "label": "ask"},
        {"text": "a text that stands here twice", "label": "ask"},
        {"text": "A text that stands here twice!", "label": "ask"},
    )
    taken = snapshot(project)
    assert (taken.result.contradicting, taken.result.duplicates) == (2, 1)
    assert taken.result.rows["train"] == 126
    assert lines(taken, "contradicting") == [{"text": "is this one or the other", "labels": ["ask", "pay"]}]


def test_full_text_duplicates_of_the_whole_test_file_leave_train_or_refuse_it(project: Path) -> None:
    append(project / "train.jsonl", *(project / "test.jsonl").read_text().splitlines())
    taken = snapshot(project)
    assert (taken.result.leaking_exact, taken.result.rows["train"]) == (45, 125)
    (project / "copy.jsonl").write_text((project / "test.jsonl").read_text())
    message = refusal(project, train="copy.jsonl")
    assert message.startswith("copy.jsonl: label 'ask' has 0 of its 20 rows left to train on")
    assert "(20 (nearly) repeat rows of gate, the others are duplicates" in message


def test_an_unknown_label_in_test_is_named_with_its_place(project: Path) -> None:
    append(project / "test.jsonl", {"text": "a text like no other", "label": "pya"})
    message = refusal(project)
    assert message.startswith("test.jsonl line 46: unknown label 'pya' in test data")
    assert "did you mean 'pay'?" in message


def test_out_of_scope_rows_need_the_recipe_to_say_so(project: Path) -> None:
    write(project / "train.jsonl", rows_of("pay", "train pay", 60) + rows_of("ask", "train ask", 60))
    assert "unknown label 'oos' in validation data" in refusal(project, out_of_scope_label=None)


def test_one_class_only_is_refused(project: Path) -> None:
    for name in ("train", "validation", "test"):
        write(project / f"{name}.jsonl", rows_of("pay", name, 30) + rows_of("oos", f"{name} oos", 5))
    message = refusal(project)
    assert message == "train.jsonl: a classifier needs at least two labels; the training rows have only 'pay'"


def test_a_class_with_one_training_row_is_refused(project: Path) -> None:
    append(project / "train.jsonl", {"text": "a text like no other", "label": "rare"})
    assert "label 'rare' has 1 training row, at least 2 are needed" in refusal(project)


def test_an_out_of_scope_label_in_another_case_is_refused(project: Path) -> None:
    assert refusal(project, out_of_scope_label="OOS") == (
        "data.out_of_scope_label: no row has the label 'OOS', but 'oos' is there; write it as the rows do"
    )


def test_what_is_not_taken_as_written_or_looks_like_a_slip_is_put_on_the_record(project: Path) -> None:
    numbers = [row | {"label": 1.0} for row in rows_of("one", "train one", 8)]
    capitals = [row | {"label": "PAY"} for row in rows_of("other", "train other", 8)]
    append(project / "train.jsonl", *numbers, *capitals, {"text": "", "label": "pay"})
    said: list[str] = []
    out = project / "out-of-remarks"
    out.mkdir()
    config = DataConfig.model_validate(FILES | {"out_of_scope_label": "oos"})
    sources = resolve_sources(config, recipe_file=project / "recipe.yaml", home=project / "home")
    take_snapshot(config, sources=sources, seed=1, workspace=Workspace(out, out, remark=said.append))
    assert said[0].startswith("1 of ")
    assert "cannot be used and are in quarantine: 1 × text is empty (first: train.jsonl line" in said[0]
    assert said[1:] == [
        "taken as it is meant, not as it is written: 8 × label: whole numbers written with a fraction",
        "labels that differ in nothing but case and white space are classes of their own: 'PAY', 'pay'",
    ]


def test_a_split_without_rows_is_refused(project: Path) -> None:
    write(project / "few.jsonl", rows_of("pay", "few pay", 2) + rows_of("ask", "few ask", 2))
    assert "no rows are left for the split" in refusal(project, train="few.jsonl", validation=None, test=None)


def test_a_split_without_rows_in_scope_is_refused(project: Path) -> None:
    write(project / "validation.jsonl", rows_of("oos", "validation oos", 30))
    assert refusal(project) == (
        "validation.jsonl: no rows in scope are left for the split 'tune'; add rows, or enlarge its data.shares"
    )


def test_a_missing_column_is_refused_with_the_columns_there_are(project: Path) -> None:
    message = refusal(project, text_column="txt")
    assert (
        message == "train.jsonl: has no column 'txt'; its columns are 'text', 'label', 'domain'; did you mean 'text'?"
    )


def test_a_file_in_another_encoding_is_refused_with_the_reason(project: Path) -> None:
    text = '{"text": "caf\u00e9 %d", "label": "pay"}\n'
    (project / "latin.jsonl").write_bytes("".join(text % number for number in range(50)).encode("latin-1"))
    assert "50 of 50 train rows (100.0%) cannot be used" in refusal(project, train="latin.jsonl")
    assert "row is not UTF-8 (save the file as UTF-8) (first: latin.jsonl line 1" in refusal(
        project, train="latin.jsonl"
    )


def test_a_file_that_changes_after_it_was_resolved_is_refused(project: Path) -> None:
    config = DataConfig.model_validate(FILES)
    sources = resolve_sources(config, recipe_file=project / "recipe.yaml", home=project / "home")
    append(project / "train.jsonl", {"text": "landed meanwhile", "label": "pay"})
    out = project / "out"
    out.mkdir()
    with pytest.raises(UserError, match=r"train\.jsonl: changed while the run was starting"):
        take_snapshot(config, sources=sources, seed=1, workspace=Workspace(out, out))
    assert not list(out.iterdir())


def test_rows_keep_their_bytes(project: Path) -> None:
    text = 'line\u2028separator "quoted" \\ tab\t emoji 👍 \x85 end'
    append(project / "train.jsonl", {"text": text, "label": "pay"})
    assert Row(text, "pay") in read_rows(snapshot(project), "train")


@pytest.mark.slow
def test_many_rows_of_few_labels_are_taken(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", (row for label in range(10) for row in rows_of(f"{label}", f"{label}", 2_000)))
    taken = snapshot(tmp_path, validation=None, test=None)
    assert sum(taken.result.rows.values()) + taken.result.leaking_near + taken.result.duplicates == 20_000


@pytest.mark.slow
@pytest.mark.skipif(not CLINC.is_dir(), reason="CLINC150 is not beside the repository")
def test_clinc150_is_taken_whole(tmp_path: Path) -> None:
    fields = {name: str(CLINC / f"{name}.jsonl") for name in ("train", "validation", "test")}
    taken = snapshot(tmp_path, slice_column="domain", **fields)
    assert len(taken.result.labels) == 151
    assert taken.result.labels[-1] == "oos"
    assert taken.result.rows["gate"] > 5_400
    assert taken.result.rows["train"] > 14_000
    # Requests with a typing error, a contraction or one more short word: "what is the mpg for this car", "whats the mpg …".
    assert 300 < taken.result.leaking_near < 500
    assert 30 < taken.result.leaking_exact < 60
