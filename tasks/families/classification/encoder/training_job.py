"""One training of a base model, said in full, so that every process that takes part can be told by a file."""

from pathlib import Path

from tasks.artifact import Artifact, Record
from tasks.base_models.base_model import BaseModelFiles
from tasks.families.classification.recipe import FineTuneConfig
from tasks.records import SnapshotResult


class TrainingJob(Record):
    """What to train on what.

    `exits`: 1-based layers with a head; `exit_start`: share of the steps after which the early ones train the encoder;
    `phase` begins every progress message.
    """

    snapshot_folder: Path
    snapshot_digest: str
    snapshot_result: SnapshotResult
    base_folder: Path
    tokenizer: Path
    config: FineTuneConfig
    seed: int
    exits: tuple[int, ...]
    exit_start: float
    phase: str = ""

    @classmethod
    def of(
        cls,
        snapshot: Artifact[SnapshotResult],
        *,
        base: BaseModelFiles,
        tokenizer: Path,
        config: FineTuneConfig,
        seed: int,
        exits: tuple[int, ...],
    ) -> "TrainingJob":
        """The training that a recipe's section asks for, with the heads it comes to."""
        return cls(
            snapshot_folder=snapshot.folder,
            snapshot_digest=snapshot.digest,
            snapshot_result=snapshot.result,
            base_folder=base.folder,
            tokenizer=tokenizer,
            config=config,
            seed=seed,
            exits=exits,
            exit_start=config.exit_start,
        )

    @property
    def snapshot(self) -> Artifact[SnapshotResult]:
        """The data."""
        return Artifact("snapshot", self.snapshot_folder, self.snapshot_digest, self.snapshot_result)
