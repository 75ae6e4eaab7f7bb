"""The commands of the pages that need neither a server nor a model run as they stand there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from flows.command_line import main
from tasks.families.load_recipe import load_recipe
from tasks.recipe.target import Target
from tests.docs.pages import ROOT, page
from tests.docs.shell import Command, commands
from tests.tiny_bases import write_decoder

WORDS = ("card", "transfer", "balance", "payment", "limit", "loan", "fee", "account")


def shown(name: str, command: str) -> Iterator[Command]:
    """The calls of one command of miaotui in a page."""
    for block in page(name).blocks:
        if block.language == "bash":
            yield from (each for each in commands(block) if each.program == "miaotui" and each.arguments[0] == command)


def rows(number: int) -> list[tuple[str, str]]:
    """Texts and labels."""
    return [
        (f"please look at my {WORDS[n % 8]} and {WORDS[n // 8 % 8]}, number {n}", WORDS[n % 4]) for n in range(number)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the pages name, and the current folder."""
    given = rows(800)
    (tmp_path / "support.csv").write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in given))
    (tmp_path / "tickets.csv").write_text("body;team\n" + "".join(f'"{text}";{label}\n' for text, label in given))
    completed = [{"prompt": text, "completion": json.dumps({"call": label})} for text, label in given]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in completed))
    labelled = [{"text": text, "label": label, "domain": "banking"} for text, label in given]
    (tmp_path / "new-rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in labelled))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_init_writes_recipes_that_load(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_decoder(folder / "my-decoder")
    calls = list(shown("docs/how-to/own-data.md", "init"))
    assert len(calls) == 3
    for call in calls:
        assert main(list(call.arguments)) == 0, str(call)
        written = folder / "recipe.yaml"
        if "--out" not in call.options:
            written.write_text(capsys.readouterr().out)
        load_recipe(written)
        written.unlink()


def test_fingerprint_prints_what_a_target_declares(capsys: pytest.CaptureFixture[str]) -> None:
    (call,) = shown("docs/how-to/targets.md", "fingerprint")
    assert main(list(call.arguments)) == 0
    Target.model_validate({"name": "edge-box", "work_pool": "edge-boxes", **yaml.safe_load(capsys.readouterr().out)})


@pytest.mark.slow
def test_rows_land_as_the_page_says(folder: Path) -> None:
    calls = list(shown("docs/how-to/new-data.md", "land"))
    assert len(calls) == 2
    home = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MLFLOW_", "MIAOTUI_"))
    }
    for call in calls:
        asked = [sys.executable, "-m", "miaotui", *call.arguments]
        environment = home | {"MIAOTUI_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        subprocess.run(asked, env=environment, cwd=folder, check=True, timeout=300)
