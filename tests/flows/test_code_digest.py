"""Editing anything that a step's code reaches changes its digest; editing anything else does not."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from flows.steps.code_digest import code_of

SOURCES = {
    "tasks/__init__.py": "",
    "tasks/step.py": "from tasks import helper\n\ndef step():\n    from tasks.late import value\n    return value\n",
    "tasks/helper.py": "import numpy\nfrom .deep.package import two\n\ndef one():\n    return two()\n",
    "tasks/deep/__init__.py": "",
    "tasks/deep/package/__init__.py": "from .inner import two\nfrom ..sibling import three\n",
    "tasks/deep/package/inner.py": "def two():\n    return 2\n",
    "tasks/deep/sibling.py": "import subprocess\n\ndef three():\n    subprocess.run(['python', '-m', 'tasks.child'])\n",
    "tasks/child.py": "import engine.runtime\n",
    "tasks/late.py": "value = 1\nscript = 'beside.py'\n",
    "tasks/beside.py": "import json\n",
    "tasks/unrelated.py": "import torch\n",
    "engine/__init__.py": "",
    "engine/found.py": "import pkgutil\n\ndef beside():\n    return pkgutil.iter_modules(['engine'])\n",
    "engine/folder/__init__.py": "",
    "engine/folder/model.py": "import tasks.unrelated_too\n",
    "tasks/unrelated_too.py": "",
    "engine/runtime.py": "import onnxruntime as ort\nfrom engine import found\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("file", sorted(set(SOURCES) - {"tasks/unrelated.py"}))
def test_editing_a_helper_however_deep_changes_the_digest(project: Path, file: str) -> None:
    before = code_of("tasks.step", project).digest
    (project / file).write_text(SOURCES[file] + "edited = True\n", encoding="utf-8")
    assert code_of("tasks.step", project).digest != before


def test_editing_what_is_not_reached_changes_nothing(project: Path) -> None:
    before = code_of("tasks.step", project)
    (project / "tasks/unrelated.py").write_text("import transformers\n", encoding="utf-8")
    assert code_of("tasks.step", project) == before


def test_a_new_helper_counts(project: Path) -> None:
    before = code_of("tasks.step", project).digest
    (project / "tasks/late.py").write_text("from tasks.unrelated import x as value\n", encoding="utf-8")
    assert code_of("tasks.step", project).digest != before


def test_a_module_is_read_where_its_package_was_told_to_look(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "added.py").write_text("from .beside_it import four\n", encoding="utf-8")
    (elsewhere / "beside_it.py").write_text("import tasks.unrelated\n", encoding="utf-8")
    package = ModuleType("tasks.deep")
    package.__path__ = [str(project / "tasks" / "deep"), str(elsewhere)]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    found = code_of("tasks.deep.added", project)
    assert {"tasks.deep.added", "tasks.deep.beside_it", "tasks.unrelated"} <= set(found.modules)
    (elsewhere / "beside_it.py").write_text("import tasks.unrelated  # edited\n", encoding="utf-8")
    assert code_of("tasks.deep.added", project).digest != found.digest


def test_a_module_that_is_not_there_is_an_error(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tasks\.missing"):
        code_of("tasks.missing", project)


def test_circular_imports_end(project: Path) -> None:
    (project / "tasks/late.py").write_text("import tasks.step\nvalue = 1\n", encoding="utf-8")
    assert "tasks.late" in code_of("tasks.step", project).modules
