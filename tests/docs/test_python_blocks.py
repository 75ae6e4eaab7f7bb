"""The Python of the pages: it is Python, what it imports is there, and what needs no server runs."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks, page

PYTHON = list(blocks("python"))


def import_what_is_imported(tree: ast.Module) -> None:
    """Imports every module, and finds every name that is taken from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = import_module(node.module or "")
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_what_a_block_imports_is_there(block: Block) -> None:
    import_what_is_imported(ast.parse(block.code))


@pytest.mark.slow
def test_the_engines_blocks_answer(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundle").symlink_to(tiny_bundle)
    monkeypatch.chdir(tmp_path)
    for block in page("docs/how-to/embed.md").blocks:
        if block.language == "python":
            exec(compile(block.code, str(block), "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.slow
def test_the_generators_block_answers(
    tiny_generation_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundle").symlink_to(tiny_generation_bundle)
    monkeypatch.chdir(tmp_path)
    (block,) = (each for each in page("docs/how-to/text-generation.md").blocks if each.language == "python")
    exec(compile(block.code, str(block), "exec"), {})
    assert capsys.readouterr().out
