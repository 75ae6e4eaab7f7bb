"""Of models that differ by their seed, the best final head on tune goes on, and ties are settled the same way always."""

import math
from pathlib import Path

import pytest

from tasks.artifact import Artifact, Workspace
from tasks.families.classification.choose_seed import choose_seed
from tasks.families.classification.records import FineTuneResult, SeedChoice


def tuned(accuracy: float, loss: float) -> Artifact[FineTuneResult]:
    result = FineTuneResult(
        base_model="base",
        base_digest="",
        exits=(1, 2),
        layers=2,
        parameters=1,
        epochs_run=3,
        best_epoch=2,
        train_loss=loss,
        accuracy={"layer-1": 1.0, "full": accuracy},
    )
    return Artifact("fine-tune", Path("nowhere"), "", result)


def choice(*candidates: tuple[int, float, float]) -> SeedChoice:
    seeds = [seed for seed, _accuracy, _loss in candidates]
    models = [tuned(accuracy, loss) for _seed, accuracy, loss in candidates]
    return choose_seed(seeds, models, workspace=Workspace(Path("out"), Path("scratch")))


@pytest.mark.parametrize(
    ("candidates", "seed", "reason"),
    [
        ([(0, 0.9, 0.1), (1, 0.95, 0.3), (2, 0.94, 0.1)], 1, "the highest accuracy on tune of 3 seeds, 95.00%"),
        (
            [(0, 0.95, 0.3), (1, 0.95, 0.2), (2, 0.94, 0.1)],
            1,
            "seeds 0, 1 have the highest accuracy on tune, 95.00%; the lowest training loss of them",
        ),
        (
            [(5, 0.95, 0.2), (1, 0.95, 0.2)],
            5,
            "seeds 5, 1 have the highest accuracy on tune, 95.00%, and the same loss; named first",
        ),
        (
            [(0, 0.95, math.nan), (1, 0.95, 9.0)],
            1,
            "seeds 0, 1 have the highest accuracy on tune, 95.00%; the lowest training loss of them",
        ),
        ([(4, 0.5, 1.0)], 4, "the highest accuracy on tune of 1 seed, 50.00%"),
    ],
)
def test_accuracy_decides_then_loss_then_the_order(
    candidates: list[tuple[int, float, float]], seed: int, reason: str
) -> None:
    made = choice(*candidates)
    assert (made.seed, made.reason) == (seed, reason)
    assert [candidate.seed for candidate in made.candidates if candidate.chosen] == [seed]


def test_all_candidates_are_on_record_in_the_recipes_order() -> None:
    made = choice((7, 0.9, 0.1), (3, 0.95, 0.2))
    assert [(candidate.name, candidate.accuracy, candidate.train_loss) for candidate in made.candidates] == [
        ("seed 7", 0.9, 0.1),
        ("seed 3", 0.95, 0.2),
    ]
