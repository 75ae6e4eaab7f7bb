"""The ids in training, in the engine and by the base model's own tokenizer are the same, with all its settings."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from engine.tokenization import TextTokenizer
from tasks.base_models.tokenizer import base_tokenizer, open_fast_tokenizer, truncation_side, write_base_tokenizer
from tasks.errors import UserError
from tests.tiny_bases import LETTERS, alter_json, write_encoder

MAX_LENGTH = 12
SCRIPTS = "abc ABC xyz ÄÖü é ß ﬁ 中文 عربي \u0301\u200d\t\n.,!?'-_/()[]{}<s></s>[SEP][MASK]12345"


def texts(count: int = 200) -> list[str]:
    chance = random.Random(5)
    made = ["", " ", " leading", "Upper CASE", "a" * 300, "word " * 40, "[CLS] spelled out [SEP]", "naïve café"]
    return made + ["".join(chance.choices(SCRIPTS, k=chance.randrange(1, 90))) for _ in range(count)]


def word_pieces(folder: Path, **config: object) -> Path:
    write_encoder(folder)
    alter_json(folder / "tokenizer_config.json", tokenizer_class="BertTokenizerFast", **config)
    return folder


def byte_pairs(folder: Path, **config: object) -> Path:
    write_encoder(folder, "roberta", pad_token_id=1)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *alphabet, "Ġa", "ab"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("Ġ", "a"), ("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))
    alter_json(folder / "tokenizer_config.json", tokenizer_class="RobertaTokenizerFast", **config)
    return folder


def plain(folder: Path, **config: object) -> Path:
    write_encoder(folder)
    alter_json(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", **config)
    return folder


def vocabulary_alone(folder: Path, **config: object) -> Path:
    """`vocab.txt` and no `tokenizer.json`, as old models have it."""
    word_pieces(folder, **config)
    (folder / "tokenizer.json").unlink()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return folder


SETTINGS = [
    (word_pieces, {}),
    (word_pieces, {"truncation_side": "left"}),
    (word_pieces, {"do_lower_case": False}),
    (word_pieces, {"strip_accents": False}),
    (word_pieces, {"tokenize_chinese_chars": False}),
    (word_pieces, {"padding_side": "left", "model_max_length": 24}),
    (byte_pairs, {}),
    (byte_pairs, {"add_prefix_space": True}),
    (byte_pairs, {"truncation_side": "left", "model_max_length": int(1e30)}),
    (plain, {"truncation_side": "left"}),
    (vocabulary_alone, {}),
    (vocabulary_alone, {"do_lower_case": False, "truncation_side": "left"}),
]


@pytest.mark.parametrize(("write", "settings"), SETTINGS)
def test_training_engine_and_the_bases_own_tokenizer_give_the_same_ids(
    write: Callable[..., Path], settings: dict[str, object], tmp_path: Path
) -> None:
    folder = write(tmp_path / "base", **settings)
    file = tmp_path / "tokenizer.json"
    write_base_tokenizer(folder, file, MAX_LENGTH, tell=lambda _: None)
    engine = TextTokenizer(file, MAX_LENGTH)
    own = open_fast_tokenizer(folder)
    rows = texts()
    wanted = own(rows, truncation=True, max_length=MAX_LENGTH)["input_ids"]
    assert [ids.tolist() for ids in engine.encode_batch(rows)] == wanted
    assert [engine.encode(text).tolist() for text in rows] == wanted


def test_a_tokenizer_file_by_itself_is_taken_as_it_is(tmp_path: Path) -> None:
    """No class's default may put a cased model's texts in lower case, or add tokens."""
    write_encoder(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.enable_truncation(20, direction="left")
    tokenizer.enable_padding(length=40)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = base_tokenizer(tmp_path, tell=lambda _: None)
    assert found.encode("AB").tokens == ["[CLS]", "[UNK]", "[SEP]"]
    assert truncation_side(found) == "left"
    assert found.padding is None


def test_what_decides_otherwise_than_the_file_or_is_overruled_is_told(tmp_path: Path) -> None:
    folder = word_pieces(tmp_path / "base", do_lower_case=False, model_max_length=8)
    told: list[str] = []
    write_base_tokenizer(folder, tmp_path / "tokenizer.json", MAX_LENGTH, tell=told.append)
    assert len(told) == 2
    assert "tokenizer_config.json makes other tokens" in told[0]
    assert "max_length = 12 is more than the 8 tokens" in told[1]


def test_a_usual_tokenizer_gives_no_cause_for_remarks(tmp_path: Path) -> None:
    told: list[str] = []
    write_base_tokenizer(word_pieces(tmp_path / "base"), tmp_path / "tokenizer.json", MAX_LENGTH, tell=told.append)
    assert told == []


def test_tokens_that_only_a_class_names_are_not_added(tmp_path: Path) -> None:
    """A RoBERTa's class adds `<mask>` and its like to a vocabulary that calls them otherwise."""
    folder = write_encoder(tmp_path)
    alter_json(folder / "tokenizer_config.json", tokenizer_class="RobertaTokenizerFast")
    own, found = open_fast_tokenizer(folder), base_tokenizer(folder, tell=lambda _: None)
    assert len(own) > found.get_vocab_size() == 57
    named = word_pieces(tmp_path / "named", mask_token="<mask>")
    assert "<mask>" in base_tokenizer(named, tell=lambda _: None).get_vocab()


def test_lower_case_of_sentence_transformers_is_honoured(tmp_path: Path) -> None:
    folder = word_pieces(tmp_path, do_lower_case=False)
    alter_json(folder / "sentence_bert_config.json", do_lower_case=True, max_seq_length=16)
    told: list[str] = []
    assert base_tokenizer(folder, tell=told.append).encode("AB").tokens == ["[CLS]", "a", "##b", "[SEP]"]
    assert any("lower case" in remark for remark in told)


@pytest.mark.parametrize("content", ["{}", "[1, 2]", "nonsense", '{"model": {"type": "Nothing"}}'])
def test_a_broken_tokenizer_is_one_clear_line(content: str, tmp_path: Path) -> None:
    for config in (False, True):
        folder = (word_pieces if config else write_encoder)(tmp_path / str(config))
        (folder / "tokenizer.json").write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match="base_model: the tokenizer cannot be used") as raised:
            base_tokenizer(folder, tell=lambda _: None)
        assert "\n" not in str(raised.value)
