"""A model that was loaded before a fork answers in the child: preloading servers, data loaders, and plain `os.fork`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.handmade_bundle import write_handmade_bundle

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# A process of its own, whose children are killed where they hang, so that a fault is a failed test and no more.
FORKING = """
import json, multiprocessing, os, signal, sys, threading, time
from engine import AdaptiveModel

folder, threads, kind, texts, used = sys.argv[1], int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]), sys.argv[5]
model = AdaptiveModel.load(folder, threads=threads, replay_golden=False)
model.workers = 4
many = (texts * 400)[:400] if not model.writes_text else (texts * 12)[:24]
expected = [answer.label for answer in AdaptiveModel.load(folder, replay_golden=False).predict(many)]
if used == "used":
    assert [answer.label for answer in model.predict(many)] == expected

def answers(count):
    found = [answer.label for answer in model.predict(many[:count])]
    assert found == expected[:count], found
    return len(found)

def forked(count):
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            answers(count)
            ended = 0
        finally:
            os._exit(ended)
    end = time.monotonic() + 40
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert status == 0, status
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    sys.exit(f"a child hangs on {count} rows")

if kind == "fork":
    for count in (1, 6, 20, len(many)):
        forked(count)
elif kind == "busy":  # while threads of the parent hold whatever a run holds
    stop = threading.Event()
    def busy():
        while not stop.is_set():
            model.predict(many)
    threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        forked(20)
    stop.set()
    for thread in threads:
        thread.join()
elif kind == "loader":  # as data loaders do: workers that are forked and end as Python ends
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(answers, [1, 20, len(many)]).get(40) == [1, 20, len(many)]
    pool.join()
elif kind == "ends":  # as a worker of a server ends: as Python does, whether it was asked or not
    for count in (0, 20):
        child = os.fork()
        if child == 0:
            model.predict(many[:count])
            print(f"said {count}")
            sys.exit(7)
        signal.alarm(40)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        signal.alarm(0)
assert [answer.label for answer in model.predict(many)] == expected
print("fine")
"""


def assert_fine(folder: Path, threads: int, kind: str, texts: str, used: str = "used") -> None:
    arguments = [str(folder), str(threads), kind, texts, used]
    done = subprocess.run(
        [sys.executable, "-c", FORKING, *arguments], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.stdout.split("\n")[-2:] == ["fine", ""], f"{done.stdout}{done.stderr}"


TEXTS = '["red", "green green", "red red blue", "blue blue", "green"]'


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["fork", "busy", "loader", "ends"])
def test_a_classifier_loaded_before_the_fork_answers_in_the_child(tmp_path: Path, threads: int, kind: str) -> None:
    assert_fine(write_handmade_bundle(tmp_path / "bundle"), threads, kind, TEXTS)


def test_a_classifier_that_has_answered_nothing_yet_answers_in_the_child(tmp_path: Path) -> None:
    assert_fine(write_handmade_bundle(tmp_path / "bundle", batches=False), 1, "fork", TEXTS, "unused")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["fork", "busy", "loader", "ends"])
def test_a_generator_loaded_before_the_fork_answers_in_the_child(
    tiny_generation_bundle: Path, threads: int, kind: str
) -> None:
    assert_fine(tiny_generation_bundle, threads, kind, '["order 1 coffee for Ada", "find 25 red shoes for Zoë"]')


def test_a_bundle_that_was_altered_since_is_not_opened_again_in_the_child(tmp_path: Path) -> None:
    folder = write_handmade_bundle(tmp_path / "bundle")
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom engine import AdaptiveModel, BundleError\n"
        "model = AdaptiveModel.load(sys.argv[1], threads=2)\n"
        "Path(sys.argv[1], 'first.onnx').write_bytes(b'')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n        model.predict('red')\n"
        "    except BundleError as error:\n        os._exit(0 if 'altered' in str(error) else 1)\n"
        "    os._exit(2)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "0"
