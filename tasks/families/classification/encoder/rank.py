"""One process of a training in several: run as a module with JOB SCRATCH, started by accelerate's launcher.

It runs the same training code as a single process; Trainer sees the others through the launcher's environment. Rank 0
tells the progress on standard output as JSON lines and leaves the model, its history last.
"""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from engine import strict_json
from tasks.artifact import Workspace
from tasks.families.classification.encoder.training_job import TrainingJob
from tasks.heard import listening
from tasks.machine.child_process import die_with_parent
from tasks.whole_files import write_whole

TRAINED: Final = "trained"  # the folder of the model in the scratch folder
HISTORY: Final = "history.json"  # in it, written last
FAILED: Final = "failed-rank-"  # why a rank failed


def main(job_file: Path, scratch: Path) -> None:
    """Trains; with rank 0, also writes."""
    die_with_parent()
    first = os.environ["RANK"] == "0"
    try:
        from tasks.families.classification.encoder.from_base import train_from_base
        from tasks.families.classification.encoder.multi_exit import save_model

        _restore_to_numbered_cpus()
        out = scratch / TRAINED
        job = TrainingJob.model_validate_json(job_file.read_bytes())
        workspace = Workspace(out, scratch, _tell, _remark) if first else Workspace(out, scratch)
        with listening(workspace.remark):
            model, history = train_from_base(job, workspace)
        if first:
            save_model(model, out)
            write_whole(out / HISTORY, strict_json.dumps(asdict(history), ascii_only=True))
        _leave_group()
    except Exception as error:
        (scratch / f"{FAILED}{os.environ['RANK']}").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        raise


def _restore_to_numbered_cpus() -> None:
    """Trainer resumes with `cpu:N`, accelerate's name for rank N's processor, which torch does not know as a place."""
    import torch

    torch.serialization.register_package(
        0, lambda _storage: None, lambda storage, place: storage if place.startswith("cpu:") else None
    )


def _tell(message: str, fraction: float | None = None) -> None:
    print(strict_json.dumps([message, fraction], ascii_only=True), flush=True)


def _remark(message: str) -> None:
    print(strict_json.dumps({"remark": message}, ascii_only=True), flush=True)


def _leave_group() -> None:
    """Waits for the others: a process that ends early would look like one that was lost."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
