"""The script that a shell completes by knows the commands, their options, recipes and targets."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from flows.command_line import main

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
TYPED = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_shtab_miaotui
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Where recipes and a target lie, with the script."""
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "bash"])
    assert ended.value.code == 0
    (tmp_path / "completion.bash").write_text(capsys.readouterr().out, encoding="utf-8")
    (tmp_path / "targets").mkdir()
    for name in ("recipe.yaml", "rows.csv", "targets/edge-box.yaml", "targets/notes.txt"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        (["re"], {"review", "recalibrate"}, {"run"}),
        (["run", "--m"], {"--measure-again"}, {"--json"}),
        (["run", "re"], {"recipe.yaml"}, {"rows.csv"}),
        (["run", "ro"], set(), {"rows.csv"}),
        (["init", "ro"], {"rows.csv"}, set()),
        (["bench", "bundle", "--target", ""], {"local-cpu", "edge-box"}, {"notes", "recipe.yaml"}),
        (["init", "rows.csv", "--target", "e"], {"edge-box"}, {"local-cpu"}),
    ],
)
def test_what_is_begun_is_completed(folder: Path, typed: list[str], offered: set[str], not_offered: set[str]) -> None:
    command = ["bash", "--norc", "-c", TYPED, "bash", "completion.bash", "miaotui", *typed]
    done = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)
    found = set(done.stdout.split())
    assert offered <= found, done.stderr
    assert not not_offered & found


def test_a_shell_that_is_not_known_is_a_usage_error_that_names_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "cmd"])
    assert ended.value.code == 2
    assert "must be bash or zsh or tcsh" in capsys.readouterr().err
