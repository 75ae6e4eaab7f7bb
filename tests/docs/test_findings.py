"""Each finding has the form that findings/README.md asks for, and its row there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page
from tests.structure.source_tree import ROOMS

SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
REQUIREMENT = re.compile(r"pip\" install -q (.+)$", re.M)


def test_the_table_has_a_row_for_each_script() -> None:
    rows = re.findall(r"^\| \[([^\]]+)\]\(\1\) \| .{40,} \|$", page("findings/README.md").text, re.M)
    assert rows
    assert sorted(rows) == [script.name for script in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_stands_alone_on_pinned_packages_in_a_temporary_folder(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    first, *rest = text.splitlines()
    assert first == "#!/usr/bin/env bash"
    assert rest[0].startswith("# ")
    assert {"set -euo pipefail", "folder=$(mktemp -d)"} <= set(rest)
    assert "trap" in text
    (named,) = REQUIREMENT.findall(text)
    assert all(re.fullmatch(r"[\w\[\],-]+==[\w.]+", requirement) for requirement in re.findall(r"[^\s'\"]+", named))
    assert not re.search(rf"^\s*(?:from|import) (?:{'|'.join(ROOMS)})\b", text, re.M)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_prints_versions_and_says_by_its_exit_code_whether_it_still_is_so(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert "__version__" in text or "version(" in text
    assert re.search(r"sys\.exit\(0 if .+ else 1\)", text)
