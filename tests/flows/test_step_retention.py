"""Stored results of steps go when they were not used for long, but none that a protected bundle was made from."""

import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock

from engine.digests import folder_digest
from flows.home import Home
from flows.retention import carry_out, plan_retention
from flows.steps.cache import StepCache, StepRun
from flows.steps.code_digest import Code
from registry.retention import Protected, RetentionOutcome, RetentionPlan, RetentionPolicy
from registry.store import MlflowStore
from tasks.artifact import Artifact, Record, Workspace
from tasks.step import Step

MODULE = "fake_steps_of_retention"
NOW = datetime.now(UTC)
POLICY = RetentionPolicy(days=90, step_results=1)
OLD_DAYS = 120


class Number(Record):
    value: int


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose runs are in no store yet."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    module = ModuleType(MODULE)

    def make(*, value: int, source: Artifact[Number] | None = None, workspace: Workspace) -> Number:
        (workspace.out / "bundle").mkdir()
        (workspace.out / "bundle" / "weights.bin").write_bytes(bytes([value]) * 100)
        (workspace.out / "log.txt").write_text(source.digest if source else "")
        return Number(value=value)

    module.make = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    return Home(tmp_path)


def run(
    home: Home, step: str, value: int, source: Artifact[Number] | None = None, *, days: float = 0
) -> StepRun[Number]:
    """A result of a step, used so many days ago."""
    cache = StepCache(home, code=lambda _module: Code("code", (MODULE,), {}))
    made = cache.run(
        Step(step, f"{MODULE}:make", Number), {"value": value, "source": source}, lambda _message, _fraction=None: None
    )
    if days:
        age(made.artifact.folder.parent, days)
    return made


def age(folder: Path, days: float) -> None:
    """Make everything in a folder look so old."""
    then = NOW.timestamp() - days * 86400
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (then, then))


def entry(made: StepRun[Number]) -> str:
    return f"{made.artifact.step}/{made.key}"


def plan_of(home: Home, protected: Protected | None = None, now: datetime = NOW) -> RetentionPlan:
    return plan_retention(MlflowStore.of_home(home.folder), home, POLICY, protected or Protected(), now)


def delete(home: Home, plan: RetentionPlan, protected: Callable[[], Protected] = Protected) -> RetentionOutcome:
    return carry_out(MlflowStore.of_home(home.folder), home, plan, protected, NOW)


def stored(home: Home) -> set[str]:
    return {path.parent.relative_to(home.store).as_posix() for path in home.store.glob("*/*/manifest.json")}


def test_results_not_used_for_long_go_but_the_last_one_of_every_step(home: Home) -> None:
    old, last = run(home, "train", 1, days=OLD_DAYS + 1), run(home, "train", 2, days=OLD_DAYS)
    plan = plan_of(home)
    assert [(item.id, item.reason) for item in plan.doomed] == [(entry(old), "not used for 121 days")]
    assert [(kept.id, kept.reason) for kept in plan.kept] == [(entry(last), "it is among the 1 of its step used last")]
    folder = old.artifact.folder.parent
    assert plan.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert stored(home) == {entry(old), entry(last)}, "a plan changes nothing"
    assert delete(home, plan).deleted == plan.doomed
    assert stored(home) == {entry(last)}
    assert not folder.exists()
    assert list((home.folder / "trash").iterdir()) == []


def test_what_is_reused_counts_as_used(home: Home) -> None:
    run(home, "train", 1, days=OLD_DAYS)
    run(home, "train", 2)
    assert run(home, "train", 1).reused
    assert plan_of(home).doomed == ()


def test_a_protected_bundle_keeps_all_that_it_was_made_from(home: Home) -> None:
    data = run(home, "snapshot", 1, days=OLD_DAYS)
    trained = run(home, "train", 1, data.artifact, days=OLD_DAYS)
    router = run(home, "calibrate", 1, trained.artifact, days=OLD_DAYS)
    other = run(home, "calibrate", 2, trained.artifact, days=OLD_DAYS)
    for step in ("snapshot", "train", "calibrate"):
        run(home, step, 9)
    ancestry = {entry(data), entry(trained), entry(router)}
    protected = Protected(bundle_digests=frozenset({folder_digest(router.artifact.folder / "bundle")}))
    plan = plan_of(home, protected)
    assert {item.id for item in plan.doomed} == {entry(other)}
    assert {kept.id for kept in plan.kept if kept.reason == "a protected bundle was made from it"} == ancestry
    everything = plan_of(home)
    assert {item.id for item in everything.doomed} == {*ancestry, entry(other)}
    spared = delete(home, everything, lambda: protected).spared
    assert {kept.id for kept in spared} == ancestry, "it came under protection after the plan"
    assert ancestry <= stored(home)


@pytest.mark.parametrize("days", [0.5, 2], ids=["within a day", "since a run began that goes on"])
def test_what_a_run_may_be_using_stays(home: Home, monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    made = run(home, "train", 1, days=days)
    run(home, "train", 2)
    policy, long_after = POLICY.model_copy(update={"days": 1}), NOW
    monkeypatch.setattr("flows.retention.running_since", lambda _store: NOW - timedelta(days=2))
    plan = plan_retention(MlflowStore.of_home(home.folder), home, policy, Protected(), long_after)
    assert entry(made) in {kept.id for kept in plan.kept}
    assert plan.doomed == ()


def test_what_is_used_again_after_the_plan_stays(home: Home) -> None:
    made = run(home, "train", 1, days=OLD_DAYS)
    run(home, "train", 2)
    plan = plan_of(home)
    assert run(home, "train", 1).reused
    (spared,) = delete(home, plan).spared
    assert (spared.id, spared.reason) == (entry(made), "it was used since")
    assert entry(made) in stored(home)


def test_what_is_being_computed_stays(home: Home) -> None:
    made = run(home, "train", 1, days=OLD_DAYS)
    run(home, "train", 2)
    with FileLock(home.locks / f"train-{made.key}.lock"):
        (spared,) = delete(home, plan_of(home)).spared
    assert spared.reason == "it is being computed"
    assert made.artifact.folder.exists()


def test_what_was_never_finished_goes_whatever_its_rank(home: Home) -> None:
    cut_off = run(home, "train", 1)
    (cut_off.artifact.folder.parent / "manifest.json").unlink()
    age(cut_off.artifact.folder.parent, 2)
    scratch = home.work / f"train-{cut_off.key}" / "scratch"
    scratch.mkdir(parents=True)
    (scratch / "checkpoint.bin").write_bytes(bytes(500))
    plan = plan_of(home)
    assert [(item.kind, item.reason) for item in plan.doomed] == [
        ("step result", "never finished, not used for 2 days")
    ]
    age(home.work, OLD_DAYS)
    plan = plan_of(home)
    assert [(item.kind, item.bytes) for item in plan.doomed][1:] == [("unfinished step", 500)]
    delete(home, plan)
    assert not list(home.work.iterdir())
    assert not cut_off.artifact.folder.exists()


@pytest.mark.parametrize("killed", ["before the move", "after the move", "in the middle of the removal"])
def test_killed_at_any_moment_a_result_is_whole_or_gone_and_the_next_plan_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    made = run(home, "train", 1, days=OLD_DAYS)
    last = run(home, "train", 2)
    unlink, removed = os.unlink, []

    def die(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    def unlink_one_then_die(*arguments: object, **named: object) -> None:
        if removed:
            raise KeyboardInterrupt
        removed.append(arguments)
        unlink(*arguments, **named)  # type: ignore[arg-type]

    plan = plan_of(home)
    with monkeypatch.context() as patch:
        if killed == "before the move":
            patch.setattr(Path, "rename", die)
        elif killed == "after the move":
            patch.setattr(shutil, "rmtree", die)
        else:
            patch.setattr(os, "unlink", unlink_one_then_die)
        with pytest.raises(KeyboardInterrupt):
            delete(home, plan)
    again = plan_of(home)
    if killed == "before the move":
        assert run(home, "train", 1).reused, "it is as it was"
        age(made.artifact.folder.parent, OLD_DAYS)
    else:
        assert not made.artifact.folder.parent.exists()
        assert [(item.kind, item.id.partition("/")[0]) for item in again.doomed] == [("leftover", "trash")]
    delete(home, again)
    assert stored(home) == {entry(last)}
    assert list((home.folder / "trash").iterdir()) == []
    assert plan_of(home).doomed == ()
