"""Which packages a step's result depends on is found out from what is installed, and kept in no table."""

import ast
import importlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from flows.steps import package_versions as versions
from flows.steps.code_digest import ROOMS, code_of
from flows.steps.package_versions import MISSING, package_versions

PROJECT = Path(__file__).parents[2]


def forget() -> None:
    """What a process has read of the installed packages."""
    for function in (versions._distributions, versions._closure, versions._required, versions._version):
        function.cache_clear()


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    """What is installed changes in these tests alone."""
    forget()
    yield
    forget()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where packages are installed by their metadata alone."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(place: Path, name: str, version: str, *, module: str, requires: tuple[str, ...] = ()) -> None:
    info = place / f"{name.replace('-', '_')}.dist-info"
    info.mkdir(exist_ok=True)
    # The backport of importlib.metadata, which some packages bring along, takes files into account only where they are there.
    (place / module).mkdir(exist_ok=True)
    (place / module / "__init__.py").touch()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "RECORD").write_text(f"{module}/__init__.py,,\n", encoding="utf-8")
    importlib.invalidate_caches()
    forget()


def outside_imports() -> set[str]:
    """Top-level modules of others that any file of the computing rooms imports."""
    found: set[str] = set()
    for file in (file for room in ROOMS for file in (PROJECT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - set(ROOMS)


def test_an_upgrade_of_what_is_imported_or_required_shows(installed: Path) -> None:
    install(installed, "needed-below", "1.0", module="below")
    install(installed, "Made-Up", "1.0", module="made_up", requires=("needed-below>=1", "made-up-extra; extra == 'x'"))
    assert package_versions({"made_up"}) == package_versions(()) | {"made-up": "1.0", "needed-below": "1.0"}
    install(installed, "needed-below", "1.1", module="below")
    assert package_versions({"made_up"})["needed-below"] == "1.1"
    assert "needed-below" not in package_versions({"numpy"})


def test_a_module_that_is_not_installed_is_missing_until_it_comes(installed: Path) -> None:
    assert package_versions({"made_up"})["made_up"] == MISSING
    install(installed, "made-up", "2.0", module="made_up")
    assert package_versions({"made_up"}) == package_versions(()) | {"made-up": "2.0"}


def test_requirements_in_a_circle_end(installed: Path) -> None:
    install(installed, "one", "1", module="one_module", requires=("two",))
    install(installed, "two", "2", module="two_module", requires=("one",))
    assert {"one", "two"} <= package_versions({"one_module"}).keys()


def test_every_package_that_the_steps_import_counts() -> None:
    known = metadata.packages_distributions()
    imported = outside_imports()
    assert {"torch", "transformers", "peft", "onnxruntime_genai", "huggingface_hub"} <= imported
    found = package_versions(imported)
    for module in imported:
        names = {versions.canonicalize_name(name) for name in known.get(module, ())} or {module}
        assert names <= found.keys()
    assert not {"miaotui", "prefect", "mlflow", "pytest", "ruff"} & found.keys()


@pytest.mark.parametrize(
    ("module", "reached", "others"),
    [
        (
            "tasks.families.generation.fine_tune",
            {"torch", "transformers", "tokenizers", "peft"},
            {"onnxruntime-genai-cuda"},
        ),
        ("tasks.families.generation.export", {"torch", "onnx", "onnxruntime-genai-cuda"}, {"datasets"}),
        ("tasks.benchmark.step", {"onnxruntime-gpu", "mlcommons-loadgen", "numpy"}, {"torch", "datasets"}),
    ],
)
def test_a_step_depends_on_what_it_reaches_and_on_no_more(module: str, reached: set[str], others: set[str]) -> None:
    packages = code_of(module).packages
    assert reached <= packages.keys()
    assert not others & packages.keys()
