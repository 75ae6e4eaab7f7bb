"""Rows that the base model's tokenizer makes nothing of, or cannot read, go into quarantine with their reason."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tasks.data.rows import Row
from tasks.data.tokens import check_tokens
from tasks.data.validation import Placed, Rejected
from tasks.recipe.data import DataConfig, PromptDataConfig
from tests.tiny_bases import write_encoder

NOTHING = "\u0301\u200d"


def placed(*texts: str, label: str = "x") -> list[Placed]:
    return [Placed(Row(text, label), "train", "t.jsonl", number) for number, text in enumerate(texts, start=1)]


def tokenizer(folder: Path) -> Tokenizer:
    write_encoder(folder)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def reasons(found: list[Placed | Rejected]) -> list[str | None]:
    return [entry.reason if isinstance(entry, Rejected) else None for entry in found]


def test_a_text_of_no_tokens_of_its_own_is_quarantined(tmp_path: Path) -> None:
    """Also where the tokenizer puts special tokens around it: the model would learn its label from nothing."""
    found = check_tokens(placed("hello", NOTHING, "日"), tokenizer(tmp_path), DataConfig(train=("t.jsonl",)))
    assert reasons(found) == [None, "text becomes no token of the base model's tokenizer", None]
    assert isinstance(found[1], Rejected)
    assert (found[1].source, found[1].number) == ("t.jsonl", 2)


def test_prompts_and_completions_are_both_read(tmp_path: Path) -> None:
    rows = [*placed(NOTHING), *placed("hello", label=NOTHING), *placed("hello")]
    found = check_tokens(rows, tokenizer(tmp_path), PromptDataConfig(train=("t.jsonl",)))
    words = "becomes no token of the base model's tokenizer"
    assert reasons(found) == [f"prompt {words}", f"completion {words}", None]


def test_a_text_that_the_tokenizer_cannot_read_is_quarantined() -> None:
    """A vocabulary of words without an unknown token ends in an error, for the whole batch."""
    words = Tokenizer(models.WordLevel({"hello": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    found = check_tokens(placed("hello", "stranger", "hello hello"), words, DataConfig(train=("t.jsonl",)))
    (one, two, three) = reasons(found)
    assert one is three is None
    assert two is not None
    assert two.startswith("text cannot be read by the base model's tokenizer (")


@pytest.mark.parametrize("count", [0, 5000])
def test_any_number_of_rows_keeps_its_order(count: int, tmp_path: Path) -> None:
    rows = placed(*(f"row {number}" for number in range(count)))
    assert check_tokens(rows, tokenizer(tmp_path), DataConfig(train=("t.jsonl",))) == rows
