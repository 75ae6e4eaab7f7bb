"""The recipe: questions in columns of their own, and how few words the quick path may know."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.recipe.data import DataConfig
from tasks.recipe.schema import Recipe
from tasks.recipe.section import Section


class QuestionData(DataConfig):
    """Rows of a question and its topic."""

    text_column: str = "question"
    label_column: str = "topic"


class CountConfig(Section):
    """`smoothing`: added to every count. `quick_words`: how many of the most telling words the quick path knows."""

    smoothing: Annotated[float, Field(gt=0)] = 0.5
    quick_words: Annotated[int, Field(ge=1)] = 8


class KeywordRecipe(Recipe):
    """A recipe of the task family `keywords`."""

    task: Literal["keywords"]
    data: QuestionData
    count: CountConfig = CountConfig()
