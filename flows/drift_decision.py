"""Decides what the landed rows are good for, by the drift that they show, and puts decision and numbers on record in MLflow."""

from dataclasses import dataclass

from flows.home import Home
from flows.inbox.landed_data import landed_data
from flows.preparation import PreparedRun, built_for, targets_here
from flows.run_tracking import log_drift
from flows.snapshots import keyed_sources, snapshots
from flows.steps.runner import StepRunner
from registry.baseline import find_champion
from registry.inbox import Use
from registry.store import MlflowStore
from tasks.drift.step import DriftResult
from tasks.step import Keyed, Step

DRIFT = Step("drift", "tasks.drift.step:report_drift", DriftResult)


@dataclass(frozen=True)
class UseDecision:
    """What the rows are good for, and why."""

    use: Use
    sentence: str


def decide_use(prepared: PreparedRun, home: Home, steps: StepRunner) -> UseDecision:
    """By the rows that have landed since the last that were used, the claimed ones among them."""
    recipe = prepared.recipe
    _, judged_by = snapshots(prepared, steps)
    champion = find_champion(MlflowStore.of_home(home.folder), recipe.name, targets_here(prepared.targets))
    if champion is None:
        return UseDecision(Use.RETRAIN, "no champion serves that drift could be measured against")
    if champion.bundle is None:
        return UseDecision(Use.RETRAIN, f"the champion {champion.version.uri} cannot be read: {champion.problem}")
    drift = steps.run(
        DRIFT,
        {
            "snapshot": judged_by,
            "champion": Keyed(champion.bundle, champion.version.bundle_digest),
            "config": recipe.data,
            "sources": keyed_sources(landed_data(home, recipe.name, recipe.data).since),
            "policy": recipe.drift,
            "seed": recipe.seed,
            "target": built_for(prepared.targets),
        },
        files=("findings.txt",),
    )
    log_drift(home.folder, prepared, steps.finished[-1], champion.version.uri)
    decision = drift.result.decision
    return UseDecision(Use(decision.outcome), "; ".join(decision.reasons))
