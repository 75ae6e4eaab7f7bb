"""Results are reused exactly where content, configuration, code and (for measurements) the machine are the same."""

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.home import Home
from flows.steps.code_digest import Code
from tasks.artifact import Artifact, Workspace
from tasks.errors import UserError
from tasks.families.classification.recipe import FineTuneConfig
from tasks.step import Keyed
from tests.flows.counted_steps import CODE, COUNT, MEASURE, MODULE, Count, FakeSteps, cache_for, counted, run, silent


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> FakeSteps:
    return counted(monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_an_unchanged_step_is_reused_with_the_same_result_and_bytes(home: Home, steps: FakeSteps) -> None:
    first, second = run(home), run(home)
    assert (first.reused, second.reused, steps.runs) == (False, True, 1)
    assert first.artifact == second.artifact
    assert second.artifact.result == Count(value=1, pairs={4: 0.5}, names=("a", "é"))
    assert Artifact.of("count", second.artifact.folder, second.artifact.result) == second.artifact
    assert not list(home.work.iterdir())


def artifact(digest: str) -> Artifact[Count]:
    return Artifact("earlier", Path("/somewhere"), digest, Count(value=1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"seed": 0}, {"seed": 1}),
        ({"seed": 0}, {"other": 0}),
        ({"seed": 1}, {"seed": True}),
        ({"config": FineTuneConfig()}, {"config": FineTuneConfig(epochs=6)}),
        ({"snapshot": artifact("a")}, {"snapshot": artifact("b")}),
        ({"exports": {"pruned": artifact("a")}}, {"exports": {"fine_tuned": artifact("a")}}),
        ({"base": Keyed(Path("/x"), "one")}, {"base": Keyed(Path("/x"), "two")}),
    ],
)
def test_a_changed_input_is_a_miss(home: Home, steps: FakeSteps, before: dict, after: dict) -> None:
    first, second = run(home, before), run(home, after)
    assert first.key != second.key
    assert steps.runs == 2
    assert run(home, before).reused


def test_a_result_that_is_set_aside_is_computed_again_and_its_files_stay(home: Home, steps: FakeSteps) -> None:
    kept, aside = run(home, {"seed": 0}), run(home, {"seed": 1})
    before = {file.name: file.read_bytes() for file in files_of(aside.artifact.folder)}
    cache_for(home).set_aside(aside)
    assert run(home, {"seed": 0}).reused
    assert run(home, {"seed": 0}).artifact == kept.artifact
    assert not run(home, {"seed": 1}).reused
    (left,) = [entry for entry in (home.store / "count").iterdir() if entry.name.startswith(f"{aside.key}.")]
    assert {file.name: file.read_bytes() for file in files_of(left / "out")} == before


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_the_place_of_an_input_is_not_part_of_its_key(home: Home, steps: FakeSteps) -> None:
    run(home, {"base": Keyed(Path("/x"), "one"), "snapshot": artifact("a")})
    moved = Artifact("earlier", Path("/elsewhere"), "a", Count(value=1))
    assert run(home, {"base": Keyed(Path("/y"), "one"), "snapshot": moved}).reused


@pytest.mark.parametrize("value", [Path("/x"), object(), b"bytes", {1, 2}])
def test_an_input_that_cannot_be_told_apart_is_refused(home: Home, steps: FakeSteps, value: object) -> None:
    with pytest.raises(TypeError, match="cannot be part of a step's key"):
        run(home, {"value": value})


@pytest.mark.parametrize("code", [Code("edited", (MODULE,), CODE.packages), Code("code", (MODULE,), {"numpy": "2.5"})])
def test_other_code_or_another_version_of_a_package_is_a_miss(home: Home, steps: FakeSteps, code: Code) -> None:
    run(home)
    assert not cache_for(home, code=code).run(COUNT, {}, silent).reused


def test_measurements_are_not_reused_on_another_machine_but_other_results_are(home: Home, steps: FakeSteps) -> None:
    for step in (COUNT, MEASURE):
        run(home, step=step)
    assert cache_for(home, machine="other").run(COUNT, {}, silent).reused
    assert not cache_for(home, machine="other").run(MEASURE, {}, silent).reused
    assert run(home, step=MEASURE).reused


def flip_a_byte(folder: Path) -> None:
    file = folder / "out" / "weights.bin"
    content = bytearray(file.read_bytes())
    content[50] ^= 1
    file.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "one byte flipped": flip_a_byte,
    "a file deleted": lambda entry: (entry / "out" / "nested" / "file.txt").unlink(),
    "a file added": lambda entry: (entry / "out" / "extra").write_text("", encoding="utf-8"),
    "the record edited": lambda entry: (entry / "out" / "result.json").write_text('{"value": 7}', encoding="utf-8"),
    "all files deleted": lambda entry: shutil.rmtree(entry / "out"),
    "the manifest cut short": lambda entry: (entry / "manifest.json").write_text('{"step":', encoding="utf-8"),
    "the manifest not text": lambda entry: (entry / "manifest.json").write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_a_result_that_is_gone_or_altered_is_computed_again(home: Home, steps: FakeSteps, damage: str) -> None:
    first = run(home)
    DAMAGE[damage](first.artifact.folder.parent)
    said: list[str] = []
    again = cache_for(home).run(COUNT, {}, lambda message, _fraction=None: said.append(message))
    assert not again.reused
    assert "computing it again" in said[0]
    assert run(home).reused
    assert steps.runs == 2


def test_the_entry_of_another_step_put_in_its_place_is_a_miss(home: Home, steps: FakeSteps) -> None:
    first, other = run(home), run(home, {"seed": 1})
    shutil.rmtree(first.artifact.folder.parent)
    shutil.copytree(other.artifact.folder.parent, first.artifact.folder.parent)
    assert not run(home).reused


def test_an_entry_without_manifest_was_never_finished(home: Home, steps: FakeSteps) -> None:
    (run(home).artifact.folder.parent / "manifest.json").unlink()
    assert not run(home).reused


def test_failures_are_not_stored_and_leave_nothing_half_written(home: Home, steps: FakeSteps) -> None:
    def fail(workspace: Workspace) -> Count:
        (workspace.out / "half").write_text("", encoding="utf-8")
        (workspace.scratch / "checkpoint").write_text("", encoding="utf-8")
        raise UserError("bad data") if steps.runs == 1 else RuntimeError("flaky")

    steps.body = fail
    with pytest.raises(UserError, match="bad data"):
        run(home)
    assert not list(home.work.iterdir())
    with pytest.raises(RuntimeError, match="flaky"):
        run(home)
    assert [file.name for file in home.work.rglob("*") if file.is_file()] == ["checkpoint"]
    assert not home.store.exists()
    steps.body = None
    assert not run(home).reused


def test_scratch_is_kept_for_the_next_try_and_half_written_output_is_not(home: Home, steps: FakeSteps) -> None:
    seen: list[list[str]] = []

    def step(workspace: Workspace) -> Count:
        seen.append(sorted(file.name for folder in (workspace.out, workspace.scratch) for file in folder.iterdir()))
        (workspace.scratch / "checkpoint").write_text("", encoding="utf-8")
        (workspace.out / "half").write_text("", encoding="utf-8")
        if steps.runs == 1:
            raise KeyboardInterrupt
        return Count(value=1)

    steps.body = step
    with pytest.raises(KeyboardInterrupt):
        run(home)
    run(home)
    assert seen == [[], ["checkpoint"]]
    assert not list(home.work.iterdir())


def test_a_nan_in_a_record_stays_a_nan(home: Home, steps: FakeSteps) -> None:
    steps.body = lambda _workspace: Count(value=float("nan"), pairs={1: float("inf")})
    run(home)
    result = run(home).artifact.result
    assert result.value != result.value
    assert result.pairs == {1: float("inf")}
    assert steps.runs == 1


def test_a_step_that_returns_another_record_or_writes_over_it_is_an_error(home: Home, steps: FakeSteps) -> None:
    steps.body = lambda _workspace: FineTuneConfig()  # type: ignore[assignment,return-value]
    with pytest.raises(TypeError, match="returned FineTuneConfig, not Count"):
        run(home)

    def writes_result(workspace: Workspace) -> Count:
        (workspace.out / "result.json").write_text("{}", encoding="utf-8")
        return Count(value=1)

    steps.body = writes_result
    with pytest.raises(ValueError, match=r"result\.json"):
        run(home)


def test_two_at_once_compute_a_key_only_once(home: Home, steps: FakeSteps) -> None:
    started, go_on, waited = threading.Event(), threading.Event(), threading.Event()

    def slow(_workspace: Workspace) -> Count:
        started.set()
        assert go_on.wait(30)
        return Count(value=1)

    def tells_waiting(message: str, _fraction: float | None = None) -> None:
        if "waiting" in message:
            waited.set()

    steps.body = slow
    reused: list[bool] = []
    first = threading.Thread(target=lambda: reused.append(run(home).reused))
    second = threading.Thread(target=lambda: reused.append(cache_for(home).run(COUNT, {}, tells_waiting).reused))
    first.start()
    assert started.wait(30)
    second.start()
    assert waited.wait(30)
    go_on.set()
    first.join(30)
    second.join(30)
    assert sorted(reused) == [False, True]
    assert steps.runs == 1


def test_what_a_step_and_its_libraries_remark_is_sealed_and_told_again(home: Home, steps: FakeSteps) -> None:
    def body(workspace: Workspace) -> Count:
        workspace.remark("3 rows were cut")
        logging.getLogger("transformers.models").warning("the head was left out")
        workspace.remark("3 rows were cut")
        return Count(value=1)

    steps.body = body
    first, second = run(home), run(home)
    assert second.reused
    assert first.remarks == second.remarks == ("3 rows were cut", "transformers says: the head was left out")
    stored = cache_for(home).stored(COUNT, first.key)
    assert stored is not None
    assert stored.remarks == first.remarks
