"""What is written is there whole or not at all, and what was there before stays until then."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks import whole_files
from tasks.whole_files import publish, whole_file, write_whole


def test_a_file_takes_the_place_of_another_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    write_whole(file, "first")
    write_whole(file, b"second \xc3\xbc")
    assert file.read_text(encoding="utf-8") == "second ü"
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / ("n" * 250)
    write_whole(file, "x")
    assert file.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    file = tmp_path / "record.json"
    write_whole(file, "before")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_files.os if failing == "fsync" else Path, failing, fails)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, "after")
    monkeypatch.undo()
    assert file.read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_body_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_whole(file, "before")

    def rows() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"), whole_file(file) as stream:
        stream.writelines(rows())
    assert file.read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_who_may_read_it(tmp_path: Path, private: bool, mode: int) -> None:
    code = (
        "import os, sys; os.umask(0o022); from pathlib import Path; from tasks.whole_files import write_whole;"
        "write_whole(Path(sys.argv[1]), 'x', private=sys.argv[2] == 'True')"
    )
    file = tmp_path / "file"
    subprocess.run([sys.executable, "-c", code, str(file), str(private)], check=True, cwd=Path(__file__).parents[2])
    assert file.stat().st_mode & 0o777 == mode


def test_everything_in_a_folder_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, place = tmp_path / "unfinished", tmp_path / "done"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_text("a")
    (folder / "gone").symlink_to("nowhere")
    flushed: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()).removeprefix(f"{tmp_path.resolve()}"))
        fsync(descriptor)

    monkeypatch.setattr(whole_files.os, "fsync", noting)
    publish(folder, place)
    assert set(flushed[:-1]) == {"/unfinished/deep", "/unfinished/deep/a", "/unfinished"}
    assert flushed[-1] == ""  # the folder that holds the name
    assert (place / "deep" / "a").read_text() == "a"
    assert not folder.exists()


def test_a_folder_does_not_take_the_place_of_one_that_holds_something(tmp_path: Path) -> None:
    for name in ("unfinished", "done"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with pytest.raises(OSError, match="not empty"):
        publish(tmp_path / "unfinished", tmp_path / "done")
    assert (tmp_path / "done" / "file").read_text() == "done"
    assert (tmp_path / "unfinished" / "file").exists()
