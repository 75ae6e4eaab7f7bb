"""What users import is `miaotui`; where another's package stands in the way of a room, that is said at once."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def run(code: str, *path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {[str(place) for place in path]}; {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_public_names_are_the_engines() -> None:
    code = (
        "import miaotui, engine; assert set(miaotui.__all__) == set(engine.__all__);"
        "assert all(getattr(miaotui, name) is getattr(engine, name) for name in miaotui.__all__)"
    )
    done = run(code, PROJECT)
    assert done.returncode == 0, done.stderr


def test_importing_it_loads_no_runtime() -> None:
    code = "import miaotui; heavy = {'numpy', 'onnxruntime', 'torch', 'engine'} & set(sys.modules); assert not heavy, heavy"
    done = run(code, PROJECT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("as_file", [False, True])
def test_anothers_package_of_the_same_name_is_named(tmp_path: Path, as_file: bool) -> None:
    other = tmp_path / ("engine.py" if as_file else "engine/__init__.py")
    other.parent.mkdir(exist_ok=True)
    other.write_text("AdaptiveModel = 'not ours'")
    done = run("from miaotui import AdaptiveModel", tmp_path, PROJECT)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: miaotui needs its own package 'engine', but Python finds another")
    assert str(tmp_path / "engine") in last


def test_a_room_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "miaotui").symlink_to(PROJECT / "miaotui")
    done = run(
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]; from miaotui import AdaptiveModel",
        tmp_path,
    )
    assert "miaotui's package 'engine' is not installed" in done.stderr


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "miaotui", "--version"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "miaotui")
