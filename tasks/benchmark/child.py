"""The measuring child: `child.py JOB OUTCOME`, started by `process.run_pinned`.

It imports the engine and LoadGen and nothing that trains, tells its phases on standard output as JSON lines, and writes
one `Outcome`. What a person can mend comes back as that outcome's `user_error`; anything else ends it with a traceback.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine import AdaptiveModel, strict_json
from engine.errors import EngineError
from tasks.benchmark.guided import guided
from tasks.benchmark.job import ContenderFiles, Job, Measurements, Outcome, Phase
from tasks.benchmark.measure import Measuring, Subject
from tasks.benchmark.pulse import Pulse
from tasks.benchmark.system_under_test import Model
from tasks.errors import UserError
from tasks.machine.child_process import die_with_parent

_LOAD_LIMIT_S: Final = 300.0


def main(arguments: list[str]) -> None:
    """Measure what the job file asks for."""
    die_with_parent()  # an orphan would disturb the measurement of the run that resumes
    job_file, outcome_file = (Path(argument) for argument in arguments)
    job = Job.model_validate_json(job_file.read_bytes())
    try:
        outcome = Outcome(measurements=measure(job))
    except (UserError, EngineError) as error:
        outcome = Outcome(user_error=str(error))
    outcome_file.write_text(outcome.model_dump_json(), encoding="utf-8")


def measure(job: Job) -> Measurements:
    """Loads the bundle, asserts the target's execution provider, measures."""
    report(Phase(message="loading the bundle", fraction=0.0, limit_s=_LOAD_LIMIT_S))
    texts = strict_json.loads(job.inputs.read_text(encoding="utf-8"))
    model = _load_bundle(job.bundle, job)
    subject = Subject(
        model=model,
        digest=model.digest,
        execution_providers=tuple(model.execution_providers),
        paths=tuple(model.paths),
        operating_point=model.operating_point,
    )
    return Measuring(job, texts, Pulse(report)).run(subject, lambda: _load_contenders(job))


def report(phase: Phase) -> None:
    """Tells the parent what comes next."""
    print(phase.model_dump_json(), flush=True)


def _load_contenders(job: Job) -> Mapping[str, Model]:
    loaded: dict[str, Model] = {}
    for files in job.contenders:
        report(Phase(message=f"loading {files.name} to compare with", fraction=0.65, limit_s=_LOAD_LIMIT_S))
        loaded[files.name] = _load_contender(files, job)
    return loaded


def _load_contender(files: ContenderFiles, job: Job) -> Model:
    if files.graph is None:
        model = _load_bundle(files.bundle, job)
        return model if files.guided_by is None else guided(model, files.guided_by)
    return AdaptiveModel.type_in(files.bundle).static(
        files.graph, files.bundle, threads=job.threads, execution_provider=job.execution_provider
    )


def _load_bundle(folder: Path, job: Job) -> AdaptiveModel:
    model = AdaptiveModel.load(
        folder,
        threads=job.threads,
        execution_provider=job.execution_provider,
        operating_point=_point(folder, job.operating_point),
    )
    active = tuple(model.execution_providers)
    # One session that silently fell back to another provider is enough to make the numbers another target's.
    if set(active) != {job.execution_provider}:
        raise UserError(
            f"target '{job.target}' asks for {job.execution_provider}, but the sessions of {folder} run on "
            f"{', '.join(active) or 'none'}; install the provider's runtime and driver, or name the one that is there",
            field="execution_provider",
        )
    return model


def _point(folder: Path, wanted: str | None) -> str | None:
    """The operating point that is asked for if this bundle has it; what was measured is in the evidence either way."""
    if wanted is None:
        return None
    return wanted if wanted in AdaptiveModel.type_in(folder).router_in(folder).points else None


if __name__ == "__main__":
    main(sys.argv[1:])
