"""Infrastructure blessing: a version may serve only after its registered bytes were loaded and queried as in service.

The whole logged model is downloaded, compared with the digests that were registered, and loaded in a fresh process that
has the model's declared requirements and nothing else; through pyfunc and through the engine it must give the golden
answers that were certified. After the InfraValidator of TFX (Baylor et al., 2017), with the answers compared.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from engine import strict_json
from engine.bundle import GOLDEN_FILE
from registry.model_files import BUNDLE_PATH, require_model
from registry.requirements import InstalledRequirements, installed_requirements
from registry.store import MlflowStore
from registry.versions import RegisteredVersion, download_model
from tasks.artifact import Record
from tasks.errors import UserError

CONFIDENCE_TOLERANCE: Final = 1e-3
"""By how much a confidence may differ from the recorded one: the engine's own tolerance when it replays the set."""

_CHILD: Final = Path(__file__).with_name("blessing_child.py")
# What a process needs of this one's environment. Neither PYTHONPATH nor any setting of this project or of MLflow's store.
_KEPT_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_SHOWN_TEXT: Final = 60


class Blessing(Record):
    """Evidence that a version may serve. `answers`: golden inputs; `requirements`: as `name==version`; times in UTC."""

    version: str
    model_digest: str
    bundle_digest: str
    manifest_sha256: str
    answers: int
    requirements: tuple[str, ...]
    python: str
    seconds: float
    blessed_at: datetime
    sentence: str


def bless(store: MlflowStore, version: RegisteredVersion, *, limit_s: float = 120.0) -> Blessing:
    """Load and query the registered bytes of `version` in a fresh process, for at most `limit_s` seconds.

    Raises UserError, one line with the file or the first differing answer, if the version may not serve.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="miaotui-bless-") as folder:
        scratch = Path(folder).resolve()
        model = download_model(store, version, scratch)
        _require_registered(model, version)
        requirements = installed_requirements(model / "requirements.txt", version.uri)
        golden = _golden(model / BUNDLE_PATH / GOLDEN_FILE, version)
        outcome = _loaded_and_queried(scratch, model, requirements, golden, version, limit_s)
    for loader, answers in (("pyfunc", outcome.pyfunc), ("the engine", outcome.engine)):
        _require_recorded(loader, answers, golden, version)
    _require_alike(outcome, golden, version)
    seconds = time.perf_counter() - begin
    return Blessing(
        version=version.uri,
        model_digest=version.tags["model_digest"],
        bundle_digest=version.tags["bundle_digest"],
        manifest_sha256=version.tags["manifest_sha256"],
        answers=len(golden),
        requirements=requirements.declared,
        python=outcome.python,
        seconds=seconds,
        blessed_at=datetime.now(UTC),
        sentence=f"{version.uri} was downloaded and loaded in a fresh process with its declared requirements alone, and "
        f"gave its {len(golden)} certified answers through pyfunc and through the engine ({seconds:.1f} s)",
    )


class _Answer(BaseModel):
    """What is compared of an answer; a recorded one says more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    label: str | None
    path: str
    confidence: float
    abstained: bool = False

    def agrees_with(self, other: "_Answer") -> bool:
        same = (self.label, self.path, self.abstained) == (other.label, other.path, other.abstained)
        return same and abs(self.confidence - other.confidence) <= CONFIDENCE_TOLERANCE

    def __str__(self) -> str:
        said = "abstained" if self.abstained else (self.label or "")[:_SHOWN_TEXT]
        return f"{said} by {self.path} ({self.confidence:.4f})"


class _Golden(Record):
    """One text of the golden set and the answer that was recorded when the bundle was certified.

    Not `exact`: its tokens may be near ties, so their log-probabilities were compared when the engine loaded the bundle.
    """

    text: str
    operating_point: str
    answer: _Answer
    exact: bool = True
    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()


class _Outcome(Record):
    """What the fresh process wrote: its Python and both loaders' answers, or why it could not."""

    error: str | None = None
    python: str = ""
    pyfunc: tuple[_Answer, ...] = ()
    engine: tuple[_Answer, ...] = ()


def _require_registered(model: Path, version: RegisteredVersion) -> None:
    """Name an altered file by its place in the registered model; the copy it was found in is gone when this is read."""
    try:
        require_model(model, version.tags, version.uri)
    except UserError as error:
        if error.file is None:
            raise
        name = Path(error.file).relative_to(model)
        raise UserError(str(error).removeprefix(f"{error.file}: "), file=f"{version.uri}: {name}") from error


def _golden(file: Path, version: RegisteredVersion) -> tuple[_Golden, ...]:
    try:
        rows = tuple(_Golden.model_validate(row) for row in strict_json.read(file))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"the golden set of {version.uri} cannot be read; promote another version") from error
    if not rows:  # no PASS since the verdict asks for golden answers; a version from before may have none
        raise UserError(
            f"the golden set of {version.uri} is empty, so nothing can be compared; run the recipe again "
            "with this version of miaotui, which makes one"
        )
    return rows


def _loaded_and_queried(
    scratch: Path,
    model: Path,
    requirements: InstalledRequirements,
    golden: Sequence[_Golden],
    version: RegisteredVersion,
    limit_s: float,
) -> _Outcome:
    job = {
        "model": str(model),
        "bundle": BUNDLE_PATH,
        "outcome": str(scratch / "outcome.json"),
        "packages": requirements.closure,
        "texts": [row.text for row in golden],
        "operating_point": golden[0].operating_point,
        "limit_s": limit_s,
    }
    strict_json.write(scratch / "job.json", job)
    finished = _run_child(scratch, limit_s)
    last_words = _last_line(scratch / "log.txt").replace(f"{model}{os.sep}", "")
    if not finished:
        raise UserError(f"{version.uri} did not answer within {limit_s:g} s, so it may not serve; {last_words}")
    try:
        outcome = _Outcome.model_validate_json((scratch / "outcome.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(f"{version.uri} may not serve: its process left no outcome; {last_words}") from error
    if outcome.error is not None:
        said = outcome.error.replace(f"{model}{os.sep}", "")
        raise UserError(f"{version.uri} may not serve: {said}")
    return outcome


def _run_child(scratch: Path, limit_s: float) -> bool:
    """Run the child to its end; False if it had to be killed, with all that it had started."""
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ} | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "DO_NOT_TRACK": "true",
    }
    with (scratch / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_CHILD), str(scratch / "job.json")],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            child.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"the last it said: {lines[-1].strip()}" if lines else "it said nothing"


def _require_recorded(
    loader: str, answers: Sequence[_Answer], golden: Sequence[_Golden], version: RegisteredVersion
) -> None:
    if len(answers) != len(golden):
        raise UserError(
            f"{version.uri} may not serve: through {loader} it gives {len(answers)} answers to {len(golden)} texts"
        )
    for answer, row in zip(answers, golden, strict=True):
        if row.exact and not answer.agrees_with(row.answer):
            raise UserError(
                f"{version.uri} may not serve: through {loader} {row.text[:_SHOWN_TEXT]!r} is answered {answer}, "
                f"and was certified as {row.answer}"
            )


def _require_alike(outcome: _Outcome, golden: Sequence[_Golden], version: RegisteredVersion) -> None:
    """What is no golden answer to the token must still be one answer, on the same machine, and no error."""
    for row, served, own in zip(golden, outcome.pyfunc, outcome.engine, strict=True):
        if not served.agrees_with(own) or not own.path:
            raise UserError(
                f"{version.uri} may not serve: {row.text[:_SHOWN_TEXT]!r} is answered {served} through pyfunc, and {own} "
                "through the engine"
            )
