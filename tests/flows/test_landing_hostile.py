"""Generated hostile files: each is accepted or quarantined with a reason, nothing crashes, nothing is written elsewhere.

More of them, and others: MIAOTUI_HOSTILE_FILES=1000 MIAOTUI_HOSTILE_SEED=11 pytest tests/flows/test_landing_hostile.py
"""

import gzip
import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from engine.digests import folder_files
from flows.home import Home
from flows.inbox import files as inbox_files
from flows.inbox import rows as inbox_rows
from flows.inbox.files import InboxFolders
from flows.inbox.landing import land, sweep_inbox
from registry.inbox import FileState

NAME = "m"
FILES = int(os.environ.get("MIAOTUI_HOSTILE_FILES", "300"))
SEED = int(os.environ.get("MIAOTUI_HOSTILE_SEED", "5"))
NOW = datetime.now(UTC) + timedelta(hours=2)  # nobody finishes what is half-written
GOOD = b'{"text": "one", "label": "x"}\n{"text": "two", "label": "y"}\n'
TABLE = b"text,label\none,x\ntwo,y\n"

Made = tuple[str, bytes]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MIAOTUI_LEDGER_URI"):
        monkeypatch.delenv(name, raising=False)
    return Home(tmp_path / "home")


def parquet(chance: random.Random) -> bytes:
    columns = {
        "text": [["one"] * 9, [datetime(2026, 1, 1)] * 9, [b"\xff\xfe"] * 9, [["nested"]] * 9, [None] * 9],
        "label": [["x"] * 9, list(range(9)), [0.5] * 9, ["a\nb"] * 9],
    }
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({name: chance.choice(of) for name, of in columns.items()}), sink)
    return bytes(sink.getvalue())


def truncated(chance: random.Random) -> Made:
    suffix, content = chance.choice([("jsonl", GOOD), ("csv", TABLE), ("parquet", parquet(chance))])
    return suffix, content[: chance.randrange(len(content))]


def other_encoding(chance: random.Random) -> Made:
    encoding = chance.choice(["utf-16", "utf-32", "utf-16-le", "latin-1", "utf-8-sig", "cp037"])
    suffix, content = chance.choice([("jsonl", GOOD), ("csv", TABLE)])
    return suffix, content.decode().replace("one", "ünë").encode(encoding)


def mixed_encodings(chance: random.Random) -> Made:
    lines = [f'{{"text": "ünë {n}", "label": "x"}}\n'.encode(chance.choice(["utf-8", "latin-1"])) for n in range(5)]
    return "jsonl", b"".join(lines)


def with_odd_bytes(chance: random.Random) -> Made:
    suffix, content = chance.choice([("jsonl", GOOD), ("csv", TABLE), ("parquet", parquet(chance))])
    damaged = bytearray(content)
    for _ in range(chance.randrange(1, 6)):
        damaged[chance.randrange(len(damaged))] = chance.choice([0, 255, 10, 13, 34, 92, 127, 0xED])
    return suffix, bytes(damaged)


def odd_header(chance: random.Random) -> Made:
    headers = [
        "text,label,text",
        "text,text,label",
        "label,label,text",
        " text , label ,x",
        "text",
        "",
        '"text,label',
        "\0",
    ]
    return "csv", f"{chance.choice(headers)}\na,b,c\nd,e,f\n".encode()


def odd_values(chance: random.Random) -> Made:
    values = [
        '"a"',
        '"a\\nb"',
        '"\\u0000"',
        '"\\ud800"',
        "null",
        "[]",
        "{}",
        "1e999",
        "NaN",
        "true",
        "9" * 5000,
        '"../../x"',
    ]
    values += ["[" * 900 + "]" * 900, "[" * 100_000, '"\\u2028"', '"=cmd()"', '" "', '"' + "x" * 100_000 + '"']
    lines = [f'{{"text": {chance.choice(values)}, "label": {chance.choice(values)}}}' for _ in range(4)]
    return "jsonl", "\n".join(lines).encode()


def long_line(chance: random.Random) -> Made:
    body = b"a" * chance.randrange(1_000_000, 2_000_000)
    return chance.choice([("jsonl", b'{"text": "' + body), ("csv", b"text,label\n" + body + b",x\n"), ("csv", body)])


def noise(chance: random.Random) -> Made:
    return chance.choice(["jsonl", "csv", "parquet"]), b"PAR1" + chance.randbytes(chance.randrange(200)) + b"PAR1"


def odd_parquet(chance: random.Random) -> Made:
    return "parquet", parquet(chance)


MAKERS: tuple[Callable[[random.Random], Made], ...] = (
    truncated, other_encoding, mixed_encodings, with_odd_bytes, odd_header, odd_values, long_line, noise, odd_parquet,
)  # fmt: skip
NAMES = ("plain", "with space", "_..", "a\nb", "ünï", "-rf", "%2e%2e%2fx", "'; DROP TABLE x", "$(x)", "C:\\x", "\udcff")


@pytest.mark.parametrize("way", ["landed", "dropped"])
def test_every_hostile_file_is_accepted_or_quarantined_with_a_reason(home: Home, tmp_path: Path, way: str) -> None:
    chance, folders = random.Random(SEED), InboxFolders.of(home, NAME)
    folder = folders.drop if way == "dropped" else tmp_path / "sources"
    folder.mkdir(parents=True)
    count = FILES // 2
    for number in range(count):
        suffix, content = MAKERS[number % len(MAKERS)](chance)
        (folder / f"{chance.choice(NAMES)} {number}.{suffix}").write_bytes(content)
    before = folder_files(tmp_path / "sources") if way == "landed" else {}
    if way == "landed":
        landed = land(home, NAME, sorted(folder.iterdir()), now=NOW)
    else:
        landed = sweep_inbox(home, NAME, now=NOW).landed
        assert list(folder.iterdir()) == []
    assert len(landed) == count
    states = Counter(landing.state for landing in landed)
    assert set(states) == {FileState.LANDED, FileState.QUARANTINED}
    assert min(states.values()) > 20
    for landing in landed:
        assert (landing.rows > 0) == landing.accepted
        assert landing.accepted or landing.reason
        assert landing.source.isprintable()
        assert (landing.reason or "").isprintable()
        assert (folders.quarantine / f"{landing.sha256}.jsonl").is_file() == bool(landing.quarantined or landing.reason)
        assert (folders.landed / f"{landing.sha256}.jsonl").is_file() == landing.accepted
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "sources"}
    assert before == (folder_files(tmp_path / "sources") if way == "landed" else {})
    assert list(folders.incoming.iterdir()) == []
    assert sweep_inbox(home, NAME, now=NOW).landed == ()


def test_a_parquet_file_that_unpacks_to_too_much_is_not_unpacked(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"] * 100_000, "label": ["x"] * 100_000}), bomb)
    monkeypatch.setattr(inbox_rows, "_MAX_PARQUET_ROWS", 99_999)
    (landing,) = land(home, NAME, [bomb])
    assert landing.state is FileState.QUARANTINED
    assert "unpacks to 100,000 rows" in (landing.reason or "")


def test_a_text_that_unpacks_to_too_much_is_not_read(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"text,label\n" + b"a,x\n" * 2**19))
    monkeypatch.setattr(inbox_rows, "_MAX_UNPACKED_BYTES", 2**20)
    (landing,) = land(home, NAME, [bomb])
    assert landing.reason == "unpacks to more than 1 MiB; part it into several"


def test_a_file_above_the_limit_is_not_copied(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_files, "MAX_BYTES", 10)
    file = tmp_path / "large.csv"
    file.write_bytes(TABLE)
    (landing,) = land(home, NAME, [file])
    assert (landing.state, landing.sha256) == (None, None)
    assert "is larger than" in (landing.reason or "")
    assert InboxFolders.of(home, NAME).stored() == []


def test_a_column_of_texts_taken_for_labels_is_quarantined_whole(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "swapped.csv"
    file.write_text("text,label\n" + "".join(f"x,text number {number}\n" for number in range(2_001)))
    (landing,) = land(home, NAME, [file])
    assert landing.reason == "has more than 2,000 different labels; is the label column the right one?"
