"""A benchmark's order and its evidence as folders that travel: one document in each that lists every file's SHA-256.

Whoever is given the digest of such a document can tell, wherever the folder has been, that nothing in it was altered.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from engine import strict_json
from engine.digests import file_digest, first_difference, folder_digest, folder_files
from tasks.artifact import Record
from tasks.benchmark.job import ContenderFiles
from tasks.benchmark.order import Order
from tasks.errors import UserError
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult

JOB_FILE: Final = "job.json"
EVIDENCE_FILE: Final = "evidence.json"

R = TypeVar("R", bound=Record)

_BUNDLE: Final = "bundle"
_CHAMPION: Final = "champion"
_TEXTS: Final = "texts.json"
_GRAPHS: Final = "graphs"


class PortableJob(Record):
    """An order whose files lie beside it. `files`: SHA-256 of each by its path; `code`: digest of what is to measure.

    `graphs`: file, or decoder's folder, of each static contender by its name, in their order.
    """

    bundle_digest: str
    champion_digest: str | None
    graphs: dict[str, str]
    baseline: str | None
    config: BenchmarkConfig
    server_qps: float | None
    target: Target
    code: str
    files: dict[str, str]


class PortableEvidence(Record):
    """What was measured for a job, with the logs that lie beside it."""

    job_digest: str
    result: BenchmarkResult
    files: dict[str, str]


def pack_order(order: Order, folder: Path, *, code: str) -> str:
    """Copies all that the order needs into `folder`, which is made anew, and returns the digest of its document.

    The same order gives the same digest wherever its files lie. `code` is that of the measuring code.
    """
    shutil.rmtree(folder, ignore_errors=True)
    graphs: dict[str, str] = {}
    shutil.copytree(order.bundle, folder / _BUNDLE)
    if order.champion is not None:
        shutil.copytree(order.champion, folder / _CHAMPION)
    for contender in order.contenders:
        if contender.graph is None:
            raise ValueError(f"the contender {contender.name} is a bundle; only static graphs and the champion travel")
        (folder / _GRAPHS).mkdir(exist_ok=True)
        if contender.graph.is_dir():
            graphs[contender.name] = f"{_GRAPHS}/{contender.name}"
            shutil.copytree(contender.graph, folder / graphs[contender.name])
        else:
            graphs[contender.name] = f"{_GRAPHS}/{contender.name}.onnx"
            shutil.copyfile(contender.graph, folder / graphs[contender.name])
    (folder / _TEXTS).write_text(strict_json.dumps(order.texts, ascii_only=True), encoding="utf-8")
    job = PortableJob(
        bundle_digest=order.bundle_digest,
        champion_digest=folder_digest(folder / _CHAMPION) if order.champion else None,
        graphs=graphs,
        baseline=order.baseline,
        config=order.config,
        server_qps=order.server_qps,
        target=order.target.on_its_machine,
        code=code,
        files=folder_files(folder),
    )
    return _write(job, folder / JOB_FILE)


def read_job(file: Path, digest: str) -> PortableJob:
    """The job in `file`. Raises UserError where it is not the one with this digest, or of another version's form."""
    return _read(PortableJob, file, digest, "job")


def unpack_order(folder: Path, job: PortableJob) -> Order:
    """The job's order, with the files in `folder`. Raises UserError, naming the file, where one is not as it was sent."""
    _require_files(folder, job.files, JOB_FILE, "sent")
    bundle = folder / _BUNDLE
    for part, expected in ((_BUNDLE, job.bundle_digest), (_CHAMPION, job.champion_digest)):
        if expected is not None and folder_digest(folder / part) != expected:
            raise UserError(f"is not the bundle {expected[:12]} that the job is about", file=folder / part)
    return Order(
        bundle=bundle,
        bundle_digest=job.bundle_digest,
        texts=tuple(strict_json.loads((folder / _TEXTS).read_text(encoding="utf-8"))),
        contenders=tuple(
            ContenderFiles(name=name, bundle=bundle, graph=folder / graph) for name, graph in job.graphs.items()
        ),
        baseline=job.baseline,
        champion=folder / _CHAMPION if job.champion_digest else None,
        config=job.config,
        server_qps=job.server_qps,
        target=job.target,
    )


def pack_evidence(folder: Path, job_digest: str, result: BenchmarkResult) -> str:
    """Writes the document about the logs in `folder`, and returns its digest."""
    files = folder_files(folder)
    return _write(PortableEvidence(job_digest=job_digest, result=result, files=files), folder / EVIDENCE_FILE)


def open_evidence(folder: Path, digest: str, job_digest: str) -> BenchmarkResult:
    """The result of the job. Raises UserError, naming the file, where anything is not as the worker sealed it."""
    evidence = _read(PortableEvidence, folder / EVIDENCE_FILE, digest, "evidence")
    _require_files(folder, evidence.files, EVIDENCE_FILE, "measured")
    if evidence.job_digest != job_digest:
        message = f"is about the job {evidence.job_digest[:12]}, not {job_digest[:12]}"
        raise UserError(message, file=folder / EVIDENCE_FILE)
    return evidence.result


def _write(document: Record, file: Path) -> str:
    content = document.model_dump_json(indent=1).encode()
    file.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _read(kind: type[R], file: Path, digest: str, what: str) -> R:
    if not file.is_file():
        raise UserError(f"missing; it lists the {what}'s files", file=file)
    if file_digest(file) != digest:
        raise UserError(f"altered: its SHA-256 is {file_digest(file)[:12]}, not {digest[:12]}", file=file)
    try:
        return kind.model_validate_json(file.read_bytes())
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(
            f"written by another version of miaotui (at {field}); install the same version on both sides", file=file
        ) from error


def _require_files(folder: Path, listed: Mapping[str, str], document: str, how: str) -> None:
    found = {name: digest for name, digest in folder_files(folder).items() if name != document}
    if difference := first_difference(listed, found):
        name, problem = difference
        raise UserError(f"{problem}; this is not what was {how}", file=folder / name)
