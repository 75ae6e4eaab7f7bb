"""`miaotui recalibrate` on a bundle of decoders: where its reference path is found, attempts counted, labels asked for."""

import json
from pathlib import Path

import pytest

from engine import AdaptiveModel
from flows.command_line import main
from flows.home import Home
from flows.recalibration import Request, recalibrate_bundle
from tasks.certification import certify as certifying
from tasks.errors import UserError
from tasks.recalibrate import NotCertifiedError
from tests.strictly import strictly
from tests.tiny_generation_bundle import CalibratedGenerator, bundle_of_one_path
from tests.tiny_generation_run import HERE
from tests.without_clock import without_clock

pytestmark = pytest.mark.slow


@pytest.fixture
def made(tiny_generator: CalibratedGenerator, monkeypatch: pytest.MonkeyPatch) -> CalibratedGenerator:
    without_clock(monkeypatch)
    return tiny_generator


def test_the_reference_path_is_found_in_the_bundle_or_in_the_home_and_another_one_is_refused(
    made: CalibratedGenerator, tmp_path: Path
) -> None:
    home, rows = Home(tmp_path / "home"), [*made.tune, *made.certify]
    alone = bundle_of_one_path(made.small, tmp_path / "small-alone", made.reference)
    with pytest.raises(UserError, match="--reference"):
        recalibrate_bundle(home, Request(bundle=alone, target=HERE), rows)
    with pytest.raises(UserError, match="not the reference path"):
        recalibrate_bundle(home, Request(bundle=alone, target=HERE, reference=made.small), rows)
    with pytest.raises(UserError, match="no such file"):
        recalibrate_bundle(home, Request(bundle=alone, target=HERE, reference=tmp_path / "nowhere"), rows)
    found = recalibrate_bundle(home, Request(bundle=made.bundle, target=HERE), rows)
    assert Path(found.bundle).is_relative_to(home.folder / "recalibrated")
    with pytest.raises(UserError, match="exists already"):
        recalibrate_bundle(home, Request(bundle=made.bundle, target=HERE), rows)
    stored = home.store / "quantize" / "key" / "out"
    stored.mkdir(parents=True)
    (stored / "reference").symlink_to(made.reference)
    assert recalibrate_bundle(home, Request(bundle=alone, target=HERE), rows).paths[-1] == "reference"


def test_a_failed_attempt_leaves_nothing_and_the_next_one_on_these_rows_spends_less(
    made: CalibratedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, rows = Home(tmp_path / "home"), [*made.tune, *made.certify]

    def request(seed: int) -> Request:
        return Request(bundle=made.bundle, target=HERE, out=tmp_path / "out" / "new", seed=seed)

    certify_chain = certifying.certify_chain

    def fails(*arguments, **options):
        certificate, thresholds = certify_chain(*arguments, **options)
        return certificate.model_copy(update={"certified": False}), thresholds

    with monkeypatch.context() as patch:
        patch.setattr(certifying, "certify_chain", fails)
        with pytest.raises(NotCertifiedError, match=r"4\.0% tried"):
            recalibrate_bundle(home, request(seed=0), rows)
    assert not list((tmp_path / "out").iterdir())
    second = recalibrate_bundle(home, request(seed=1), rows)
    assert second.attempt == 2
    assert all(entry.delta_spent < 0.05 / 4 for entry in second.after)


def test_ask_for_completions_give_them_and_load_the_new_bundle(
    made: CalibratedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    truth = {row.text: row.label for row in (*made.tune, *made.certify)}
    data, asked, labelled, out = (tmp_path / f"{name}.jsonl" for name in ("live", "ask", "labels", "new"))
    data.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in truth), encoding="utf-8")
    command = ["recalibrate", str(made.bundle), "--data", str(data)]
    assert main([*command, "--ask", str(asked), "--json"]) == 0
    count = strictly(capsys.readouterr().out)["rows_to_label"]
    rows = [json.loads(line) for line in asked.read_text("utf-8").splitlines()]
    assert len(rows) == count > 0
    assert all(row["completion"] is None for row in rows)
    completed = [row | {"completion": truth[row["prompt"]]} for row in rows]
    labelled.write_text("".join(json.dumps(row) + "\n" for row in completed), encoding="utf-8")
    assert main([*command, "--labels", str(labelled), "--out", str(out), "--json"]) == 0
    result = strictly(capsys.readouterr().out)
    assert result["unlabelled_rows"] == len(truth) - count
    # The small one may be in it or not: on so few rows it pays by a hair. What is said has to be what was made and proven.
    (certificate,) = [entry for entry in result["after"] if entry["epsilon"] == 0.04]
    assert certificate["certified"]
    assert 0 < certificate["unlabelled_rows"] < certificate["test"]["n"] == result["certify_rows"]
    assert result["paths_before"] == ["small", "reference"]
    assert [*certificate["stop_shares"]] == result["paths"] == result["paths_before"][-len(result["paths"]) :]
    loaded = AdaptiveModel.load(out)
    assert loaded.paths == tuple(result["paths"])
    assert loaded.operating_point == result["operating_point"] == "4%"


def test_the_deployed_flow_makes_a_bundle_too(
    made: CalibratedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.logging.loggers import disable_run_logger

    from flows.upkeep import recalibrate

    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    data = tmp_path / "fresh.jsonl"
    rows = [{"ask": row.text, "call": row.label} for row in (*made.tune, *made.certify)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with disable_run_logger():
        folder = Path(recalibrate.fn(model=str(made.bundle), data=str(data), text_column="ask", label_column="call"))
    assert folder.is_relative_to(tmp_path / "home" / "recalibrated")
    assert AdaptiveModel.load(folder).operating_point == "4%"
