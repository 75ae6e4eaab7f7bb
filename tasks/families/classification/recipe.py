"""The recipe of text classification: what its training, compression and lexical path can be told, and its gates."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from tasks.recipe.data import DataConfig
from tasks.recipe.schema import FamilyGates, Fraction, Recipe, Seed
from tasks.recipe.section import Section, Share


class FineTuneConfig(Section):
    """Joint training of the encoder with its exit heads.

    `epochs`: at most. `learning_rate`: the highest. `batch_size`: rows of a step. `max_length`: tokens of a row; more
    are cut off and counted. `exits`: 1-based encoder layers that get an exit head before the last one; None chooses a
    sixth, a third and a half of the depth. `exit_start`: share of the training after which the early exits train the
    encoder, too, and not only their heads. `warmup_ratio`: share of the steps over which the learning rate rises.
    `weight_decay`: of AdamW. `patience`: epochs without gain on tune before training stops. `compare_plain`: also
    fine-tune without early exits, for as long again, to report what the exits cost the last head. `seeds`: fine-tune
    once with each, and go on with the best on tune; None trains once, with the recipe's `seed`. `processes`: of one
    training, on as many GPUs where there are any; they share the `batch_size` rows of a step.
    """

    epochs: Annotated[int, Field(ge=1, le=100)] = 5
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1.5e-4
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    max_length: Annotated[int, Field(ge=8, le=512)] = 64
    exits: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    exit_start: Annotated[float, Field(ge=0, le=1)] = 0.6
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    patience: Annotated[int, Field(ge=1)] = 2
    compare_plain: bool = False
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] | None = None
    processes: Annotated[int, Field(ge=1, le=64)] = 1

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if seeds is not None and len(set(seeds)) < len(seeds):
            raise ValueError(f"must differ from one another, not {list(seeds)}")
        return seeds

    @field_validator("processes")
    @classmethod
    def _share_a_step(cls, processes: int, info: ValidationInfo) -> int:
        rows = info.data.get("batch_size")
        if rows is not None and rows % processes:
            raise ValueError(f"must divide batch_size, {rows}, without a rest, not {processes}")
        return processes


class PruneConfig(Section):
    """Structured pruning to smaller dense modules, with recovery by distillation from the fine-tuned model.

    `enabled`: false leaves it out. `target_speedup`: how much faster than its parent the pruned encoder is meant to
    be, by the latency table. `recovery_epochs`, `learning_rate`: of the distillation. `importance_rows`: train rows
    that the importance of heads and neurons is measured on. `max_accuracy_loss`: its budget against its parent on
    tune (exact paired test at `router.confidence`).
    """

    enabled: bool = True
    target_speedup: Annotated[float, Field(gt=1, le=20)] = 1.5
    recovery_epochs: Annotated[int, Field(ge=1, le=50)] = 1
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1.0e-4
    importance_rows: Annotated[int, Field(ge=16)] = 256
    max_accuracy_loss: Share = 0.01


class QuantizeConfig(Section):
    """Post-training quantization; every technique must earn its place on tune and on the target.

    `techniques`: what is tried. `calibration_rows`: train rows that static quantization finds its ranges on.
    `max_accuracy_loss`: its budget against its parent on tune (exact paired test at `router.confidence`).
    """

    techniques: tuple[Literal["dynamic-int8", "static-int8"], ...] = ("dynamic-int8", "static-int8")
    calibration_rows: Annotated[int, Field(ge=8)] = 128
    max_accuracy_loss: Share = 0.01


class LexicalConfig(Section):
    """The lexical path: a bag of word pieces and their pairs with one hidden layer.

    `enabled`: false leaves it out. `width`: of the hidden layer. `epochs`: raised where the rows are so few that
    training would have fewer than `min_steps` steps; `min_steps`: below which `epochs` is raised. `batch_size`: rows of a step.
    `learning_rate`: the highest. `dropout`: share of tokens and pairs left out of a row in training. `distillation`:
    weight of the reference path's soft labels against the gold labels. `augmentation`: how many rows are made of each
    train row, to be labelled by the reference path alone. `min_pair_rows`: in how many rows a pair has to occur.
    """

    enabled: bool = True
    width: Annotated[int, Field(ge=8, le=1024)] = 256
    epochs: Annotated[int, Field(ge=1, le=200)] = 8
    min_steps: Annotated[int, Field(ge=1)] = 600
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 128
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 3.0e-3
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.7
    augmentation: Annotated[int, Field(ge=0, le=20)] = 1
    min_pair_rows: Annotated[int, Field(ge=1)] = 2


class Gates(FamilyGates):
    """The gates of text classification.

    `in_scope_accuracy`: on the rows that have a trained label. `macro_f1`: the mean over labels.
    `out_of_scope_recall`: the share of the rows with the out-of-scope label that are flagged.
    `expected_calibration_error`: at most.
    """

    in_scope_accuracy: Fraction | None = None
    macro_f1: Fraction | None = None
    out_of_scope_recall: Fraction | None = None
    expected_calibration_error: Fraction | None = None


class TextClassificationRecipe(Recipe):
    """A recipe of the task family `text-classification`.

    `fine_tune`: training with early exits. `prune`: smaller modules. `quantize`: int8. `lexical`: the cheapest path.
    """

    task: Literal["text-classification"]
    data: DataConfig
    base_model: Annotated[str, Field(min_length=1)]
    fine_tune: FineTuneConfig = FineTuneConfig()
    prune: PruneConfig = PruneConfig()
    quantize: QuantizeConfig = QuantizeConfig()
    lexical: LexicalConfig = LexicalConfig()
    gates: Gates = Gates()
