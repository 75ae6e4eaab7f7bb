"""Rows as people have them: other types, empty, repeated, contradicting, too long, in other alphabets."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.fuzz.drawn import Drawn, Oddity
from tests.fuzz.rows import OUT_OF_SCOPE, Record

Change = Callable[[Drawn, Record], None]


def _some(change: Change, share: float) -> Callable[[Drawn], None]:
    """Changes a share of the train rows, at least one."""

    def apply(case: Drawn) -> None:
        rows = case.rows["train"]
        for row in case.chance.sample(rows, max(1, round(share * len(rows)))):
            change(case, row)

    return apply


def _every(change: Change) -> Callable[[Drawn], None]:
    """Changes all rows of all roles."""

    def apply(case: Drawn) -> None:
        for rows in case.rows.values():
            for row in rows:
                change(case, row)

    return apply


def _text(value: object) -> Change:
    return lambda case, row: row.__setitem__(case.text, value)


def _answer(value: object) -> Change:
    return lambda case, row: row.__setitem__(case.answer, value)


def _text_by(function: Callable[[str], object]) -> Change:
    return lambda case, row: row.__setitem__(case.text, function(row[case.text]))


def _answer_by(function: Callable[[str], object]) -> Change:
    return lambda case, row: row.__setitem__(case.answer, function(row[case.answer]))


def _keep(count: int) -> Callable[[Drawn], None]:
    def apply(case: Drawn) -> None:
        case.rows["train"] = case.rows["train"][:count]

    return apply


def _only_label(case: Drawn) -> None:
    for rows in case.rows.values():
        for row in rows:
            row[case.answer] = "weather"


def _only_out_of_scope(case: Drawn) -> None:
    _every(lambda case, row: row.__setitem__(case.answer, OUT_OF_SCOPE))(case)


def _contradictions(case: Drawn) -> None:
    rows = case.rows["train"]
    rows += [{**row, case.answer: "other" if case.classes else "{}"} for row in rows]


def _repeated(case: Drawn) -> None:
    case.rows["train"] = case.rows["train"] * 3


def _all_the_same_text(case: Drawn) -> None:
    _every(_text("the same in every row"))(case)


def _boilerplate(case: Drawn) -> None:
    lead = "dear madam or sir i write to you because of the account " * 20
    _every(_text_by(lambda text: lead + text))(case)


def _each_its_own_label(case: Drawn) -> None:
    for number, row in enumerate(case.rows["train"]):
        row[case.answer] = f"label {number}"


def _unknown_label(case: Drawn) -> None:
    role = next((role for role in ("validation", "test") if role in case.rows), "train")
    case.rows[role][0][case.answer] = "never seen"


def _leaking(case: Drawn) -> None:
    for role in case.rows:
        if role != "train":
            case.rows[role] = list(case.rows["train"])


def _no_slice(case: Drawn) -> None:
    case.data["slice_column"] = "domain"
    for row in case.rows["train"]:
        row["domain"] = None


def _many(case: Drawn) -> None:
    rows = case.rows["train"]
    case.rows["train"] = [{**row, case.text: f"{row[case.text]} {number}"} for number in range(5) for row in rows]


def _mixed(case: Drawn, row: Record) -> None:
    values: tuple[Any, ...] = (None, "", " ", 7, True, ["a"], {"a": 1}, 0.5, "\ud800", "a\0b")
    row[case.chance.choice([case.text, case.answer])] = case.chance.choice(values)


_TRAIN: Final = ("train",)
_QUARANTINED: Final = ("max_quarantined_share",)

ODD_ROWS: Final[Mapping[str, Oddity]] = {
    "one text is null": Oddity(_some(_text(None), 0.003), "either", _TRAIN),
    "a tenth of the texts is null": Oddity(_some(_text(None), 0.1), "error", _QUARANTINED),
    "a tenth of the texts is empty": Oddity(_some(_text(""), 0.1), "error", _QUARANTINED),
    "a tenth of the texts is white": Oddity(_some(_text(" \t\n "), 0.1), "error", _QUARANTINED),
    "texts of zero width": Oddity(_some(_text("\u200b\u200b\ufeff"), 0.01), "either", _TRAIN),
    "texts are numbers": Oddity(_every(_text(12345)), "either", _TRAIN),
    "texts are lists": Oddity(_every(_text(["a", "b"])), "either", _TRAIN),
    "texts hold NUL": Oddity(_some(_text_by(lambda text: f"{text}\0"), 0.05), "either", _TRAIN),
    "texts hold half a surrogate": Oddity(_some(_text_by(lambda text: f"{text}\ud83d"), 0.05), "either", _TRAIN),
    "texts of emoji alone": Oddity(_some(_text_by(lambda text: "😀" * (len(text) % 7 + 1)), 0.1), "either", _TRAIN),
    "texts in other alphabets": Oddity(_every(_text_by(lambda text: f"שלום 你好 नमस्ते {text}")), "fine", _TRAIN),
    "texts that compose": Oddity(_every(_text_by(lambda text: f"Zoe\u0308 {text}")), "fine", _TRAIN),
    "texts that spell out special tokens": Oddity(
        _some(_text_by(lambda text: f"[SEP] </s> <|call|> {text}"), 0.01), "either", ("special token", "train")
    ),
    "long texts": Oddity(_some(_text_by(lambda text: f"{text} " * 60), 0.1), "either", _TRAIN),
    "endless texts": Oddity(_some(_text_by(lambda text: text * 2000), 0.05), "error", ("max_characters",)),
    "a word without an end": Oddity(_some(_text_by(lambda text: "x" * 9000 + text), 0.05), "fine", _TRAIN),
    "texts shouted": Oddity(_every(_text_by(str.upper)), "fine", _TRAIN),
    "texts with line breaks": Oddity(_every(_text_by(lambda text: f"a\r\nb\n{text}\n")), "fine", _TRAIN),
    "boilerplate": Oddity(_boilerplate, "either", ("max_length", "train", "context", "positions")),
    "all texts the same": Oddity(_all_the_same_text, "error", ("train", "label", "contradict")),
    "answers are null": Oddity(_some(_answer(None), 0.1), "error", _QUARANTINED),
    "answers are empty": Oddity(_some(_answer(""), 0.1), "error", _QUARANTINED),
    "answers are whole numbers": Oddity(_every(_answer_by(lambda label: len(label) % 5)), "either", _TRAIN),
    "answers are floats": Oddity(_every(_answer_by(lambda label: float(len(label) % 5))), "either", _TRAIN),
    "answers are broken numbers": Oddity(_every(_answer_by(lambda label: len(label) % 5 + 0.5)), "either", _TRAIN),
    "answers are true or false": Oddity(_every(_answer_by(lambda label: len(label) % 2 == 0)), "either", _TRAIN),
    "answers are lists": Oddity(_every(_answer_by(lambda label: [label])), "either", _TRAIN),
    "answers are sections": Oddity(_every(_answer_by(lambda label: {"name": label})), "either", _TRAIN),
    "answers are very long": Oddity(
        _every(_answer_by(lambda label: f"{label} " * 80)), "either", ("label", "max_new_tokens")
    ),
    "answers in white space": Oddity(_every(_answer_by(lambda label: f"  {label} ")), "fine", _TRAIN),
    "answers in other alphabets": Oddity(_every(_answer_by(lambda label: f"{label} é 你")), "either", _TRAIN),
    "answers of two lines": Oddity(_every(_answer_by(lambda label: f"{label}\nb")), "either", ("train", "label")),
    "one answer for all": Oddity(_only_label, "either", ("two labels", "label", "train", "prompt")),
    "all out of scope": Oddity(_only_out_of_scope, "either", ("two labels", "train")),
    "a label for each row": Oddity(_each_its_own_label, "either", ("label", "train", "max_new_tokens")),
    "an unknown label": Oddity(_unknown_label, "either", ("label", "never seen")),
    "contradictions": Oddity(_contradictions, "error", ("contradict", "train")),
    "every row thrice": Oddity(_repeated, "fine", _TRAIN),
    "the same rows in all roles": Oddity(_leaking, "either", ("split", "train", "label")),
    "no slice": Oddity(_no_slice, "error", ("domain",)),
    "no rows": Oddity(_keep(0), "error", _TRAIN),
    "one row": Oddity(_keep(1), "error", ("train", "label", "split")),
    "seven rows": Oddity(_keep(7), "either", ("train", "label", "split")),
    "thirty rows": Oddity(_keep(30), "either", ("train", "label", "split")),
    "two thousand rows": Oddity(_many, "fine", _TRAIN),
    "a mixture": Oddity(_some(_mixed, 0.015), "either", ("train", "max_quarantined_share", "special")),
    "a bad mixture": Oddity(_some(_mixed, 0.5), "error", ("train", "max_quarantined_share", "special")),
}
