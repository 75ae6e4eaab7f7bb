"""Landed and dropped files are taken in once, row by row; what is unfinished or too rare waits, what is bad is quarantined."""

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.command_line import main
from flows.home import Home
from flows.inbox.batches import claim_batch, complete
from flows.inbox.files import InboxFolders
from flows.inbox.landed_data import landed_data
from flows.inbox.landing import ABANDONED_S, land, open_inbox, read_by, sweep_inbox
from flows.inbox.rows import COMPLETIONS, Columns
from registry.inbox import FileState, Known
from tasks.errors import UserError
from tasks.recipe.data import DataConfig, PromptDataConfig
from tasks.recipe.intake import IntakeConfig
from tests.conftest import write_rows

NAME = "support-intents"
AT_ONCE = IntakeConfig(min_rows=1, min_rows_per_label=3, debounce_s=0, cool_down_s=0)
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _soon() -> None:
    """What a test writes has settled by NOW, however long ago this module was imported."""
    global NOW
    NOW = datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MIAOTUI_LEDGER_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


def rows(count: int, label: str = "card_lost", start: int = 0) -> list[dict[str, str]]:
    return [{"text": f"row {number} of {label}", "label": label} for number in range(start, start + count)]


def drop(home: Home, name: str, content: bytes) -> Path:
    folder = InboxFolders.of(home, NAME).drop
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def lines(files: tuple[Path, ...]) -> list[dict[str, str]]:
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def claimed_rows(home: Home) -> list[dict[str, str]]:
    """The rows of the batches that are worked on or were, as a run reads them."""
    sources = landed_data(home, NAME, DataConfig(train=("train.jsonl",))).since
    return lines(tuple(source.path for source in sources))


def test_good_rows_go_on_and_bad_rows_are_quarantined_with_reasons(home: Home, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "a.jsonl", [*rows(3), {"text": "", "label": "x"}, {"text": "y", "label": "a\nb"}])
    (landing,) = land(home, NAME, [file])
    assert (landing.state, landing.rows, landing.quarantined, landing.known) == (FileState.LANDED, 3, 2, False)
    folders = InboxFolders.of(home, NAME)
    assert lines((folders.landed / f"{landing.sha256}.jsonl",)) == rows(3)
    reasons = [line["reason"] for line in lines((folders.quarantine / f"{landing.sha256}.jsonl",))]
    assert reasons == ["text is empty", "label contains line breaks or control characters"]


def test_the_same_bytes_under_two_names_are_one_file(home: Home, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "a.jsonl", rows(3))
    other = write_rows(tmp_path / "b.jsonl", rows(3))
    first, second = land(home, NAME, [file, f"file://{other}"])
    assert (first.known, second.known, first.sha256) == (False, True, second.sha256)
    assert claim_batch(home, NAME, "run", policy=AT_ONCE, now=NOW).rows == 3


def test_what_cannot_be_landed_is_refused_and_the_others_go_on(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    good = write_rows(tmp_path / "good.jsonl", rows(3))
    sources = [
        "nowhere.csv",
        tmp_path / "pipe.csv",
        tmp_path,
        "a\0.csv",
        "s3://b/x.csv",
        "http://h/x.csv",
        "a.txt",
        good,
    ]
    landed = land(home, NAME, sources)
    said = [
        "No such file",
        "not a regular file",
        "known format",
        "NUL",
        "pip install s3fs",
        "not supported",
        "known format",
    ]
    assert [landing.accepted for landing in landed] == [False] * 7 + [True]
    assert all(part in (landing.reason or "") for part, landing in zip(said, landed[:-1], strict=True))


def test_drops_are_taken_in_only_when_they_are_finished(home: Home) -> None:
    whole = b'{"text": "a", "label": "x"}\n'
    drop(home, "whole.jsonl", whole)
    drop(home, "half.jsonl", whole + b'{"text": "b", "la')
    drop(home, ".hidden.jsonl", whole)
    drop(home, "copying.jsonl.part", whole)
    fresh = drop(home, "fresh.jsonl", whole + whole)
    os.utime(fresh, (NOW.timestamp(), NOW.timestamp()))
    swept = sweep_inbox(home, NAME, now=NOW)
    assert [(landing.source, landing.rows) for landing in swept.landed] == [("whole.jsonl", 1)]
    assert set(swept.left) == {"half.jsonl", ".hidden.jsonl", "copying.jsonl.part", "fresh.jsonl"}
    later = sweep_inbox(home, NAME, now=NOW + timedelta(seconds=ABANDONED_S))
    taken = {landing.source: (landing.rows, landing.quarantined) for landing in later.landed}
    assert taken == {"half.jsonl": (1, 1), "fresh.jsonl": (2, 0)}
    assert not (InboxFolders.of(home, NAME).drop / "half.jsonl").exists()


def test_a_drop_that_is_a_link_or_has_no_known_format_is_set_aside(home: Home, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("text,label\na,b\n")
    drop(home, "notes.txt", b"hello")
    (InboxFolders.of(home, NAME).drop / "link.csv").symlink_to(secret)
    swept = sweep_inbox(home, NAME, now=NOW)
    assert {landing.source for landing in swept.landed} == {"notes.txt", "link.csv"}
    assert {landing.state for landing in swept.landed} == {FileState.QUARANTINED}
    assert secret.read_text() == "text,label\na,b\n"
    assert sweep_inbox(home, NAME, now=NOW) == type(swept)()


def test_an_event_that_nobody_took_is_sent_by_the_next_sweep(home: Home, tmp_path: Path) -> None:
    land(home, NAME, [write_rows(tmp_path / "a.jsonl", rows(3))])
    told: list[str] = []

    def refuse(_file: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        sweep_inbox(home, NAME, announce=refuse, now=NOW)
    for _ in range(2):
        sweep_inbox(home, NAME, announce=lambda file: told.append(file.name), now=NOW)
    assert told == [str(tmp_path / "a.jsonl")]


def test_a_new_label_waits_until_it_has_enough_rows_over_all_files(home: Home, tmp_path: Path) -> None:
    land(home, NAME, [write_rows(tmp_path / "a.jsonl", [*rows(3), *rows(2, "new")])], now=NOW)
    known = Known(labels=frozenset({"card_lost"}))
    assert claim_batch(home, NAME, "1", policy=AT_ONCE, known=known, now=NOW).rows == 3
    assert claimed_rows(home) == rows(3)
    complete(home, NAME, "1", ok=True, now=NOW)
    waiting = claim_batch(home, NAME, "2", policy=AT_ONCE, known=known, now=NOW)
    assert "label 'new' has 2 of 3 rows" in str(waiting)
    land(home, NAME, [write_rows(tmp_path / "b.jsonl", rows(1, "new", start=2))], now=NOW)
    assert claim_batch(home, NAME, "2", policy=AT_ONCE, now=NOW).rows == 3
    assert {row["text"] for row in claimed_rows(home)} == {row["text"] for row in [*rows(3), *rows(3, "new")]}


def test_another_delimiter_is_for_files_to_come_and_asks_for_no_other_name(home: Home, tmp_path: Path) -> None:
    land(home, NAME, [write_rows(tmp_path / "a.jsonl", rows(3))], now=NOW)
    claim_batch(home, NAME, "1", policy=AT_ONCE, now=NOW)
    (tmp_path / "b.csv").write_text("text^label\nhello, you^x\n")
    assert land(home, NAME, [tmp_path / "b.csv"])[0].state is FileState.QUARANTINED
    (tmp_path / "c.csv").write_text("text^label\nhello; you^x\n")
    (tmp_path / "d.csv").write_text("text;label\nhello;x\n")
    assert land(home, NAME, [tmp_path / "d.csv"])[0].rows == 1
    assert land(home, NAME, [tmp_path / "c.csv"], columns=Columns(delimiter="^"))[0].rows == 1
    assert land(home, NAME, [tmp_path / "b.csv"])[0].rows == 1  # it was quarantined, and has come again
    with open_inbox(home) as inbox:
        assert [file.state for file in inbox.files(NAME)].count(FileState.LANDED) == 3
    assert claimed_rows(home) == rows(3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", '\ufefftext;label\r\n"a, b";true\r\n'.encode()),
        ("a.tsv", b"sep=\t\ntext\tlabel\na, b\ttrue\n"),
        ("a.json", b'[{"text": "a, b", "label": true}]'),
        ("a.jsonl", b'[{"text": "a, b", "label": {"choices": ["true"]}}]'),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a, b", "label": "true"}\n', mtime=0)),
        ("a.csv.gz", gzip.compress(b"label|text\ntrue|a, b\n", mtime=0)),
    ],
)
@pytest.mark.parametrize("way", ["landed", "dropped"])
def test_files_land_as_a_recipe_reads_them(home: Home, tmp_path: Path, name: str, content: bytes, way: str) -> None:
    if way == "landed":
        (tmp_path / name).write_bytes(content)
        (landing,) = land(home, NAME, [tmp_path / name])
    else:
        drop(home, name, content)
        (landing,) = sweep_inbox(home, NAME, now=NOW).landed
    good = InboxFolders.of(home, NAME).landed / f"{landing.sha256}.jsonl"
    assert lines((good,)) == [{"text": "a, b", "label": "true"}]


def test_a_file_of_which_no_row_can_be_used_says_why(home: Home, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "a.jsonl", [{"text": "a", "label": ["x", "y"]}] * 3)
    (landing,) = land(home, NAME, [file])
    assert landing.reason == (
        "no row can be used: 3 × label is a list of labels; this task family takes one class a row "
        f"(first: {file} line 1, \"['x', 'y']\")"
    )


def test_a_dropped_array_or_archive_that_is_cut_off_waits(home: Home) -> None:
    drop(home, "a.json", b'[{"text": "a", "label": "x"},\n')
    drop(home, "b.jsonl.gz", gzip.compress(b'{"text": "a", "label": "x"}\n' * 99)[:-4])
    swept = sweep_inbox(home, NAME, now=NOW)
    assert swept.left == {"a.json": "ends in the middle of a row", "b.jsonl.gz": "ends in the middle of a row"}


def test_columns_are_remembered_and_not_changed_under_rows_that_were_taken_in(home: Home, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "a.jsonl", [{"utterance": "hi", "intent": "greet", "area": "bank"}])
    columns = Columns(text_column="utterance", label_column="intent", slice_column="area")
    (landing,) = land(home, NAME, [file], columns=columns)
    again = write_rows(tmp_path / "b.jsonl", [{"utterance": "ho", "intent": "greet", "area": "bank"}])
    assert land(home, NAME, [again])[0].rows == 1
    folders = InboxFolders.of(home, NAME)
    assert lines((folders.landed / f"{landing.sha256}.jsonl",))[0]["area"] == "bank"
    claim_batch(home, NAME, "k", policy=IntakeConfig(min_rows=1, min_rows_per_label=1, debounce_s=0))
    with pytest.raises(UserError, match="one training cannot read both"):
        land(home, NAME, [again], columns=Columns())


def test_rows_that_are_gone_are_one_line(home: Home, tmp_path: Path) -> None:
    (landing,) = land(home, NAME, [write_rows(tmp_path / "a.jsonl", rows(3))])
    claim_batch(home, NAME, "1", policy=AT_ONCE, now=NOW)
    (InboxFolders.of(home, NAME).landed / f"{landing.sha256}.jsonl").unlink()
    with pytest.raises(UserError, match="are gone"):
        claimed_rows(home)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "a\n", "/etc", ".hidden", "x" * 101])
def test_a_name_with_a_path_in_it_is_refused(home: Home, name: str) -> None:
    with pytest.raises(UserError, match="no model's name"):
        sweep_inbox(home, name)


def test_the_command_says_what_became_of_each_file(
    home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = write_rows(tmp_path / "a.jsonl", rows(3)), tmp_path / "b.csv"
    bad.write_text("x,y\n1,2\n")
    assert main(["land", NAME, str(good), str(bad), "nowhere.csv"]) == 0
    said = capfd.readouterr().out.splitlines()
    assert said[0] == f"{good}: landed, 3 good rows"
    assert "quarantined, has no column 'text'" in said[1]
    assert said[2] == "nowhere.csv: refused, cannot be read: No such file or directory"
    assert main(["land", NAME, "--json", str(bad)]) == 2
    assert json.loads(capfd.readouterr().out)["state"] == "quarantined"
    assert main(["land", "../x", str(good)]) == 2


def test_rows_that_landed_before_the_recipe_was_known_are_read_again_by_its_columns(home: Home, tmp_path: Path) -> None:
    lines = [{"text": f"text {number}", "label": "x", "domain": "d"} for number in range(3)]
    lines.append({"text": "no domain", "label": "x"})
    land(home, NAME, [write_rows(tmp_path / "a.jsonl", lines)], now=NOW)
    with open_inbox(home) as inbox:
        assert [(entry.slice, entry.rows) for entry in inbox.portions(NAME)] == [(None, 4)]
    columns = Columns(slice_column="domain")
    read_by(home, NAME, columns)
    read_by(home, NAME, columns)
    with open_inbox(home) as inbox:
        (file,) = inbox.files(NAME)
        assert [(entry.slice, entry.rows) for entry in inbox.portions(NAME)] == [("d", 3)]
    assert (file.state, file.rows, file.quarantined) == (FileState.LANDED, 3, 1)
    claim_batch(home, NAME, "k", policy=IntakeConfig(min_rows=1, min_rows_per_label=1, debounce_s=0), now=NOW)
    with pytest.raises(UserError, match="one training cannot read both"):
        read_by(home, NAME, Columns())


def test_completions_are_counted_by_slice_and_every_row_is_taken_in(home: Home, tmp_path: Path) -> None:
    config = PromptDataConfig(train=("train.jsonl",), slice_column="domain")
    read_by(home, NAME, Columns.of(config))
    made = [{"prompt": f"ask {n}", "completion": f'{{"n": {n}}}', "domain": "bank"} for n in range(3)]
    bad = [{"prompt": "ask", "completion": 7, "domain": "bank"}, {"prompt": "ask", "completion": "", "domain": "bank"}]
    (landing,) = land(home, NAME, [write_rows(tmp_path / "a.jsonl", [*made, *bad])])
    assert (landing.rows, landing.quarantined) == (3, 2)
    folders = InboxFolders.of(home, NAME)
    reasons = [line["reason"] for line in lines((folders.quarantine / f"{landing.sha256}.jsonl",))]
    assert reasons == ["completion is not a string, but a number", "completion is empty"]
    with open_inbox(home) as inbox:
        assert [(entry.label, entry.slice, entry.rows) for entry in inbox.portions(NAME)] == [(COMPLETIONS, "bank", 3)]
    known = Known(labels=frozenset({COMPLETIONS}), slices=frozenset({"bank"}))
    claim_batch(home, NAME, "run", policy=AT_ONCE, known=known, now=NOW)
    assert lines(tuple(source.path for source in landed_data(home, NAME, config).since)) == made
    with pytest.raises(UserError, match="columns prompt, completion, domain"):
        landed_data(home, NAME, config.model_copy(update={"completion_column": "answer"}))
