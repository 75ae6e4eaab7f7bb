"""Choose among models that were fine-tuned alike but for the seed: the best final head on tune goes on.

Only tune decides. The rows of the certificate and of the gates have no part in the search, so both hold for whichever
model it comes to.
"""

import math
from collections.abc import Sequence

from tasks.artifact import Artifact, Workspace
from tasks.families.classification.records import FineTuneResult, SeedCandidate, SeedChoice

_FINAL_HEAD = "full"


def choose_seed(
    seeds: Sequence[int], candidates: Sequence[Artifact[FineTuneResult]], *, workspace: Workspace
) -> SeedChoice:
    """The best of `candidates`, one per seed. Ties go to the lower training loss, then to the seed named first."""
    del workspace  # the record is all there is
    results = {seed: artifact.result for seed, artifact in zip(seeds, candidates, strict=True)}
    best = max(results, key=lambda seed: (results[seed].accuracy[_FINAL_HEAD], -_loss(results[seed])))
    return SeedChoice(
        seed=best,
        reason=_reason(best, results),
        candidates=tuple(
            SeedCandidate(
                name=f"seed {seed}",
                seed=seed,
                accuracy=result.accuracy[_FINAL_HEAD],
                train_loss=result.train_loss,
                best_epoch=result.best_epoch,
                epochs_run=result.epochs_run,
                chosen=seed == best,
            )
            for seed, result in results.items()
        ),
    )


def _loss(result: FineTuneResult) -> float:
    return result.train_loss if math.isfinite(result.train_loss) else math.inf


def _reason(best: int, results: dict[int, FineTuneResult]) -> str:
    accuracy = results[best].accuracy[_FINAL_HEAD]
    tied = {seed: result for seed, result in results.items() if result.accuracy[_FINAL_HEAD] == accuracy}
    if len(tied) == 1:
        return f"the highest accuracy on tune of {len(results)} seed{'s' * (len(results) > 1)}, {accuracy:.2%}"
    names = ", ".join(map(str, tied))
    if all(_loss(result) == _loss(results[best]) for result in tied.values()):
        return f"seeds {names} have the highest accuracy on tune, {accuracy:.2%}, and the same loss; named first"
    return f"seeds {names} have the highest accuracy on tune, {accuracy:.2%}; the lowest training loss of them"
