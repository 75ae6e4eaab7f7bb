"""`miaotui recalibrate` on files as people have them: a bundle, or one line that names what is wrong; never an internal error."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.command_line import main
from tests.conftest import tiny_rows
from tests.tiny_generation_bundle import CalibratedGenerator
from tests.without_clock import without_clock

pytestmark = pytest.mark.slow
Rows = Sequence[dict[str, object]]

LABELLED = [{"text": row["text"], "label": row["label"]} for row in tiny_rows(600, seed=77)]
CHINESE = [
    {"text": f"请把第{number}张卡的钱转到我的储蓄账户{number * 7919}", "label": "card_lost"} for number in range(600)
]
CLASSES: dict[str, tuple[Rows, str]] = {
    "no label column": ([{"text": row["text"]} for row in LABELLED], ""),
    "labels that are null": ([row | {"label": None} for row in LABELLED], ""),
    "unknown labels": ([row | {"label": "martian"} for row in LABELLED], "unknown to the bundle, 'martian' first"),
    "three rows": (LABELLED[:3], "certify rows or more"),
    "no rows": ([], "is empty"),
    "one row": (LABELLED[:1], "certify rows or more"),
    "one row, many times": (LABELLED[:1] * 600, "certify rows or more"),
    "every row twice": ([*LABELLED, *LABELLED], ""),
    "every text with two labels": (
        [row | {"label": label} for row in LABELLED for label in ("card_lost", "oos")],
        "certify rows or more",
    ),
    "another language": (CHINESE, ""),
    "one label only": ([row for row in LABELLED if row["label"] == LABELLED[0]["label"]], ""),
    "nothing in scope": ([row | {"label": "oos"} for row in LABELLED], "no tune row is in scope"),
    "texts of one character": (
        [{"text": chr(0x4E00 + number), "label": "oos"} for number in range(600)],
        "no tune row is in scope",
    ),
    "texts of one character, without labels": ([{"text": chr(0x4E00 + number)} for number in range(600)], ""),
    "long texts": ([row | {"text": f"{row['text']} " * 60} for row in LABELLED], ""),
    "an empty text": ([*LABELLED, {"text": " ", "label": "oos"}], "text"),
    "a label that is a list": ([*LABELLED, {"text": "what", "label": ["a"]}], "label"),
}
PROMPTS = [{"prompt": f"order {number} red shoes for Ada {number * 7919}"} for number in range(300)]
GENERATION: dict[str, tuple[Rows, str]] = {
    "no completions": (PROMPTS, ""),
    "blank completions": ([row | {"completion": " "} for row in PROMPTS], ""),
    "nobody's completions": ([row | {"completion": "never said"} for row in PROMPTS], ""),
    "three rows": (PROMPTS[:3], "certify rows or more"),
    "another language": ([{"prompt": f"请转账{number}"} for number in range(300)], ""),
    "prompts that no bundle can be asked": ([{"prompt": f"{number} order " * 400} for number in range(300)], ""),
    "one prompt, many times": (PROMPTS[:1] * 300, "certify rows or more"),
    "an empty prompt": ([*PROMPTS, {"prompt": ""}], "prompt"),
}


def recalibrated(bundle: Path, reference: Path, rows: Rows, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What it said on stderr; it ended with a bundle, or as a user's error in one line."""
    data, out = folder / "rows.jsonl", folder / "new"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    command = ["recalibrate", str(bundle), "--data", str(data), "--reference", str(reference), "--out", str(out)]
    code = main([*command, "--json"])
    captured = capsys.readouterr()
    assert "internal error" not in captured.err
    assert code in (0, 2)
    assert out.exists() == (code == 0)
    if code == 0:
        assert json.loads(captured.out)["bundle"] == str(out)
    else:
        assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize("case", CLASSES)
def test_of_classes(case: str, tiny, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    rows, said = CLASSES[case]
    graph = tiny.compression.folder / tiny.compression.result.reference_monolith
    assert said in recalibrated(tiny.router.folder / "bundle", graph, rows, tmp_path, capsys)


@pytest.mark.parametrize("case", GENERATION)
def test_of_completions(
    case: str, tiny_generator: CalibratedGenerator, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_clock(monkeypatch)
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    rows, said = GENERATION[case]
    assert said in recalibrated(tiny_generator.bundle, tiny_generator.reference, rows, tmp_path, capsys)
