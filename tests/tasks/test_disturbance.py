"""What others take of the CPUs is told apart from what the measurement takes itself, and a busy machine is tried again."""

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.benchmark import bench_bundle
from tasks.benchmark.process import usable_cpus
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import Disturbance
from tasks.timing.cpu_use import CpuMeter, CpuUse, idle_seconds
from tasks.timing.disturbance import DISTURBED_SHARE, disturbance, least_disturbed


def use(part: str, wall_s: float, *, idle_s: float, own_s: float, cpus: int = 2) -> CpuUse:
    return CpuUse(part=part, wall_s=wall_s, cpus=cpus, idle_s=idle_s, own_s=own_s)


def test_our_own_use_of_all_cores_disturbs_nobody() -> None:
    found = disturbance([use("Offline", 10, idle_s=0.2, own_s=19.5), use("SingleStream", 10, idle_s=9.8, own_s=9.9)])
    assert found is not None
    assert found.share == pytest.approx(0.015)
    assert not found.disturbed


def test_one_other_busy_process_disturbs_whether_we_use_one_core_or_two() -> None:
    for own in (10.0, 12.0):
        found = disturbance([use("Server", 10, idle_s=0.0, own_s=own)])
        assert found is not None
        assert found.disturbed
        assert found.share == pytest.approx((20 - own) / 20)


def test_the_part_that_was_disturbed_most_counts_and_is_named() -> None:
    calm, busy = use("SingleStream", 60, idle_s=59, own_s=60), use("Server", 5, idle_s=1, own_s=5)
    found = disturbance([calm, busy])
    assert found is not None
    assert (found.share, found.during, found.disturbed) == (pytest.approx(0.4), "Server", True)
    assert found.sentence == "others took 40% of the CPUs' time during Server"


def test_parts_of_one_name_count_as_one_and_short_ones_say_nothing_alone() -> None:
    probes = [use("Server", 0.4, idle_s=0.0, own_s=0.4), use("Server", 3.0, idle_s=2.9, own_s=3.0)]
    short = use("Offline", 0.1, idle_s=0.0, own_s=0.1)
    found = disturbance([*probes, short])
    assert found is not None
    assert not found.disturbed
    assert found.during == "the whole measurement"
    assert found.share == pytest.approx((7.0 - 2.9 - 3.5) / 7.0)


def test_clocks_that_disagree_give_no_negative_share() -> None:
    found = disturbance([use("Server", 10, idle_s=10.2, own_s=10)])
    assert found is not None
    assert found.share == 0.0


def test_nothing_is_said_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert disturbance([]) is None
    assert idle_seconds({0}, tmp_path / "absent") is None
    sandbox = tmp_path / "stat"
    sandbox.write_text("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n", encoding="ascii")
    assert idle_seconds({0}, sandbox) is None


def test_idle_time_is_that_of_the_usable_cpus_alone(tmp_path: Path) -> None:
    file = tmp_path / "stat"
    file.write_text(
        "cpu  9 9 9 900 90 9 9 9 0 0\ncpu0 1 1 1 100 20 1 1 1 0 0\ncpu3 1 1 1 400 60 1 1 1 0 0\nintr 7\n",
        encoding="ascii",
    )
    assert idle_seconds({3}, file) == pytest.approx(4.6)
    assert idle_seconds({0, 3}, file) == pytest.approx(5.8)
    assert idle_seconds({1}, file) is None


@pytest.mark.skipif(idle_seconds(usable_cpus()) is None, reason="this system does not tell idle time")
def test_a_meter_tells_own_work_from_waiting() -> None:
    meter = CpuMeter(usable_cpus())
    with meter.part("work"):
        deadline = time.process_time() + 0.3
        while time.process_time() < deadline:
            pass
    with meter.part("wait"):
        time.sleep(0.3)
    work, wait = meter.uses
    assert (work.part, wait.part) == ("work", "wait")
    assert work.own_s > 0.25
    assert wait.own_s < 0.2
    assert wait.wall_s >= 0.3
    assert work.cpus == len(usable_cpus())


@dataclass
class Measured:
    """A measurement with this share taken by others; None where the system does not tell."""

    share: float | None

    @property
    def disturbance(self) -> Disturbance | None:
        if self.share is None:
            return None
        return Disturbance(share=self.share, during="Server", disturbed=self.share > DISTURBED_SHARE, attempts=1)


@pytest.mark.parametrize(
    ("shares", "retries", "kept", "made"),
    [
        ([0.01], 2, 0.01, 1),
        ([0.5, 0.02], 2, 0.02, 2),
        ([0.5, 0.3, 0.4], 2, 0.3, 3),
        ([0.5], 0, 0.5, 1),
        ([None], 2, None, 1),
    ],
)
def test_a_disturbed_measurement_is_repeated_and_the_least_disturbed_one_kept(
    shares: list[float | None], retries: int, kept: float | None, made: int
) -> None:
    told: list[str] = []
    best, attempts = least_disturbed(lambda number: Measured(shares[number - 1]), retries=retries, busy=told.append)
    assert (best.share, attempts) == (kept, made)
    assert len(told) == made - 1
    assert all("measuring again" in message for message in told)


@pytest.mark.slow
@pytest.mark.skipif(idle_seconds(usable_cpus()) is None, reason="this system does not tell idle time")
def test_a_cpu_hog_beside_a_real_benchmark_is_seen(tmp_path: Path, tiny_bundle: Path) -> None:
    """One hog for every two CPUs; what else the machine does can only add to it."""
    told: list[str] = []
    hogs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(max(1, len(usable_cpus()) // 2))
    ]
    try:
        result = bench_bundle(
            tiny_bundle,
            ["move money from savings to checking", "what is my balance", "bonjour"] * 20,
            against=None,
            config=BenchmarkConfig(queries=700, interleaved_repeats=3, retries=1),
            target=Target(name="here"),
            workspace_folder=tmp_path / "work",
            progress=lambda message, _fraction=None: told.append(message),
        )
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert result.disturbance is not None
    assert result.disturbance.disturbed
    assert result.disturbance.attempts == 2
    assert result.disturbance.share > 0.2
    assert any("the machine is busy" in message for message in told)
    assert (tmp_path / "work" / "out" / "measurements.json").is_file()


def test_threads_of_our_own_are_ours() -> None:
    meter = CpuMeter(usable_cpus())

    def work() -> None:
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            sum(range(1000))

    with meter.part("threads"):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for used in meter.uses:
        assert used.own_s > 0.05
