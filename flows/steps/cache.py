"""Runs a step, or reuses its result where the same content, configuration and code have been computed before.

Only success is sealed, verified on every reuse, and one process at a time computes a key. Where a process was killed,
the next run keeps the finished steps and lets the step it was in go on from its scratch folder.
"""

import importlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Protocol

from engine.digests import combined_digest
from flows.home import Home
from flows.steps.code_digest import Code, code_of
from flows.steps.key import R, Step, key_of, key_parts, plain_value
from flows.steps.sealing import MANIFEST, DamagedEntryError, discard, open_sealed, seal
from tasks.artifact import Artifact, Workspace
from tasks.errors import UserError
from tasks.heard import listening
from tasks.host import host_fingerprint
from tasks.waiting import locked

_LONGEST_STEP_S: Final = 24 * 3600.0  # of training; what takes a day longer than this process wanted is stuck


class Progress(Protocol):
    """Tells a person how far a step is; `fraction` is in [0, 1] or None."""

    def __call__(self, message: str, fraction: float | None = None) -> None: ...


@dataclass(frozen=True)
class StepRun(Generic[R]):
    """A step's result. `seconds`: what computing it took, in this run or in the earlier one that is reused.

    `remarks`: what there is to know about it, by the step itself or by the libraries that it called.
    """

    artifact: Artifact[R]
    reused: bool
    seconds: float
    key: str
    remarks: tuple[str, ...] = ()


class StepCache:
    """The store of sealed results under a home."""

    def __init__(
        self, home: Home, *, code: Callable[[str], Code] = code_of, machine: Callable[[], str] = host_fingerprint
    ) -> None:
        """`code` finds what computes a module's functions; `machine` tells the host apart for steps that measure."""
        self.home = home
        self._code = code
        self._machine = machine

    def run(self, step: Step[R], inputs: Mapping[str, object], progress: Progress) -> StepRun[R]:
        """The step's result for `inputs`, its keyword arguments: reused if it is stored and unaltered, else computed.

        Raises what the step raises; nothing is stored then.
        """
        parts = self.parts(step, inputs)
        key = key_of(parts)
        entry = self.home.store / step.name / key
        with self._only_one(step, key, progress):
            try:
                stored = open_sealed(entry, step, key)
            except DamagedEntryError as damage:
                progress(f"the stored result is not as it was sealed ({damage}); computing it again")
                stored = None
            if stored is not None:
                artifact, manifest = stored
                (entry / MANIFEST).touch()  # its time is that of the last use, by which old results may go
                shutil.rmtree(self._work(step, key), ignore_errors=True)  # left by a kill just after the sealing
                return StepRun(artifact, reused=True, seconds=manifest.seconds, key=key, remarks=manifest.remarks)
            return self._compute(step, inputs, entry, key, parts, progress)

    def stored(self, step: Step[R], key: str) -> StepRun[R] | None:
        """The result that is stored under `key`; None where there is none, or it is not as it was sealed."""
        try:
            stored = open_sealed(self.home.store / step.name / key, step, key)
        except DamagedEntryError:
            return None
        if stored is None:
            return None
        artifact, manifest = stored
        return StepRun(artifact, reused=True, seconds=manifest.seconds, key=key, remarks=manifest.remarks)

    def key(self, step: Step[R], inputs: Mapping[str, object]) -> str:
        """The key under which `run` finds or stores the result."""
        return key_of(self.parts(step, inputs))

    def forget(self, run: StepRun[Any]) -> None:
        """Drops a stored result that is not worth keeping."""
        discard(self.home.store / run.artifact.step / run.key)

    def parts(self, step: Step[R], inputs: Mapping[str, object]) -> dict[str, object]:
        """All that the key depends on."""
        return key_parts(step, inputs, self._code(step.module), self._machine() if step.measures else None)

    def _compute(
        self,
        step: Step[R],
        inputs: Mapping[str, object],
        entry: Path,
        key: str,
        parts: dict[str, Any],
        progress: Progress,
    ) -> StepRun[R]:
        work = self._work(step, key)
        remarks: dict[str, None] = {}  # in order, each once
        remark = remarks.setdefault
        workspace = Workspace(out=work / "out", scratch=work / "scratch", progress=progress, remark=remark)
        discard(entry)
        shutil.rmtree(workspace.out, ignore_errors=True)  # what a killed run had half written
        workspace.out.mkdir(parents=True)
        workspace.scratch.mkdir(exist_ok=True)
        started = time.perf_counter()
        try:
            function = getattr(importlib.import_module(step.module), step.function.partition(":")[2])
            with listening(remark):
                result = function(**{name: plain_value(value) for name, value in inputs.items()}, workspace=workspace)
            seconds = time.perf_counter() - started
            manifest = seal(
                workspace.out, entry, step, result, key=key, parts=parts, seconds=seconds, remarks=tuple(remarks)
            )
        except UserError:
            shutil.rmtree(work)
            raise
        except BaseException:
            shutil.rmtree(workspace.out, ignore_errors=True)
            raise
        shutil.rmtree(work)
        artifact = Artifact(step=step.name, folder=entry / "out", digest=combined_digest(manifest.files), result=result)
        return StepRun(artifact, reused=False, seconds=manifest.seconds, key=key, remarks=manifest.remarks)

    def _work(self, step: Step[R], key: str) -> Path:
        return self.home.work / f"{step.name}-{key}"

    @contextmanager
    def _only_one(self, step: Step[R], key: str, progress: Progress) -> Iterator[None]:
        """Holds the key's lock, which the kernel frees when its holder dies, however it dies."""
        self.home.locks.mkdir(parents=True, exist_ok=True)
        what = f"another process to compute the step {step.name}"
        with locked(self.home.locks / f"{step.name}-{key}.lock", what, longest_s=_LONGEST_STEP_S, tell=progress):
            yield
