"""When drift calls for a new training run, for recalibration, or for nothing: the thresholds that a recipe may set."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

TESTS: Final = 6
"""How many tests share `significance`: label mix, vocabulary, embedding, abstentions, and two of accuracy."""
Level = Annotated[float, Field(gt=0, lt=0.5)]
Share = Annotated[float, Field(ge=0, lt=1)]


class DriftPolicy(BaseModel):
    """How far landed rows have to be from those at hand, and how sure that has to be, to call for something.

    `min_rows`: fresh rows below which nothing is tested. `min_rows_per_label`: rows from which on a new label or
    domain is taken in, however many rows there are in all. `max_accuracy_drop`: by how much the champion may be less
    accurate on the new rows than on the gate rows before it is retrained. `min_out_of_scope_change`: how large a
    significant change of the share of abstentions has to be to matter; with many rows every change is significant.
    `min_label_distance`: the same for the mix of labels, in total variation. `significance`: the chance that some
    test cries wolf, for all tests together (Holm). `confidence`: of the intervals that are shown. `permutations`:
    drawings of a permutation test. `sample_rows`: rows of each sample that the vocabulary and embedding tests read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_rows: Annotated[int, Field(ge=20)] = 100
    min_rows_per_label: Annotated[int, Field(ge=2)] = 20
    max_accuracy_drop: Share = 0.02
    min_out_of_scope_change: Share = 0.02
    min_label_distance: Share = 0.10
    significance: Level = 0.01
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    permutations: Annotated[int, Field(ge=99, le=100_000)] = 1999
    sample_rows: Annotated[int, Field(ge=20, le=5000)] = 500

    @model_validator(mode="after")
    def _permutations_can_be_significant(self) -> "DriftPolicy":
        needed = round(TESTS / self.significance)
        if self.permutations + 1 < needed:
            raise ValueError(
                f"permutations: {self.permutations} drawings cannot give a p-value that is significant at "
                f"{self.significance} among {TESTS} tests; set at least {needed - 1}"
            )
        return self
