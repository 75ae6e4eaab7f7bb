"""Runs a step, or reuses its result where the same content, configuration and code have been computed before.

Only success is sealed, verified on every reuse, and one process at a time computes a key. Where a process was killed,
the next run keeps the finished steps and lets the step it was in go on from its scratch folder. A measurement that is
provisional is stored beside the place of its key: this run and whatever is made of it find its files there, and the next run
that asks for the key measures again.
"""

import importlib
import secrets
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
from flows.steps.key import key_of, key_parts
from flows.steps.sealing import MANIFEST, DamagedEntryError, discard, open_sealed, seal
from tasks.artifact import Artifact, Measurement, Workspace
from tasks.errors import UserError
from tasks.heard import listening
from tasks.machine.host import host_fingerprint
from tasks.machine.waiting import locked
from tasks.step import R, Step, plain_value

_LONGEST_STEP_S: Final = 24 * 3600.0  # of training; what takes a day longer than this process wanted is stuck

_ASIDE: Final = "."


class Progress(Protocol):
    """Tells a person how far a step is; `fraction` is in [0, 1] or None."""

    def __call__(self, message: str, fraction: float | None = None) -> None: ...


@dataclass(frozen=True)
class StepRun(Generic[R]):
    """A step's result. `seconds`: what computing it took, in this run or in the earlier one that is reused.

    `entry`: its name among the step's in the store, the key where it is found again. `remarks`: what there is to know about it,
    by the step itself or by the libraries that it called. `provisional`: as in Measurement.
    """

    artifact: Artifact[R]
    reused: bool
    seconds: float
    key: str
    entry: str
    remarks: tuple[str, ...] = ()

    @property
    def provisional(self) -> tuple[str, ...]:
        """Why the next run measures again; empty where it does not."""
        return self.artifact.result.provisional if isinstance(self.artifact.result, Measurement) else ()


class StepCache:
    """The store of sealed results under a home."""

    def __init__(
        self,
        home: Home,
        *,
        code: Callable[[str], Code] = code_of,
        machine: Callable[[], str] = host_fingerprint,
        measure_again: bool = False,
    ) -> None:
        """`code` finds what computes a module's functions; `machine` tells the host apart for steps that measure.

        `measure_again`: what earlier runs have measured is not reused, what this one measures is.
        """
        self.home = home
        self._measure_again = measure_again
        self._made: dict[str, str] = {}  # entries of this run, by key
        self._code = code
        self._machine = machine

    def run(self, step: Step[R], inputs: Mapping[str, object], progress: Progress) -> StepRun[R]:
        """The step's result for `inputs`, its keyword arguments: reused if it is stored and unaltered, else computed.

        Raises what the step raises; nothing is stored then.
        """
        parts = self.parts(step, inputs)
        key = key_of(parts)
        with self._only_one(step, key, progress):
            stored = None
            if not self._wanted_anew(step, key):
                try:
                    stored = self._opened(step, self._made.get(key, key))
                except DamagedEntryError as damage:
                    progress(f"the stored result is not as it was sealed ({damage}); computing it again")
                    discard(self._folder(step, key))
            if stored is not None:
                # Its time is that of the last use, by which old results may go.
                (stored.artifact.folder.parent / MANIFEST).touch()
                shutil.rmtree(self._work(step, key), ignore_errors=True)  # left by a kill just after the sealing
                return stored
            run = self._compute(step, inputs, key, parts, progress)
            self._made[key] = run.entry
            return run

    def stored(self, step: Step[R], entry: str) -> StepRun[R] | None:
        """The result that is stored in an entry; None where there is none, or it is not as it was sealed."""
        try:
            return self._opened(step, entry)
        except DamagedEntryError:
            return None

    def reusable(self, step: Step[R], key: str) -> bool:
        """Whether `run` would find the result of this key."""
        return not self._wanted_anew(step, key) and self.stored(step, key) is not None

    def key(self, step: Step[R], inputs: Mapping[str, object]) -> str:
        """The key under which `run` finds or stores the result."""
        return key_of(self.parts(step, inputs))

    def set_aside(self, run: StepRun[Any]) -> None:
        """Keeps a stored result, but lets the next run that asks for its key compute it again."""
        folder = self.home.store / run.artifact.step / run.key
        if folder.is_dir():
            folder.rename(folder.with_name(_aside(run.key)))

    def parts(self, step: Step[R], inputs: Mapping[str, object]) -> dict[str, object]:
        """All that the key depends on."""
        return key_parts(step, inputs, self._code(step.module), self._machine() if step.measures else None)

    def _compute(
        self,
        step: Step[R],
        inputs: Mapping[str, object],
        key: str,
        parts: dict[str, Any],
        progress: Progress,
    ) -> StepRun[R]:
        work = self._work(step, key)
        remarks: dict[str, None] = {}  # in order, each once
        remark = remarks.setdefault
        anew = self._wanted_anew(step, key) or self._is_aside(step, key)
        workspace = Workspace(work / "out", work / "scratch", progress, remark, anew)
        shutil.rmtree(workspace.out, ignore_errors=True)  # what a killed run had half written
        workspace.out.mkdir(parents=True)
        workspace.scratch.mkdir(exist_ok=True)
        started = time.perf_counter()
        try:
            function = getattr(importlib.import_module(step.module), step.function.partition(":")[2])
            with listening(remark):
                result = function(**{name: plain_value(value) for name, value in inputs.items()}, workspace=workspace)
            seconds = time.perf_counter() - started
            provisional = isinstance(result, Measurement) and bool(result.provisional)
            entry = _aside(key) if provisional else key
            if (self._folder(step, key) / MANIFEST).exists():  # a measurement that was not to be reused
                self._folder(step, key).rename(self._folder(step, _aside(key)))
            folder = self._folder(step, entry)
            manifest = seal(
                workspace.out, folder, step, result, key=key, parts=parts, seconds=seconds, remarks=tuple(remarks)
            )
        except UserError:
            shutil.rmtree(work)
            raise
        except BaseException:
            shutil.rmtree(workspace.out, ignore_errors=True)
            raise
        shutil.rmtree(work)
        artifact = Artifact(
            step=step.name, folder=folder / "out", digest=combined_digest(manifest.files), result=result
        )
        return StepRun(artifact, False, manifest.seconds, key, entry, manifest.remarks)

    def _opened(self, step: Step[R], entry: str) -> StepRun[R] | None:
        """Raises DamagedEntryError for an entry that is not as it was sealed."""
        key = entry.partition(_ASIDE)[0]
        stored = open_sealed(self._folder(step, entry), step, key)
        if stored is None:
            return None
        artifact, manifest = stored
        return StepRun(artifact, True, manifest.seconds, key, entry, manifest.remarks)

    def _wanted_anew(self, step: Step[R], key: str) -> bool:
        return self._measure_again and step.timed and key not in self._made

    def _is_aside(self, step: Step[R], key: str) -> bool:
        """Whether an earlier result of this key was not to be found again."""
        return any((self.home.store / step.name).glob(f"{key}{_ASIDE}*"))

    def _folder(self, step: Step[R], entry: str) -> Path:
        return self.home.store / step.name / entry

    def _work(self, step: Step[R], key: str) -> Path:
        return self.home.work / f"{step.name}-{key}"

    @contextmanager
    def _only_one(self, step: Step[R], key: str, progress: Progress) -> Iterator[None]:
        """Holds the key's lock, which the kernel frees when its holder dies, however it dies."""
        self.home.locks.mkdir(parents=True, exist_ok=True)
        what = f"another process to compute the step {step.name}"
        with locked(self.home.locks / f"{step.name}-{key}.lock", what, longest_s=_LONGEST_STEP_S, tell=progress):
            yield


def _aside(key: str) -> str:
    """The name of an entry that nobody finds by its key."""
    return f"{key}{_ASIDE}{secrets.token_hex(6)}"
