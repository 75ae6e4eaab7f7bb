"""Asks a bundle the probes: `child.py JOB`, started by `tasks.probes.step`; one `Line` of JSON for each thing it has to say."""

import sys
from pathlib import Path

from engine import AdaptiveModel, strict_json
from engine.bundle import GOLDEN_FILE
from engine.errors import EngineError
from tasks.machine.child_process import die_with_parent
from tasks.probes.lines import Line, ProbeJob
from tasks.probes.run import model_probes, probe_model
from tasks.probes.texts import LONGEST


def main(arguments: list[str]) -> None:
    """Load, ask, and tell."""
    die_with_parent()
    job = ProbeJob.model_validate_json(Path(arguments[0]).read_bytes())
    try:
        model = AdaptiveModel.load(job.bundle, threads=job.threads, execution_provider=job.execution_provider)
    except EngineError as error:
        _say(Line(user_error=str(error)))
        return
    golden = [row["text"] for row in strict_json.read(job.bundle / GOLDEN_FILE)]
    longest = sum(probe.tokens for probe in model_probes(model) if probe.name == LONGEST)
    _say(Line(golden_rows=len(golden), longest=longest, admissible=model.input_limit))
    probe_model(
        model,
        golden,
        announce=lambda name, tokens: _say(Line(asked=name, tokens=tokens)),
        found=lambda outcome: _say(Line(outcome=outcome)),
    )


def _say(line: Line) -> None:
    # In UTF-8, whatever the locale: a token's name may hold any character.
    sys.stdout.buffer.write(line.model_dump_json().encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
