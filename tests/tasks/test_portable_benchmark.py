"""A job and its evidence arrive as they were sent, or are refused by the name of the file that is not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.digests import folder_digest
from tasks.benchmark.job import ContenderFiles
from tasks.benchmark.order import Order
from tasks.benchmark.portable import (
    EVIDENCE_FILE,
    JOB_FILE,
    open_evidence,
    pack_evidence,
    pack_order,
    read_job,
    unpack_order,
)
from tasks.errors import UserError
from tasks.recipe import Fingerprint, Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult, Host, Ratio

MACHINE = Fingerprint(cpu="Xeon", instruction_set=("avx2",), cores=4)
TARGET = Target(name="edge", work_pool="edge-boxes", fingerprint=MACHINE, operating_point=0.02, timeout_minutes=5)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    for name in ("bundle", "champion"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text(name, encoding="utf-8")
        (tmp_path / name / "deep" / "weights.bin").write_bytes(bytes(range(256)))
    for name in ("int8", "fp32"):
        (tmp_path / f"{name}.onnx").write_text(name, encoding="utf-8")
    bundle = tmp_path / "bundle"
    return Order(
        bundle=bundle,
        bundle_digest=folder_digest(bundle),
        texts=("hello", "zażółć 秒推\n", ""),
        contenders=tuple(
            ContenderFiles(name=f"static-{name}", bundle=bundle, graph=tmp_path / f"{name}.onnx")
            for name in ("int8", "fp32")
        ),
        baseline="static-int8",
        champion=tmp_path / "champion",
        config=BenchmarkConfig(queries=700),
        server_qps=200.0,
        target=TARGET,
    )


def test_an_order_arrives_whole_and_is_local_to_the_worker(order: Order, tmp_path: Path) -> None:
    digest = pack_order(order, tmp_path / "sent", code="c" * 64)
    there = shutil.copytree(tmp_path / "sent", tmp_path / "there")
    job = read_job(there / JOB_FILE, digest)
    arrived = unpack_order(there, job)
    assert job.code == "c" * 64
    assert arrived.texts == order.texts
    assert (arrived.bundle_digest, folder_digest(arrived.bundle)) == (order.bundle_digest, order.bundle_digest)
    assert [contender.name for contender in arrived.contenders] == ["static-int8", "static-fp32"]
    assert [each.graph.read_text(encoding="utf-8") for each in arrived.contenders if each.graph] == ["int8", "fp32"]
    assert arrived.champion == there / "champion"
    assert (arrived.baseline, arrived.config, arrived.server_qps) == (order.baseline, order.config, order.server_qps)
    assert arrived.target == order.target.on_its_machine
    assert not arrived.target.remote
    assert (arrived.target.fingerprint, arrived.target.operating_point) == (MACHINE, 0.02)


def test_a_decoders_folder_arrives_whole(order: Order, tmp_path: Path) -> None:
    decoder = ContenderFiles(name="static-int4", bundle=order.bundle, graph=order.champion)
    digest = pack_order(replace(order, contenders=(decoder,)), tmp_path / "sent", code="c")
    arrived = unpack_order(tmp_path / "sent", read_job(tmp_path / "sent" / JOB_FILE, digest))
    (contender,) = arrived.contenders
    assert contender.name == "static-int4"
    assert contender.graph is not None
    assert order.champion is not None
    assert folder_digest(contender.graph) == folder_digest(order.champion)


def test_the_digest_tells_jobs_apart_by_content_and_not_by_place_pool_or_patience(order: Order, tmp_path: Path) -> None:
    def digest(**changes: object) -> str:
        return pack_order(Order(**(vars(order) | changes)), tmp_path / "sent", code="c")  # type: ignore[arg-type]

    first = digest()
    moved = shutil.copytree(order.bundle, tmp_path / "elsewhere")
    patient = TARGET.model_copy(update={"work_pool": "others", "timeout_minutes": 500.0})
    assert digest(bundle=moved) == digest(target=patient) == first
    other_machine = TARGET.model_copy(update={"fingerprint": MACHINE.model_copy(update={"cores": 8})})
    others = [
        digest(texts=("hello",)),
        digest(champion=None),
        digest(server_qps=None),
        digest(config=BenchmarkConfig(queries=701)),
        digest(target=other_machine),
        digest(target=TARGET.model_copy(update={"operating_point": 0.01})),
    ]
    assert len({first, *others}) == 1 + len(others)


@pytest.mark.parametrize(
    "name", ["bundle/deep/weights.bin", "champion/manifest.json", "graphs/static-int8.onnx", "texts.json", JOB_FILE]
)
def test_one_flipped_bit_is_refused_by_the_files_name(order: Order, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "sent"
    digest = pack_order(order, folder, code="c")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: altered"):
        unpack_order(folder, read_job(folder / JOB_FILE, digest))


def test_a_file_that_is_missing_or_was_slipped_in_is_named(order: Order, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    job = read_job(folder / JOB_FILE, pack_order(order, folder, code="c"))
    (folder / "bundle" / "extra.py").write_text("evil", encoding="utf-8")
    with pytest.raises(UserError, match=r"bundle/extra\.py: not listed; this is not what was sent"):
        unpack_order(folder, job)
    (folder / "bundle" / "extra.py").unlink()
    (folder / "texts.json").unlink()
    with pytest.raises(UserError, match=r"texts\.json: missing"):
        unpack_order(folder, job)


def test_a_bundle_that_is_not_the_one_the_job_is_about_is_refused(order: Order, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    stranger = Order(**(vars(order) | {"bundle_digest": "0" * 64}))
    digest = pack_order(stranger, folder, code="c")
    with pytest.raises(UserError, match=r"bundle: is not the bundle 000000000000 that the job is about"):
        unpack_order(folder, read_job(folder / JOB_FILE, digest))


def test_a_job_of_another_versions_form_names_the_field(order: Order, tmp_path: Path) -> None:
    import hashlib

    folder = tmp_path / "sent"
    pack_order(order, folder, code="c")
    document = json.loads((folder / JOB_FILE).read_text(encoding="utf-8")) | {"novelty": 1}
    content = json.dumps(document).encode()
    (folder / JOB_FILE).write_bytes(content)
    with pytest.raises(UserError, match=r"another version of miaotui \(at novelty\)"):
        read_job(folder / JOB_FILE, hashlib.sha256(content).hexdigest())


def evidence_of(folder: Path) -> tuple[str, BenchmarkResult]:
    one = Ratio(value=1.0, low=0.9, high=1.1)
    result = BenchmarkResult(
        target="edge",
        host=Host(cpu="Xeon", instruction_set=("avx2",), cores=4, memory_gb=8.0, accelerator=None, runtimes={}),
        bundle_digest="b" * 64,
        execution_providers=("CPUExecutionProvider",),
        cold_start_s=0.5,
        first_answer_ms=3.0,
        peak_memory_mb=100.0,
        size_mb=20.0,
        scenarios=(),
        sustained_qps=None,
        contenders=(),
        stop_shares={"full": 1.0},
        latencies_ms=(1.0, 2.0),
        noise=one,
        operating_point="2%",
    )
    (folder / "loadgen").mkdir(parents=True)
    (folder / "loadgen" / "summary.txt").write_text("SingleStream", encoding="utf-8")
    return pack_evidence(folder, "j" * 64, result), result


def test_evidence_is_opened_as_it_was_sealed(tmp_path: Path) -> None:
    digest, result = evidence_of(tmp_path / "out")
    assert open_evidence(tmp_path / "out", digest, "j" * 64) == result


def test_evidence_that_was_altered_or_is_about_another_job_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    digest, _ = evidence_of(folder)
    with pytest.raises(UserError, match=r"evidence\.json: is about the job jjjjjjjjjjjj, not kkkkkkkkkkkk"):
        open_evidence(folder, digest, "k" * 64)
    (folder / "loadgen" / "summary.txt").write_text("singleStream", encoding="utf-8")
    with pytest.raises(UserError, match=r"loadgen/summary\.txt: altered; this is not what was measured"):
        open_evidence(folder, digest, "j" * 64)
    text = (folder / EVIDENCE_FILE).read_text(encoding="utf-8").replace('"cold_start_s": 0.5', '"cold_start_s": 0.1')
    (folder / EVIDENCE_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"evidence\.json: altered"):
        open_evidence(folder, digest, "j" * 64)
