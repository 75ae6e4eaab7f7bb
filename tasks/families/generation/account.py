"""How generation words what it made: the full decoder, the small one, and when a completion is right."""

from typing import Final

from tasks.families.generation.records import GenerationFineTuneResult, StudentResult
from tasks.formatting import count, number, percent
from tasks.records import CompressionResult
from tasks.records.sections import Account, Fact, Section

_METHODS: Final = {"init": "from nothing", "full": "in all weights", "lora": "by low-rank updates, merged"}
_STUDENTS: Final = ("distilled", "pruned")
_EXAMPLE: Final = """model.predict(["some text"], params={"max_new_tokens": 64, "schema": '{"type": "object"}'})"""


def account_of(
    tuned: GenerationFineTuneResult, compression: CompressionResult, student: StudentResult | None
) -> Account:
    """Of a run's results; no `student` where no smaller model was made, or none earned its place."""
    return Account(
        kind="text generator",
        origin=_origin(tuned),
        accuracy="exact match",
        right="A completion is right when it is equal to the wanted one, as the recipe says under data.correct.",
        outputs="log-probabilities",
        budget=(
            "its budget: of accuracy by the exact paired test, of perplexity, and of answers that stay the same. A smaller "
            "model may lose as much as still pays when the full one answers in its place"
        ),
        answer=("completion", "confidence", "path", "tokens", "cost_ms", "error"),
        examples=(_EXAMPLE,),
        sections=(_student(student, compression),),
    )


def _origin(tuned: GenerationFineTuneResult) -> str:
    training, tune = tuned.training, tuned.tune
    left_out = f", {count(training.left_out)} longer ones left out" if training.left_out else ""
    return (
        f"{tuned.shape.layers} decoder layers of width {count(tuned.shape.width)}; "
        f"{number(tuned.shape.parameters / 1e6)} M parameters, vocabulary {count(tuned.shape.vocabulary)}; trained "
        f"{_METHODS[tuned.method]} on {count(training.rows)} rows{left_out}, {count(training.tokens)} tokens in "
        f"{count(training.steps)} steps; last training loss {number(training.train_loss)}. On tune it completes "
        f"{percent(tune.exact_match)} of the rows token by token as wanted, with a perplexity of {number(tune.perplexity)}."
    )


def _student(student: StudentResult | None, compression: CompressionResult) -> Section:
    """What the small model kept of the full one, and what its training lost."""
    if student is None:
        tried = any(technique.name in _STUDENTS for technique in compression.techniques)
        why = "none earned its place" if tried else "not part of this run"
        return Section("techniques", missing=f"Small model: {why}.")
    own, parent = student.shape, student.parent_shape
    kept = ", ".join(map(str, student.layers_kept)) if student.layers_kept else "none, it started from nothing"
    facts = (
        Fact("how", student.method),
        Fact("layers", f"{own.layers} of width {count(own.width)}, of {parent.layers} of width {count(parent.width)}"),
        Fact("layers kept of the full model", kept),
        Fact("FFN widths", ", ".join(count(width) for width in own.ffn_widths)),
        Fact("parameters", f"{number(parent.parameters / 1e6)} M → {number(own.parameters / 1e6)} M"),
        Fact(
            "exact match on tune", f"{percent(student.parent_tune.exact_match)} → {percent(student.tune.exact_match)}"
        ),
        Fact("perplexity on tune", f"{number(student.parent_tune.perplexity)} → {number(student.tune.perplexity)}"),
        Fact("tokens that both find likeliest", percent(student.agreement)),
    )
    return Section("techniques", "Small model", facts)
