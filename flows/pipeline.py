"""The flow `optimize`: from a recipe to a verdict, a report and a registered model.

The steps of the recipe's task family come first; verdict, report, registration and promotion are the same for all. Runs
with no server (Prefect's embedded one) and with `PREFECT_API_URL`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, TypeVar

from prefect import flow

from flows.exclusive import one_pipeline_at_a_time
from flows.following import note_outcome
from flows.gather_evidence import JudgedBundle, benchmark_labels, gather_evidence
from flows.home import Home
from flows.make_bundle import make_bundle
from flows.pages.outcome import publish
from flows.pages.progress import showing_progress
from flows.planned_steps import planned_steps
from flows.pools.remote_benchmark import require_servers
from flows.preparation import PreparedRun, targets_here
from flows.progress import RunObserver, current_observer
from flows.registration import Registered, find_registered, register
from flows.run_outcome import RunOutcome
from flows.run_tracking import RunTracking, project_version
from flows.steps.cache import StepCache
from flows.steps.runner import FinishedStep, StepRunner, as_task
from flows.steps.scale_out import ScaleOut
from registry.baseline import find_baseline
from registry.checks import Verdict
from registry.evidence import Evidence
from registry.gates import to_measure_again
from registry.package import Registration
from registry.promotion import Promotion
from registry.registrar import Registrar
from registry.report import ReportContent, StepSummary, write_report
from registry.settlement import serving, settle
from registry.tracking import RunTracker
from registry.verdict import judge
from tasks.errors import naming

T = TypeVar("T")

VERDICT: Final = "verdict"
REPORT: Final = "report"
REGISTER: Final = "register"
PROMOTE: Final = "promote"

_REGISTRY_RETRIES: Final = 2  # a registry's server may be busy; both calls find out what was done before they act


def optimize(prepared: PreparedRun, home: Home, *, measure_again: bool = False) -> RunOutcome:
    """Runs a recipe in a home, as the flow `optimize`, which is called with what a person gave.

    `measure_again`: nothing that was timed in an earlier run is reused. Raises UserError for whatever a person can mend.
    """
    observer = current_observer()

    @flow(name="optimize", validate_parameters=False, persist_result=False)
    def as_flow(recipe: str, overrides: list[str], measure_again: bool) -> RunOutcome:
        del recipe, overrides
        with one_pipeline_at_a_time(home, observer) as waited:
            # Rows may have landed and been taken in by the run that was waited for.
            current = prepared.looked_again(home) if waited else prepared
            outcome = run_recipe(current, home, observer, measure_again=measure_again)
            note_outcome(home, prepared.recipe, outcome)
            return outcome

    return as_flow(str(prepared.loaded.file), list(prepared.loaded.overrides), measure_again)


def run_recipe(
    prepared: PreparedRun,
    home: Home,
    observer: RunObserver,
    *,
    on_step: Callable[[], None] = lambda: None,
    measure_again: bool = False,
) -> RunOutcome:
    """The pipeline within a flow run that is going on, whose page shows it; `on_step` is called after every step.

    `measure_again`: as in `optimize`.
    """
    require_servers(prepared.targets)
    with showing_progress(prepared.recipe.name, observer) as shown:
        run = _Run(prepared, StepCache(home, measure_again=measure_again), shown, on_step)
        with run.tracking.following(), naming(prepared.loaded.file):
            outcome = run.conclude(run.family())
    publish(outcome, run.tracking.tracker.store)
    return outcome


class _Run:
    """One run of the pipeline: the steps, then what is concluded from them."""

    def __init__(
        self, prepared: PreparedRun, cache: StepCache, observer: RunObserver, on_step: Callable[[], None]
    ) -> None:
        home = cache.home
        self._prepared = prepared
        self._home = home
        self._observer = observer
        self.tracking = RunTracking(RunTracker(home.folder, prepared.recipe.name), prepared)

        def finished(step: FinishedStep[Any]) -> None:
            self.tracking.step_finished(step)
            on_step()

        out = ScaleOut(prepared.recipe.scale_out)
        self._steps = StepRunner(cache, observer, on_finished=finished, scale_out=out)
        self._registrar = Registrar.of_home(home.folder)
        self._judged_against: int | None = None
        self._unsettled: tuple[str, ...] = ()

    def family(self) -> JudgedBundle:
        """The steps of the recipe's task family: a bundle, what it is compared with, the evidence about it."""
        self._plan()
        made = make_bundle(self._prepared, self._steps, self._home, retired=self._plan)
        self._unsettled = self._steps.provisional
        name, digest = self._prepared.recipe.name, made.router.result.bundle_digest
        self._judged_against = serving(self._registrar, name)
        baseline = find_baseline(self._registrar.store, name, digest, targets_here(self._prepared.targets))
        if baseline is not None and baseline.bundle is not None:
            self._plan(compared=True)
        elif baseline is not None:
            self._observer.noted(f"the champion {baseline.version.uri} cannot be compared with: {baseline.problem}")
        return gather_evidence(self._prepared, made, baseline, self._steps)

    def _plan(self, *, compared: bool = False) -> None:
        labels = planned_steps(self._prepared, self._home, compared=compared)
        self._observer.planned([*labels, VERDICT, REPORT, REGISTER, PROMOTE])

    def conclude(self, judged: JudgedBundle) -> RunOutcome:
        """Verdict, report, registration, promotion."""
        recipe, store = self._prepared.recipe, self.tracking.tracker.store
        evidence = judged.evidence(self._steps.remarks, self._unsettled)
        verdict = self._timed(VERDICT, lambda: self._judged(evidence))
        report = self._home.reports / f"{recipe.name}-{_identity(evidence, verdict, recipe.model_dump_json())}.html"
        known = find_registered(store, recipe.name, evidence, verdict) if self._steps.all_reused else None
        if known is None or not report.is_file():
            self.tracking.start()
            self.tracking.tracker.log_verdict(verdict)
            self._timed(REPORT, lambda: write_report(self._report_content(evidence, verdict), report))
            self.tracking.tracker.log_files([report])
            registration = self._timed(
                REGISTER,
                lambda: register(self.tracking, recipe.name, judged.made.bundle, evidence, verdict, report),
                _REGISTRY_RETRIES,
            )
        else:
            for label in (REPORT, REGISTER):
                self._observer.finished(label, reused=True, seconds=0.0)
            registration = Registration(known, known.tags.get("model_id"), reused=True)
        promotion = self._timed(PROMOTE, lambda: self._settled(registration), _REGISTRY_RETRIES)
        self.tracking.finish(verdict)
        self._measure_unsettled_again(verdict, evidence)
        return RunOutcome(
            name=recipe.name,
            verdict=verdict,
            evidence=evidence,
            registered=Registered(registration.version, promotion, reused=registration.reused),
            report=report,
            steps=self._summaries(),
            run_id=self.tracking.tracker.run_id if self.tracking.started else known.run_id if known else None,
        )

    def _judged(self, evidence: Evidence) -> Verdict:
        recipe = self._prepared.recipe
        return judge(
            recipe.gates,
            evidence,
            targets=self._prepared.targets,
            confidence=recipe.router.confidence,
            max_accuracy_loss=recipe.router.max_accuracy_loss,
            if_unreadable=recipe.promotion.unreadable_champion,
        )

    def _settled(self, registration: Registration) -> Promotion:
        return settle(
            self._registrar,
            registration.version,
            config=self._prepared.recipe.promotion,
            judged_against=self._judged_against,
        )

    def _measure_unsettled_again(self, verdict: Verdict, evidence: Evidence) -> None:
        """Lets the next run measure again what settled no gate on time.

        At the very end, so that a run that was killed comes to the verdict that it was about to come to.
        """
        again = to_measure_again(verdict.checks, evidence.benchmarks)
        targets = [target for target in self._prepared.targets if target.name in again]
        for label in benchmark_labels(targets):
            self._steps.measure_again(label)

    def _report_content(self, evidence: Evidence, verdict: Verdict) -> ReportContent:
        return ReportContent(
            name=self._prepared.recipe.name,
            version=project_version(),
            created=datetime.now(UTC),
            recipe=self._prepared.recipe,
            evidence=evidence,
            verdict=verdict,
            steps=self._summaries(),
            override=self._registrar.state(self._prepared.recipe.name).override,
        )

    def _summaries(self) -> tuple[StepSummary, ...]:
        return tuple(
            StepSummary(step.label, step.run.seconds, step.run.reused, step.run.artifact.digest)
            for step in self._steps.finished
        )

    def _timed(self, label: str, function: Callable[[], T], retries: int = 0) -> T:
        self._observer.started(label)
        begin = time.perf_counter()
        result = as_task(label, function, retries=retries)
        self._observer.finished(label, reused=False, seconds=time.perf_counter() - begin)
        return result


def _identity(evidence: Evidence, verdict: Verdict, recipe: str) -> str:
    """A short name for one report: the same evidence, verdict and recipe give the same page."""
    return sha256("\n".join((evidence.digest, verdict.digest, recipe)).encode()).hexdigest()[:12]
