"""The import table of the rooms, and an engine that runs without the pipeline's packages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("engine", "tasks", "registry", "flows")
FORBIDDEN = {
    "engine": {"torch", "transformers", "optimum", "prefect", "mlflow", "pydantic", "scipy", "sklearn"}
    | {"tasks", "registry", "flows"},
    "tasks": {"prefect", "mlflow", "registry", "flows"},
    "registry": {"prefect", "torch", "transformers", "optimum", "flows"},
    "flows": set(),
}
REGISTRY_MAY_USE_OF_TASKS = (
    "tasks.artifact",
    "tasks.errors",
    "tasks.formatting",
    "tasks.machine.host",
    "tasks.machine.loopback",
    "tasks.recipe",
    "tasks.records",
    "tasks.statistics",
    "tasks.machine.waiting",
    "tasks.whole_files",
)
TOP_LEVEL = {
    "miaotui",
    "pyproject.toml",
    "flows",
    "tasks",
    "configs",
    "registry",
    "engine",
    "tests",
    "infra",
    "README.md",
}
ALSO_TOP_LEVEL = {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "findings"}


def imports(file: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file in files
        for module in imports(file)
        if module.split(".")[0] in FORBIDDEN[room]
    }
    assert not wrong


def test_the_registry_uses_only_light_modules_of_tasks() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sorted((ROOT / "registry").rglob("*.py"))
        for module in imports(file)
        if module.split(".")[0] == "tasks" and not module.startswith(REGISTRY_MAY_USE_OF_TASKS)
    }
    assert not wrong


def test_the_light_modules_of_tasks_import_no_heavy_package() -> None:
    code = (
        "import sys; import tasks.records, tasks.records.sections, tasks.formatting, tasks.recipe, tasks.artifact, tasks.errors;"
        "import tasks.machine.loopback, tasks.machine.waiting;"
        "heavy = {'torch', 'transformers', 'mlflow', 'prefect', 'datasets', 'sklearn', 'onnxruntime'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_nothing_else_lies_at_the_top() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout: what is tracked cannot be told")
    top = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL | ALSO_TOP_LEVEL


@pytest.mark.slow
def test_the_engine_answers_with_its_own_few_packages_alone(tiny_bundle: Path) -> None:
    code = f"""
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {FORBIDDEN["engine"]!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
from engine import AdaptiveModel
answers = AdaptiveModel.load({str(tiny_bundle)!r}).predict(["move and transfer 50 dollars over to checking account", ""])
assert len(answers) == 2 and answers[0].path
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
