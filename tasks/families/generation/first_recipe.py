"""What text generation could make of a person's table: which columns are prompt and completion, and what to begin with."""

from collections.abc import Sequence
from typing import Final

from engine.answer_json import is_json
from tasks.data.tables import Column, Table
from tasks.errors import UserError
from tasks.families.proposal import Line, Proposal, Wanted, quoted
from tasks.hints import listed

_PAIRS: Final = (
    ("prompt", "completion"), ("prompt", "response"), ("instruction", "output"), ("instruction", "response"),
    ("input", "output"), ("question", "answer"), ("request", "response"), ("request", "call"), ("source", "target"),
    ("query", "answer"), ("text", "completion"),
)  # fmt: skip
_JSON_SHARE: Final = 0.95
_TOKENS_PER_CHARACTER: Final = 0.5  # of a tokenizer of 2,048 tokens that is trained on the rows
_MOST_TOKENS: Final = (32, 64, 96, 128, 256, 512, 1024)
_CONTEXTS: Final = (128, 256, 512, 1024, 2048)


def propose(table: Table, wanted: Wanted) -> Proposal:
    """Raises UserError where no two columns can be prompts and completions."""
    (prompt, completion), by_name = _columns(table, wanted)
    if completion.distinct < 2:
        raise UserError(f"column {completion.name!r} holds the same completion in every row")
    as_json = sum(map(is_json, completion.texts)) >= _JSON_SHARE * len(completion.texts)
    why = "by their names" if by_name else "the two columns of text"
    data = [
        Line("prompt_column", quoted(prompt.name), why),
        Line("completion_column", quoted(completion.name), f"{completion.distinct:,} different ones"),
        Line(
            "correct",
            "json" if as_json else "exact",
            "nearly all completions are JSON: layout and order of keys do not count" if as_json else "the same text",
        ),
    ]
    most = _tokens(completion.texts, _MOST_TOKENS)
    context = next((size for size in _CONTEXTS if size >= most + _tokens(prompt.texts, _CONTEXTS)), _CONTEXTS[-1])
    if wanted.base_model is not None:
        start = Line("base_model", quoted(wanted.base_model))
    else:
        shape = f"{{layers: 4, width: 128, heads: 4, ffn_width: 384, vocabulary: 2048, context: {context}}}"
        start = Line("init", shape, "trained from nothing but the rows; or name a base_model")
    model = [start, Line("generation", f"{{max_new_tokens: {most}}}", "tokens of an answer at most")]
    gates = [
        Line("accuracy", "0.5", "share of right completions; set what you need"),
        *([Line("json_validity", "0.9")] if as_json else []),
        Line("latency_p99_ms", "500"),
    ]
    # Answers that come again and again are classes.
    fit = (0.8 if by_name else 0.5) * (0.1 if completion.few_names and not as_json else 1.0)
    return Proposal(fit, tuple(data), tuple(model), tuple(gates))


def _columns(table: Table, wanted: Wanted) -> tuple[tuple[Column, Column], bool]:
    said = {name: table.column(name) for name in (wanted.text_column, wanted.label_column) if name is not None}
    if wanted.text_column is not None and wanted.label_column is not None:
        return (said[wanted.text_column], said[wanted.label_column]), True
    by_name = {column.name.casefold().strip(): column for column in table.columns if column.texts}
    for prompt, completion in _PAIRS:
        if prompt in by_name and completion in by_name and not said:
            return (by_name[prompt], by_name[completion]), True
    texts = [column for column in table.columns if len(column.texts) >= 0.9 * (column.rows - column.missing) > 0]
    if len(texts) == 2 and set(said) <= {column.name for column in texts}:
        first, second = (
            texts if wanted.text_column != texts[1].name and wanted.label_column != texts[0].name else texts[::-1]
        )
        return (first, second), False
    raise UserError(
        f"no two columns can be told to be prompts and completions among {listed(column.name for column in table.columns)}; "
        "name them with --text-column and --label-column"
    )


def _tokens(texts: Sequence[str], sizes: Sequence[int]) -> int:
    """The smallest size that holds 99.5 % of the texts, as far as their characters tell."""
    characters = sorted(map(len, texts))
    tokens = _TOKENS_PER_CHARACTER * characters[int(0.995 * (len(characters) - 1))] + 2 if characters else 0
    return next((size for size in sizes if tokens <= size), sizes[-1])
