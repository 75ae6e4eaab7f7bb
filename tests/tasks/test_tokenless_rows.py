"""Rows that the base model's tokenizer makes nothing of, or cannot read, go into quarantine with their reason."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tasks.artifact import Workspace
from tasks.base_models.base_model import resolve_base_model
from tasks.data.rows import Row
from tasks.data.snapshot import take_snapshot
from tasks.data.sources import resolve_sources
from tasks.data.tokens import UNREADABLE, WORDLESS, check_tokens
from tasks.data.validation import Placed, Rejected
from tasks.recipe.data import AnyData, DataConfig, PromptDataConfig
from tests.conftest import write_rows
from tests.tiny_bases import write_encoder

NOTHING = "\u0301\u200d"
CLASSES, PROMPTS = DataConfig(train=("t.jsonl",)), PromptDataConfig(train=("t.jsonl",))


def checked(text: str, label: str, reader: Tokenizer, config: AnyData) -> str | None:
    found = check_tokens(Placed(Row(text, label), "train", "t.jsonl", 7), reader, config)
    assert (found.source, found.number, found.role) == ("t.jsonl", 7, "train")
    return found.reason if isinstance(found, Rejected) else None


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.from_file(str(write_encoder(tmp_path_factory.mktemp("base")) / "tokenizer.json"))


def test_a_text_of_no_tokens_of_its_own_is_quarantined(reader: Tokenizer) -> None:
    """Also where the tokenizer puts special tokens around it: the model would learn its label from nothing."""
    assert checked("hello", "x", reader, CLASSES) is None
    assert checked("\u65e5", "x", reader, CLASSES) is None
    assert checked("hello", NOTHING, reader, CLASSES) is None
    assert checked(NOTHING, "x", reader, CLASSES) == f"text {WORDLESS}"


def test_prompts_and_completions_are_both_read(reader: Tokenizer) -> None:
    assert checked(NOTHING, "hello", reader, PROMPTS) == f"prompt {WORDLESS}"
    assert checked("hello", NOTHING, reader, PROMPTS) == f"completion {WORDLESS}"
    assert checked("hello", "hello", reader, PROMPTS) is None


def test_a_text_that_the_tokenizer_cannot_read_is_quarantined() -> None:
    """A vocabulary of words without an unknown token ends in an error."""
    words = Tokenizer(models.WordLevel({"hello": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    assert checked("hello hello", "x", words, CLASSES) is None
    reason = checked("hello stranger", "x", words, CLASSES)
    assert reason is not None
    assert reason.startswith(f"text {UNREADABLE}")


def test_a_snapshot_is_made_without_such_rows(tmp_path: Path) -> None:
    base = resolve_base_model(str(write_encoder(tmp_path / "base")), recipe_folder=tmp_path)
    rows = [{"text": f"row {number}", "label": "ab"[number % 2]} for number in range(200)]
    write_rows(tmp_path / "t.jsonl", [*rows, {"text": NOTHING, "label": "a"}])
    config = DataConfig(train=("t.jsonl",), near_duplicate_similarity=1.0)
    sources = resolve_sources(config, recipe_file=tmp_path / "recipe.yaml", home=tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    result = take_snapshot(config, sources=sources, seed=0, workspace=Workspace(out, out), base=base)
    assert result.quarantine_reasons == {f"text {WORDLESS}": 1}
    assert sum(result.rows.values()) == 200
