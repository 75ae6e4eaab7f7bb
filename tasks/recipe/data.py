"""Where a recipe's rows come from, what their columns are called, and how they are parted: for every task family."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tasks.hints import excerpt, quote
from tasks.labels import NotANameError, name_of
from tasks.recipe.section import Section, Share


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_name(value: object) -> object:
    """A label as the rows' are read: 4, 4.0 and true are names of classes as text is."""
    if value is None:
        return None
    try:
        return name_of(value).text
    except NotANameError as error:
        raise ValueError(f"must be a label as rows have it; {quote(excerpt(value))} {error}") from error


def _as_delimiter(value: object) -> object:
    """One character; a tab may be written as `tab` or `\\t`, which YAML takes for two characters unless they are quoted."""
    if value in ("tab", "\\t"):
        return "\t"
    if value is not None and (not isinstance(value, str) or len(value) != 1 or value.isalnum() or value in '"\r\n\0'):
        raise ValueError(f"must be one character, such as ',', ';', '|' or tab, not {value!r}")
    return value


Label = Annotated[str, BeforeValidator(_as_name)]
Delimiter = Annotated[str, BeforeValidator(_as_delimiter)]
Sources = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]


class SplitShares(Section):
    """Shares of rows that are carved where no file is given.

    `tune`, `certify`, `gate`: of the training rows. `tune_of_validation`: of the validation rows, that becomes `tune`
    when a validation file is given; the rest becomes `certify`.
    """

    tune: Share = 0.15
    certify: Share = 0.25
    gate: Share = 0.15
    tune_of_validation: Share = 0.35


class RowSources(Section):
    """What the data of all families have in common.

    `train`: a path, a glob, hf://owner/name@revision, or a list of them; relative to the recipe. `validation`: None
    carves `tune` and `certify` from `train`. `test`: None carves `gate` from `train`. `slice_column`: whose values
    part the rows for figures and floors of each. `delimiter`: of CSV files; None finds it by their headers. `shares`:
    of the splits that are carved. `max_quarantined_share`: of the rows of a role that cannot be used, and of those
    that contradict one another. `max_characters`: of a text; longer rows are quarantined.
    `near_duplicate_similarity`: edit similarity from which on two rows with the same answer in different splits count
    as one.
    """

    train: Sources
    validation: Sources | None = None
    test: Sources | None = None
    slice_column: str | None = None
    delimiter: Delimiter | None = None
    shares: SplitShares = SplitShares()
    max_quarantined_share: Annotated[float, Field(ge=0, lt=1)] = 0.02
    max_characters: Annotated[int, Field(ge=16)] = 20_000
    near_duplicate_similarity: Annotated[float, Field(gt=0.5, le=1)] = 0.9

    @model_validator(mode="after")
    def _carved_shares_leave_training_rows(self) -> "RowSources":
        carved = (0.0 if self.validation else self.shares.tune + self.shares.certify) + (
            0.0 if self.test else self.shares.gate
        )
        if carved >= 1:
            raise ValueError(f"data.shares carve {carved:.2f} of the training rows; leave some for training")
        return self


class DataConfig(RowSources):
    """Labelled rows: a text and its class.

    `text_column`, `label_column`: what they are called. `out_of_scope_label`: of the rows that the model should
    abstain from; None where there are none.
    """

    text_column: str = "text"
    label_column: str = "label"
    out_of_scope_label: Label | None = None

    @property
    def classes(self) -> bool:
        """Whether a row's answer is one of a few classes."""
        return True

    @property
    def correct(self) -> None:
        """A class is right where it is the row's own."""
        return

    def with_columns(self, text: str, label: str) -> Self:
        """The same section for rows whose columns are called so."""
        return self.model_copy(update={"text_column": text, "label_column": label})


class PromptDataConfig(RowSources):
    """Rows of a prompt and the completion that is wanted.

    `prompt_column`, `completion_column`: what they are called. `correct`: when an answer is right, equal as `json`
    (where it is JSON), or exactly.
    """

    prompt_column: str = "prompt"
    completion_column: str = "completion"
    correct: Literal["exact", "json"] = "exact"

    @property
    def text_column(self) -> str:
        """The prompts are the texts."""
        return self.prompt_column

    @property
    def label_column(self) -> str:
        """The completions are the answers."""
        return self.completion_column

    @property
    def out_of_scope_label(self) -> None:
        """No completion stands for an abstention."""
        return

    @property
    def classes(self) -> bool:
        """Whether a row's answer is one of a few classes."""
        return False

    def with_columns(self, text: str, label: str) -> Self:
        """The same section for rows whose columns are called so."""
        return self.model_copy(update={"prompt_column": text, "completion_column": label})


AnyData = DataConfig | PromptDataConfig
"""The data section of any family."""
