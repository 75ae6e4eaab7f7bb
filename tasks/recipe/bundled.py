"""What of its recipe a bundle keeps, so that recalibration goes by the recipe and not by the schema's defaults."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from tasks.recipe.data import AnyData
from tasks.recipe.schema import RouterConfig
from tasks.recipe.section import Section, Share

RECIPE_FILE: Final = "recipe.json"


class BundledRecipe(Section):
    """The router's section, the gate on the bundle's size, and how fresh rows are read, compared and parted.

    `correct`: when a completion is right; None where the labels are classes.
    """

    router: RouterConfig
    size_limit_mb: float | None
    text_column: str
    label_column: str
    max_characters: int
    correct: Literal["exact", "json"] | None
    tune_of_validation: Share
    near_duplicate_similarity: Annotated[float, Field(gt=0.5, le=1)]

    @classmethod
    def of(cls, router: RouterConfig, data: AnyData, size_limit_mb: float | None = None) -> "BundledRecipe":
        """That of a recipe with these sections."""
        return cls(
            router=router,
            size_limit_mb=size_limit_mb,
            text_column=data.text_column,
            label_column=data.label_column,
            max_characters=data.max_characters,
            correct=data.correct,
            tune_of_validation=data.shares.tune_of_validation,
            near_duplicate_similarity=data.near_duplicate_similarity,
        )

    @classmethod
    def load(cls, folder: Path) -> "BundledRecipe | None":
        """What `save` wrote; None for a bundle from before bundles kept it."""
        file = folder / RECIPE_FILE
        return cls.model_validate_json(file.read_bytes()) if file.is_file() else None

    def save(self, folder: Path) -> None:
        """Write it into a bundle, before its manifest."""
        (folder / RECIPE_FILE).write_text(self.model_dump_json(indent=1), encoding="utf-8")

    def data_section(self, usual: AnyData) -> AnyData:
        """How fresh rows are read and compared; `usual`: a section of the family, for what is not kept."""
        kept = {"max_characters": self.max_characters} | ({} if self.correct is None else {"correct": self.correct})
        return usual.with_columns(self.text_column, self.label_column).model_copy(update=kept)

    @property
    def classes(self) -> bool:
        """Whether a row's answer is one of a few classes."""
        return self.correct is None
