"""A byte-level BPE tokenizer of a project's own, trained on its rows in about a second.

Three rules make copying from the prompt easy to learn and short to write. A word has its leading space everywhere, also
behind a quotation mark, so a value is the same tokens in the prompt and in the completion. Digits go in threes from the
end (Singh and Strouse, 2024), so 1300 is the tokens of 1,300 without its comma. And a run of JSON marks with the keys in
it, such as `","arguments":{"title":"`, may become one token.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD: Final = "<|pad|>"
REQUEST: Final = "<|request|>"
CALL: Final = "<|call|>"
END: Final = "<|end|>"
SPECIAL: Final = (PAD, REQUEST, CALL, END)

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    f"{REQUEST} {{{{ message['content'] }}}}"
    "{% else %}"
    f"{CALL}{{{{ message['content'] }}}}{END}"
    "{% endif %}{% endfor %}"
    f"{{% if add_generation_prompt %}}{CALL}{{% endif %}}"
)
"""A prompt gets a leading space, for its first word to look like the same word elsewhere."""

# A private character, put with a space between a mark and the word behind it, and taken out again by the decoder.
_GLUE: Final = "\ue000"
_MARKS: Final = "\"'-/@.:([{$#+€£¥₹&*=~<>"
_COMMA: Final = r",(?=[\p{L}\p{N}])(?!(?<=\p{N},)\p{N}{3}(?!\p{N}))"  # but for one that groups the digits of a number
_PIECES: Final = "|".join(
    (
        rf"(?:[{{}}\[\]\":,]+{_GLUE}? ?[A-Za-z_]+\":)+[\[{{\"]*{_GLUE}?",  # JSON marks with keys
        r" ?\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))",  # thousands, counted from the end
        r" ?[^\s\p{P}\p{N}\p{S}\p{C}]+(?:_[^\s\p{P}\p{N}\p{S}\p{C}]+)*",  # words, names_of_functions
        rf"[{{}}\[\]\":,]+{_GLUE}?",
        r"\s",
        rf"[^\s\p{{L}}\p{{N}}{_GLUE}]{_GLUE}?",
        _GLUE,
    )
)


def train_tokenizer(texts: Iterable[str], vocabulary: int, context: int) -> "PreTrainedTokenizerFast":
    """A tokenizer of at most `vocabulary` tokens, special ones and 256 bytes among them; reversible for any text but U+E000.

    `context`: the model's longest input, in tokens. It lacks a rule to add special tokens by itself: the chat template
    does, so prompts, hub models and our own take one way.
    """
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    # One rule for each mark, because tokenizers cannot replace a match of no length.
    tokenizer.normalizer = normalizers.Sequence(
        [
            *(normalizers.Replace(Regex(re.escape(mark) + r"(?=[\p{L}\p{N}])"), f"{mark}{_GLUE} ") for mark in _MARKS),
            normalizers.Replace(Regex(_COMMA), f",{_GLUE} "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace(f"{_GLUE} ", "")])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=REQUEST,
        eos_token=END,
        additional_special_tokens=[CALL],
        chat_template=CHAT_TEMPLATE,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
