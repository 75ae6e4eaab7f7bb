"""Starts one training in several processes through accelerate's launcher: a GPU each, or gloo between CPUs.

The launcher is a child that dies with this process, and its ranks with it. A rank that fails or is killed ends the
training with one error that says which rank and why.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

from engine import strict_json
from tasks.artifact import Workspace
from tasks.errors import UserError
from tasks.families.classification.encoder.multi_exit import MultiExitClassifier, load_model
from tasks.families.classification.encoder.rank import FAILED, HISTORY, TRAINED
from tasks.families.classification.encoder.training import History, last_whole_checkpoint
from tasks.families.classification.encoder.training_job import TrainingJob
from tasks.machine import child_process
from tasks.machine.child_process import how_it_ended, importing_environment, usable_cpus

_RANK: Final = "tasks.families.classification.encoder.rank"
_WITH_PARENT: Final = Path(child_process.__file__)
_LOG_TAIL_LINES: Final = 15
_STOP_TIMEOUT_S: Final = 10.0
# What torch's launcher says about a rank that left nothing behind, because it was killed.
_ROOT_CAUSE: Final = re.compile(r"Root Cause.*?rank\s*: (\d+).*?exitcode\s*: (-?\d+)", re.DOTALL)


class TrainingProcessError(RuntimeError):
    """A process of a training failed or was killed; the message says which and ends with the tail of their log."""


def train_in_processes(job: TrainingJob, workspace: Workspace) -> tuple[MultiExitClassifier, History]:
    """Trains in `job.config.processes` processes and returns what rank 0 left.

    Raises UserError where there are GPUs, but fewer, or a process raised one, and TrainingProcessError where one fails.
    """
    processes, scratch = job.config.processes, workspace.scratch
    _require_devices(processes)
    scratch.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(scratch / TRAINED, ignore_errors=True)
    for failed in scratch.glob(f"{FAILED}*"):
        failed.unlink()
    last_whole_checkpoint(scratch / "checkpoints")  # removes what is not whole, before several read there
    job_file, log = scratch / "job.json", scratch / "processes.log"
    job_file.write_text(job.model_dump_json(), encoding="utf-8")
    with log.open("wb") as errors:
        launcher = subprocess.Popen(
            [sys.executable, "-P", str(_WITH_PARENT), *_arguments(processes, job_file, scratch)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=scratch,
            env=importing_environment(),
        )
    assert launcher.stdout is not None
    try:
        _follow(launcher.stdout, workspace)
        status = launcher.wait()
    finally:
        _stop(launcher)
    if status or not (scratch / TRAINED / HISTORY).is_file():
        _raise_user_error(scratch)
        raise TrainingProcessError(_what_happened(processes, status, scratch, log))
    history = History(**strict_json.loads((scratch / TRAINED / HISTORY).read_text(encoding="utf-8")))
    return load_model(scratch / TRAINED), history


def _require_devices(processes: int) -> None:
    import torch

    devices = torch.cuda.device_count()
    if devices and processes > devices:
        raise UserError(f"{processes} processes, but this machine has {devices} GPU(s)", field="fine_tune.processes")


def _arguments(processes: int, job_file: Path, scratch: Path) -> list[str]:
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, len(usable_cpus()) // processes))
    return [
        *("-m", "accelerate.commands.launch"),
        *("--num_processes", str(processes), "--num_machines", "1", "--multi_gpu", "--gpu_ids", "all"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", threads),
        *("--main_process_port", "0", "--module", _RANK, str(job_file), str(scratch)),
    ]


def _follow(output: IO[bytes], workspace: Workspace) -> None:
    """Hands on what rank 0 tells, until all have ended; other lines are libraries'."""
    for line in output:
        try:
            told = strict_json.loads(line)
        except ValueError:
            continue
        match told:
            case [str(message), (None | int() | float()) as fraction]:
                workspace.progress(message, fraction)
            case {"remark": str(message)}:
                workspace.remark(message)


def _stop(launcher: "subprocess.Popen[bytes]") -> None:
    if launcher.poll() is None:
        launcher.terminate()  # which it hands on to the ranks
        try:
            launcher.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()
    if launcher.stdout is not None:
        launcher.stdout.close()


def _raise_user_error(scratch: Path) -> None:
    """What a rank found that a person has to mend is no failure of the process."""
    for file in sorted(scratch.glob(f"{FAILED}*")):
        kind, _, message = file.read_text(encoding="utf-8").partition(": ")
        if kind == UserError.__name__:
            raise UserError(message)


def _what_happened(processes: int, status: int, scratch: Path, log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    left = sorted(scratch.glob(f"{FAILED}*"))
    killed = _ROOT_CAUSE.search(text)
    if killed and int(killed[2]) < 0:
        cause = f"rank {killed[1]} {how_it_ended(int(killed[2]))}"
    elif left:
        cause = f"rank {left[0].name.removeprefix(FAILED)}: {left[0].read_text(encoding='utf-8')}"
    else:
        cause = f"their launcher {how_it_ended(status)}"
    tail = "\n".join(f"  {line}" for line in text.splitlines()[-_LOG_TAIL_LINES:]) or "  (it is empty)"
    return f"fine-tuning in {processes} processes failed, {cause}; the end of {log}:\n{tail}"
