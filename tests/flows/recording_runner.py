"""Runs a family's steps without any of them: what each would be given, and whether its function takes that."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from registry.baseline import Baseline
from tasks.artifact import Artifact
from tasks.data.rows import Row, split_file, write_row_file
from tasks.data.sources import Source
from tasks.families.classification.records import LatencyTable
from tasks.families.family import family_of
from tasks.families.generation.records import RowLengths
from tasks.recipe import Recipe, Target
from tasks.step import Keyed, Step, StepCall

PROJECT: Final = Path(__file__).parents[2]
LANDED: Final = Source("landed", "landed/model/a.jsonl", Path("a.jsonl"), "digest", "jsonl")


class RecordingRunner:
    """Stands in for StepRunner: notes what each step is given and answers with an empty artifact."""

    def __init__(
        self, folder: Path, certify_rows: int = 1000, certified: bool = True, calibrated: str = "calibrate-router"
    ) -> None:
        self.folder = folder
        self.calibrated = calibrated
        self.certify = [Row(f"text {number}", "label") for number in range(certify_rows)]
        self.given: dict[str, Mapping[str, object]] = {}
        self.steps: dict[str, Step[Any]] = {}
        self.results = {
            "snapshot": SimpleNamespace(rows={"certify": certify_rows}),
            "extend-snapshot": SimpleNamespace(rows={"certify": certify_rows}),
            "check-rows": RowLengths(
                context=256, completions={"tune": {8: 100}, "gate": {8: 100}}, beyond_context={}, train={}
            ),
            "latency-table": LatencyTable(milliseconds={96: 1.0, 48: 0.52}),
            "choose-seed": SimpleNamespace(seed=7, reason="it is the best"),
            "calibrate-router": SimpleNamespace(
                certificates=[SimpleNamespace(epsilon=0.01, certified=certified)], attempt=1
            ),
        }

    def note(self, _message: str) -> None:
        pass

    def remark(self, _message: str) -> None:
        pass

    def key(self, _step: Step[Any], inputs: Mapping[str, object]) -> str:
        return repr({name: value.key if isinstance(value, Keyed) else None for name, value in inputs.items()})

    def run(
        self, step: Step[Any], inputs: Mapping[str, object], *, label: str | None = None, files: object = ()
    ) -> Any:
        del files
        self.given[label or step.name] = inputs
        self.steps[label or step.name] = step
        folder = self.folder / step.name
        folder.mkdir(exist_ok=True)
        write_row_file(split_file(folder, "certify"), self.certify)
        digest = self.calibrated if step.name == "calibrate-router" else label or step.name
        return Artifact(step.name, folder, digest, self.results.get(step.name))  # type: ignore[type-var]

    def run_all(self, calls: Sequence[StepCall[Any]]) -> list[Any]:
        return [self.run(call.step, call.inputs, label=call.name, files=call.files) for call in calls]


def prepared(given: Recipe, judged: tuple[object, ...] = (), *, folder: Path = Path()) -> Any:
    return SimpleNamespace(
        judged=judged,
        recipe=given,
        targets=(Target(name="one"), Target(name="two")),
        sources=(),
        base=SimpleNamespace(),
        special_tokens=(),
        extras=family_of(given).extras(given, folder),
        loaded=SimpleNamespace(file=Path("recipe.yaml")),
    )


def champion(folder: Path, *, bundle_digest: str = "theirs", number: int = 3) -> Baseline:
    """A champion whose bundle lies in `folder`."""
    version: Any = SimpleNamespace(name="model", version=number, bundle_digest=bundle_digest)
    return Baseline(version, folder)


def parameters_of(step: Step[Any]) -> set[str]:
    """The names that the step's function takes, read from its source: importing some of them takes seconds."""
    source = PROJECT.joinpath(*step.module.split(".")).with_suffix(".py")
    name = step.function.partition(":")[2]
    functions = [
        node for node in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    arguments = next(function.args for function in functions if function.name == name)
    return {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)} - {"workspace"}
