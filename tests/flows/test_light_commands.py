"""Commands that are called often import what they use and nothing else: neither servers' clients nor training."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
HEAVY = {
    "torch", "transformers", "optimum", "datasets", "evaluate", "sklearn", "scipy", "pandas", "pyarrow", "prefect", "mlflow",
    "sqlalchemy", "fastapi", "onnx", "onnxruntime", "numba", "numpy", "pydantic", "rich", "requests", "httpx",
}  # fmt: skip
READING = {"numpy", "pydantic"}
"""What checked rows and records need."""


def imported_by(arguments: list[str], folder: Path) -> set[str]:
    """The heavy modules that a command has imported when it ends, however it ends."""
    code = (
        "import sys\nfrom flows.command_line.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print('', *({HEAVY!r} & set(sys.modules)), sep='\\n###')"
    )
    environment = os.environ | {"MIAOTUI_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line[3:] for line in done.stdout.splitlines() if line.startswith("###")}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = ["text,label", *(f"row {n} of many,label {n % 3}" for n in range(900))]
    (tmp_path / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], set()),
        (["run", "--help"], set()),
        (["--version"], set()),
        (["init", "rows.csv"], READING | {"scipy"}),
        (["status"], {"pydantic", "rich", "numpy", "requests", "sqlalchemy"}),
        (["history", "name"], {"pydantic", "rich", "numpy", "requests", "sqlalchemy"}),
        (["predict", "no-such-folder", "text"], {"pydantic", "numpy", "rich", "requests"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_light_command_imports_only_what_it_uses(data: Path, arguments: list[str], allowed: set[str]) -> None:
    assert imported_by(arguments, data) <= allowed


@pytest.mark.slow
def test_asking_a_bundle_needs_its_runtime_alone(tiny_bundle: Path, tmp_path: Path) -> None:
    found = imported_by(["predict", str(tiny_bundle), "move money", "--json"], tmp_path)
    assert found <= {"numpy", "numba", "scipy", "onnxruntime", "pydantic", "rich", "requests"}  # Numba imports SciPy
    assert "onnxruntime" in found
