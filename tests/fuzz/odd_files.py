"""Data files as people have them: other delimiters and encodings, broken ones, and places where there is none."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.fuzz.drawn import Drawn, Oddity, encoded, separated


def _as(suffix: str, write: Callable[[Drawn], bytes]) -> Callable[[Drawn], None]:
    """The train file in another format, or otherwise written."""

    def apply(case: Drawn) -> None:
        case.data["train"] = f"train.{suffix}"
        case.files[f"train.{suffix}"] = write(case)

    return apply


def _csv(change: Callable[[str], str], delimiter: str = ",", encoding: str = "utf-8") -> Callable[[Drawn], None]:
    return _as("csv", lambda case: change(separated(case.rows["train"], delimiter)).encode(encoding, "replace"))


def _lines(change: Callable[[bytes], bytes]) -> Callable[[Drawn], None]:
    return _as("jsonl", lambda case: change(encoded(case.rows["train"], "jsonl")))


def _parquet(change: Callable[[bytes], bytes]) -> Callable[[Drawn], None]:
    return _as("parquet", lambda case: change(encoded(case.rows["train"], "parquet")))


def _located(value: Any, role: str = "train") -> Callable[[Drawn], None]:
    def apply(case: Drawn) -> None:
        case.data[role] = value

    return apply


def _column(name: str, value: str) -> Callable[[Drawn], None]:
    return lambda case: case.data.__setitem__(name.replace("TEXT", case.text).replace("ANSWER", case.answer), value)


def _typed_parquet(case: Drawn) -> None:
    import io

    import pyarrow
    import pyarrow.parquet

    rows = case.rows["train"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    kinds = [pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), pyarrow.large_string(), pyarrow.string_view()]
    arrays = {
        name: pyarrow.array(values).cast(
            case.chance.choice(kinds) if name == case.answer and case.classes else kinds[1]
        )
        for name, values in columns.items()
    }
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays), sink)
    case.data["train"] = "typed.parquet"
    case.files["typed.parquet"] = sink.getvalue()


def _several(case: Drawn) -> None:
    rows = case.rows["train"]
    half = len(rows) // 2
    case.data["train"] = ["part-1.jsonl", "part-2.csv"]
    case.files["part-1.jsonl"], case.files["part-2.csv"] = encoded(rows[:half], "jsonl"), encoded(rows[half:], "csv")


def _odd_name(case: Drawn) -> None:
    name = case.chance.choice(["my data (1).jsonl", "数据 é.jsonl", "it's [final].jsonl", "a;b&c.jsonl", "-x.jsonl"])
    case.data["train"] = name
    case.files[name] = encoded(case.rows["train"], "jsonl")


def _globbed(case: Drawn) -> None:
    case.data["train"] = "parts/*.jsonl"
    rows = case.rows["train"]
    for number in range(4):
        case.files[f"parts/{number}.jsonl"] = encoded(rows[number::4], "jsonl")


def _identity(content: str) -> str:
    return content


_TRAIN: Final = ("train",)
_COLUMN: Final = ("column", "text", "prompt", "label", "completion", "delimiter")

ODD_FILES: Final[Mapping[str, Oddity]] = {
    "CSV with semicolons": Oddity(_csv(_identity, ";"), "either", _COLUMN),
    "CSV with tabs": Oddity(_csv(_identity, "\t"), "either", _COLUMN),
    "CSV with bars": Oddity(_csv(_identity, "|"), "either", _COLUMN),
    "CSV that says its delimiter": Oddity(_csv(lambda content: "sep=;\n" + content, ";"), "either", _COLUMN),
    "CSV with CRLF and a mark": Oddity(_csv(lambda content: "\ufeff" + content.replace("\n", "\r\n")), "fine", _TRAIN),
    "CSV with CR": Oddity(_csv(lambda content: content.replace("\n", "\r")), "either", _TRAIN),
    "CSV in Latin-1": Oddity(
        _csv(lambda content: content.replace("a", "é"), encoding="latin-1"), "error", ("column", "train")
    ),
    "CSV in UTF-16": Oddity(_csv(_identity, encoding="utf-16"), "error", _TRAIN),
    "CSV without a header": Oddity(_csv(lambda content: content.partition("\n")[2]), "error", _COLUMN),
    "CSV with a header twice": Oddity(
        _csv(lambda content: content.partition("\n")[0] + "\n" + content), "either", _TRAIN
    ),
    "CSV with spaces in the header": Oddity(_csv(lambda c: c.replace(",", " , ", 2)), "either", _COLUMN),
    "CSV with a column twice": Oddity(
        _csv(lambda content: "\n".join(f"{line},{line}" for line in content.splitlines())), "either", _COLUMN
    ),
    "CSV that is ragged": Oddity(_csv(lambda content: content.replace("\n", ",x\n", 60)), "either", _COLUMN),
    "CSV with an open quote": Oddity(_csv(lambda content: content + '"open'), "error", _TRAIN),
    "CSV with stray quotes": Oddity(_csv(lambda content: content.replace(" ref", ' "ref"')), "either", _TRAIN),
    "CSV with NUL": Oddity(_csv(lambda content: content.replace("a", "\0", 3)), "either", (*_COLUMN, "train")),
    "CSV of a header alone": Oddity(_csv(lambda content: content.partition("\n")[0]), "error", _TRAIN),
    "an empty CSV": Oddity(_csv(lambda content: ""), "error", _TRAIN),
    "an empty JSON lines file": Oddity(_lines(lambda content: b""), "error", _TRAIN),
    "blank JSON lines": Oddity(_lines(lambda content: b"\n \n\n"), "error", _TRAIN),
    "JSON lines with a mark": Oddity(_lines(lambda content: b"\xef\xbb\xbf" + content), "fine", _TRAIN),
    "JSON lines with CRLF": Oddity(_lines(lambda content: content.replace(b"\n", b"\r\n")), "fine", _TRAIN),
    "JSON lines in UTF-16": Oddity(_lines(lambda c: c.decode("utf-8", "replace").encode("utf-16")), "error", _TRAIN),
    "JSON lines in UTF-32": Oddity(_lines(lambda c: c.decode("utf-8", "replace").encode("utf-32")), "error", _TRAIN),
    "JSON lines in Latin-1": Oddity(_lines(lambda content: content.replace(b"ref", b"r\xe9f")), "either", _TRAIN),
    "JSON lines cut off": Oddity(_lines(lambda content: content[:-20]), "either", _TRAIN),
    "JSON lines, one deep": Oddity(
        _lines(lambda c: c + b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}\n"), "either", _TRAIN
    ),
    "JSON lines with huge numbers": Oddity(
        _lines(lambda c: c + b'{"text": 1' + b"0" * 5000 + b"}\n"), "either", _TRAIN
    ),
    "JSON lines with NaN": Oddity(
        _lines(lambda content: content.replace(b'"domain"', b'"x": NaN, "domain"')), "either", _TRAIN
    ),
    "JSON lines of lists": Oddity(_lines(lambda content: b'["a", "b"]\n' * 300), "error", _TRAIN),
    "JSON lines of text": Oddity(_lines(lambda content: b'"a"\n' * 300), "error", _TRAIN),
    "JSON lines that are one list": Oddity(
        _lines(lambda content: json.dumps([json.loads(line) for line in content.splitlines()]).encode()),
        "either",
        _TRAIN,
    ),
    "JSON lines on many lines each": Oddity(
        _lines(
            lambda content: b"\n".join(json.dumps(json.loads(line), indent=1).encode() for line in content.splitlines())
        ),
        "error",
        _TRAIN,
    ),
    "JSON lines with a key twice": Oddity(
        _lines(lambda content: content.replace(b"{", b'{"domain": "x", ')), "either", _TRAIN
    ),
    "JSON lines that are binary": Oddity(_lines(lambda content: bytes(range(256)) * 99), "error", _TRAIN),
    "JSON lines that are Parquet": Oddity(
        _as("jsonl", lambda case: encoded(case.rows["train"], "parquet")), "error", _TRAIN
    ),
    "JSON lines that are CSV": Oddity(_as("jsonl", lambda case: encoded(case.rows["train"], "csv")), "error", _TRAIN),
    "CSV that is JSON lines": Oddity(
        _as("csv", lambda case: encoded(case.rows["train"], "jsonl")), "error", ("train",)
    ),
    "Parquet cut off": Oddity(_parquet(lambda content: content[:-40]), "error", _TRAIN),
    "Parquet that is empty": Oddity(_parquet(lambda content: b""), "error", _TRAIN),
    "Parquet spoilt in the middle": Oddity(
        _parquet(lambda content: content[:400] + bytes(60) + content[460:]), "either", _TRAIN
    ),
    "Parquet of other types": Oddity(_typed_parquet, "fine", _TRAIN),
    "a suffix that is none": Oddity(_as("txt", lambda case: b"a\tb\n"), "error", ("data.train",)),
    "a file of JSON": Oddity(_as("json", lambda case: b"[]"), "error", ("data.train",)),
    "a suffix in capitals": Oddity(_as("JSONL", lambda case: encoded(case.rows["train"], "jsonl")), "fine", _TRAIN),
    "a compressed file": Oddity(_as("jsonl.gz", lambda case: b"\x1f\x8b"), "error", ("train.jsonl.gz",)),
    "two files": Oddity(_several, "fine", _TRAIN),
    "a glob": Oddity(_globbed, "fine", _TRAIN),
    "a file of an odd name": Oddity(_odd_name, "fine", _TRAIN),
    "no such file": Oddity(_located("trian.jsonl"), "error", ("data.train",)),
    "no such folder": Oddity(_located("nowhere/train.jsonl"), "error", ("data.train",)),
    "a glob of nothing": Oddity(_located("*.nothing"), "error", ("data.train",)),
    "a folder": Oddity(_located("."), "error", ("data.train",)),
    "an empty name": Oddity(_located(""), "error", ("data.train",)),
    "a name with NUL": Oddity(_located("a\0b.jsonl"), "error", ("data.train", "recipe")),
    "an endless name": Oddity(_located("x" * 300 + ".jsonl"), "error", ("data.train",)),
    "nobody's home": Oddity(_located("~nobody_here/train.jsonl"), "error", ("data.train",)),
    "a name of dots": Oddity(_located("../../../../../../../etc/passwd"), "error", ("data.train",)),
    "an address": Oddity(_located("https://example.invalid/train.jsonl"), "error", ("data.train",)),
    "an s3 address": Oddity(_located("s3://bucket/train.jsonl"), "error", ("data.train",)),
    "a hub without a revision": Oddity(_located("hf://owner/name"), "error", ("data.train",)),
    "a grammar that is none": Oddity(_located("grammar://nothing@0/train"), "error", ("data.train",)),
    "a grammar's part that is none": Oddity(_located("grammar://support-assistant@0/tests"), "error", ("data.train",)),
    "a grammar's seed that is none": Oddity(_located("grammar://support-assistant@x/train"), "error", ("data.train",)),
    "an empty list": Oddity(_located([]), "error", ("data.train",)),
    "a list in a list": Oddity(_located([["train.jsonl"]]), "error", ("data.train",)),
    "a list with null": Oddity(_located([None]), "error", ("data.train",)),
    "the test is the train file": Oddity(
        lambda case: case.data.__setitem__("test", case.data["train"]), "error", ("data.test",)
    ),
    "no such text column": Oddity(_column("TEXT_column", "words"), "error", ("words",)),
    "no such answer column": Oddity(_column("ANSWER_column", "class"), "error", ("class",)),
    "no such slice column": Oddity(_column("slice_column", "Domain"), "error", ("Domain",)),
    "one column for both": Oddity(
        lambda case: case.data.__setitem__(f"{case.answer}_column", case.text), "either", ("column", "train", "label")
    ),
    "the slice is the answer": Oddity(
        lambda case: case.data.__setitem__("slice_column", case.answer), "either", ("train",)
    ),
    "an empty column name": Oddity(_column("TEXT_column", ""), "error", ("column",)),
    "a column name with a line break": Oddity(_column("TEXT_column", "te\nxt"), "error", ("column",)),
}
