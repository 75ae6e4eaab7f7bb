"""`miaotui recalibrate` on a real bundle: rows are asked for, labels come in, a new bundle answers."""

import json
import shutil
from pathlib import Path

import pytest

from engine import AdaptiveModel
from engine.bundle import read_manifest
from flows.command_line import main
from tests.conftest import tiny_rows
from tests.strictly import strictly

pytestmark = pytest.mark.slow


def written(file: Path, rows: list[dict]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_ask_for_labels_give_them_and_load_the_new_bundle(tiny, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    rows = [{"text": row["text"], "label": row["label"]} for row in tiny_rows(900, seed=77)]
    truth = {row["text"]: row["label"] for row in rows}
    data = written(tmp_path / "live.jsonl", [{"text": text} for text in truth])
    asked, labelled, out = tmp_path / "ask.jsonl", tmp_path / "labels.jsonl", tmp_path / "new"
    graph = tiny.compression.folder / tiny.compression.result.reference_monolith
    command = ["recalibrate", str(tiny.router.folder / "bundle"), "--data", str(data), "--reference", str(graph)]

    assert main([*command, "--ask", str(asked), "--json"]) == 0
    count = strictly(capsys.readouterr().out)["rows_to_label"]
    texts = [json.loads(line)["text"] for line in asked.read_text().splitlines()]
    assert len(texts) == count > 0
    assert main([*command, "--ask", str(asked)]) == 2  # it may have labels in it by now
    capsys.readouterr()

    written(labelled, [{"text": text, "label": truth[text]} for text in texts])
    assert main([*command, "--labels", str(labelled), "--out", str(out), "--json"]) == 0
    result = strictly(capsys.readouterr().out)
    assert result["unlabelled_rows"] == result["tune_rows"] + result["certify_rows"] - count
    assert AdaptiveModel.load(out).operating_point == result["operating_point"]
    assert main([*command, "--labels", str(labelled), "--out", str(out)]) == 2  # nothing is overwritten


def test_the_deployed_flow_makes_such_a_bundle_as_the_command_does(tiny, tmp_path: Path, monkeypatch, capsys) -> None:
    from prefect.logging.loggers import disable_run_logger

    from flows.upkeep import recalibrate

    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    stored = tmp_path / "home" / "store" / "quantize" / "key" / "out" / "reference.onnx"
    stored.parent.mkdir(parents=True)
    shutil.copy(tiny.compression.folder / tiny.compression.result.reference_monolith, stored)
    data = written(tmp_path / "fresh.jsonl", tiny_rows(900, seed=78))
    bundle, out = tiny.router.folder / "bundle", tmp_path / "new"
    with disable_run_logger():
        made = Path(recalibrate.fn(model=str(bundle), data=str(data)))
    assert main(["recalibrate", str(bundle), "--data", str(data), "--out", str(out)]) == 0
    assert made.is_relative_to(tmp_path / "home" / "recalibrated")
    assert read_manifest(made).reference_digest == read_manifest(out).reference_digest
    assert AdaptiveModel.load(made).operating_point == AdaptiveModel.load(out).operating_point
