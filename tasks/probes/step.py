"""The step `probe`: a bundle meets the probes in a process of its own, so that one that hangs or ends it is an outcome, too."""

from pathlib import Path
from typing import Final

from engine.digests import folder_digest
from tasks.artifact import Artifact, Workspace
from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.process import run_pinned
from tasks.bundles.place import bundle_of
from tasks.errors import UserError
from tasks.probes import child
from tasks.probes.lines import Line, ProbeJob
from tasks.probes.run import BATCH
from tasks.recipe.target import Target
from tasks.records import ProbeOutcome, ProbesResult, RouterResult

LIMIT_S: Final = 60.0
LIMIT_PER_TOKEN_S: Final = 0.05
"""Beyond what a slow CPU needs to read one token of a model that it can serve."""
_LOAD_LIMIT_S: Final = 300.0
_CHILD: Final = Path(child.__file__)
_SHOWN: Final = 3


def probe(router: Artifact[RouterResult], *, target: Target, workspace: Workspace) -> ProbesResult:
    """Ask the router's bundle all probes, as the target's engine loads it; what was refused goes on the record."""
    result = probe_bundle(bundle_of(router), target, workspace)
    if result.longest < result.admissible:
        workspace.remark(f"the longest probe has {result.longest} tokens; {result.admissible} are admissible")
    if refused := result.refused:
        first = "; ".join(f"{outcome.name}: {outcome.error}" for outcome in refused[:_SHOWN])
        more = f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        workspace.remark(f"{len(refused)} probes are refused, each by an error of its own ({first}{more})")
    return result


def probe_bundle(bundle: Path, target: Target, workspace: Workspace, *, limit_s: float = LIMIT_S) -> ProbesResult:
    """Ask a bundle all probes; one without an answer in `limit_s` and what its tokens take is a problem, and the last.

    UserError where the bundle does not load.
    """
    asking = _Asking(workspace, limit_s)
    job = ProbeJob(bundle=bundle.absolute(), threads=target.threads, execution_provider=target.execution_provider)
    job_file = workspace.scratch.absolute() / "probes.json"
    job_file.write_text(job.model_dump_json(), encoding="utf-8")
    try:
        run_pinned(
            _CHILD,
            [str(job_file)],
            target=target,
            log=job_file.with_suffix(".log"),
            limit_s=_LOAD_LIMIT_S,
            on_line=asking.heard,
        )
    except BenchmarkError as error:
        if asking.about is None:
            raise
        reason = str(error).splitlines()[0].partition(" after: ")[0]
        asking.outcomes.append(ProbeOutcome(name=asking.about, problem=f"is not survived: {reason}"))
    about = asking.bundle
    return ProbesResult(
        bundle_digest=folder_digest(bundle),
        golden_rows=about.golden_rows or 0,
        longest=about.longest,
        admissible=about.admissible,
        outcomes=tuple(asking.outcomes),
    )


class _Asking:
    """What has been heard of the process so far. `about`: what it is asked, None before and after."""

    def __init__(self, workspace: Workspace, limit_s: float) -> None:
        self._workspace, self._limit_s = workspace, limit_s
        self.outcomes: list[ProbeOutcome] = []
        self.bundle = Line()
        self.about: str | None = None

    def heard(self, text: str) -> float | None:
        """A line of its output; the seconds that it may be silent from now on."""
        line = Line.model_validate_json(text)
        if line.user_error is not None:
            raise UserError(line.user_error)
        if line.golden_rows is not None:
            self.bundle = line
        if line.outcome is not None:
            self.outcomes.append(line.outcome)
        if line.asked is None:
            return None
        self._workspace.progress(line.asked)
        self.about = line.asked
        # The batch is every probe once more.
        share = max(1, len(self.outcomes)) if line.asked == BATCH else 1
        return share * self._limit_s + LIMIT_PER_TOKEN_S * line.tokens
