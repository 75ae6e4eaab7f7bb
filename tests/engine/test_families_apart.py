"""Task families are told apart where a recipe or a manifest is dispatched on, and nowhere else."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("engine", "tasks", "registry", "flows")
NAMES = {"text-classification", "text-generation"}
DISPATCHERS = {"engine/bundle.py"}
"""Where a task is looked at to say that it is unknown."""


def compared(file: Path) -> list[int]:
    """Lines in which something is compared with a task, or by one."""
    lines = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare):
            parts = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
            words = {part.id for part in parts if isinstance(part, ast.Name)}
            words |= {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
            by_task = any(isinstance(part, ast.Attribute) and part.attr == "task" for part in parts)
            if by_task or words & NAMES:
                lines.append(node.lineno)
    return lines


def test_no_step_asks_which_task_it_has() -> None:
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    found = {str(file.relative_to(ROOT)): lines for file in files if (lines := compared(file))}
    assert set(found) == DISPATCHERS, found
