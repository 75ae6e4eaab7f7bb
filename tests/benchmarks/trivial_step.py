"""A step that does next to nothing, for `orchestration.py`; in a module of its own, by whose name the step cache finds it."""

from tasks.artifact import Record, Workspace


class Written(Record):
    """What the step returns."""

    number: int


def write_number(*, number: int, workspace: Workspace) -> Written:
    """As little as a step can do: one small file."""
    (workspace.out / "number.txt").write_text(str(number), encoding="utf-8")
    return Written(number=number)
