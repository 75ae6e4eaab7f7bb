"""One idea a file: what grows beyond this is two."""

from tests.structure.source_tree import ROOMS, ROOT

LINES = 350


def test_no_file_is_longer_than_can_be_read_at_a_sitting() -> None:
    files = [file for room in (*ROOMS, "tests", "infra", "findings") for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 300
    counts = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert not {name: count for name, count in counts.items() if count > LINES}
