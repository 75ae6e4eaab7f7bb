"""The ladder against single models: fp32, fused int8, and every certified operating point, in one process run.

Run: python tests/benchmarks/ladder.py DATA [--json FILE]

DATA is a recipe (YAML), or a folder with train, validation and test as .jsonl, .csv or .parquet. The bundle is made by the
pipeline's own steps and kept under MIAOTUI_HOME, so a second run only measures. All contenders answer the same gate rows
with a known label, block by block in an order that rotates; `ratio` is static-int8's mean over the row's own, the median
over blocks with its 95 % interval. `mean_ms` is wall-clock time per text, p50 and p99 are those of requests of `batch` texts.
Accuracy is over the rows timed. With two threads, two callers send requests at once to one-thread sessions.
"""

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine import AdaptiveModel, StaticModel
from flows.make_bundle import MadeBundle
from tasks.data.rows import read_rows
from tasks.statistics.speed_ratio import paired_ratio
from tests.benchmarks.bundles import add_data_argument, bundle_of

BASELINE = "static-int8"
Answer = Callable[[list[str]], Sequence[Any]]


@dataclass(frozen=True)
class Row:
    """One line of the result."""

    name: str
    batch: int
    threads: int
    mean_ms: float
    p50_ms: float
    p99_ms: float
    accuracy: float
    ratio: float
    ratio_low: float
    ratio_high: float


def main() -> None:
    """Make or reuse the bundle, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--blocks", type=int, default=12, help="interleaved blocks per setting")
    parser.add_argument("--texts", type=int, default=192, help="texts per block; 32 divides it")
    options = parser.parse_args()
    made = bundle_of(options.data, options.out_of_scope_label)
    rows = [row for row in read_rows(made.snapshot, "gate") if row.label != made.snapshot.result.out_of_scope_label]
    contenders = contenders_of(made)
    print(f"{len(rows)} gate rows with a known label; bundle {made.bundle}")
    result = []
    for batch, threads in ((1, 1), (1, 2), (32, 1), (32, 2)):
        result += measure(contenders, rows, batch, threads, options.blocks, options.texts)
    print_table(result)
    for package in ("openvino", "ctranslate2"):
        if importlib.util.find_spec(package) is None:
            print(f"{package}: not installed, not compared")
    if options.json:
        options.json.write_text(json.dumps({"rows": [asdict(row) for row in result]}, indent=1), encoding="utf-8")


def contenders_of(made: MadeBundle) -> dict[str, Answer]:
    """Name → what answers a list of texts."""
    bundle, files = made.bundle, made.compression
    if not files.result.static_precision.endswith("int8"):
        sys.exit(
            f"no int8 model was kept for this data ({files.result.static_precision} serves): nothing to compare with"
        )
    single = {
        "static-fp32": StaticModel.load(files.folder / files.result.reference_monolith, bundle),
        BASELINE: StaticModel.load(files.folder / files.result.static_monolith, bundle),
    }
    model = AdaptiveModel.load(bundle)
    model.workers = 1
    answers: dict[str, Answer] = {name: each.predict for name, each in single.items()}
    for point in model.operating_points:
        answers[f"adaptive-{point}"] = lambda texts, point=point: model.predict(texts, operating_point=point)  # type: ignore[misc]
    return answers


def measure(
    contenders: dict[str, Answer], rows: Sequence[Any], batch: int, threads: int, blocks: int, size: int
) -> list[Row]:
    """All contenders at one batch size and number of callers."""
    order = np.random.default_rng(0).permutation(len(rows))
    names = list(contenders)
    means: dict[str, list[float]] = {name: [] for name in names}
    spent: dict[str, list[float]] = {name: [] for name in names}
    right: dict[str, list[bool]] = {name: [] for name in names}
    with ThreadPoolExecutor(threads) as callers:
        for name in names:
            list(callers.map(contenders[name], [[row.text for row in rows[:8]]] * threads))
        for block in range(blocks):
            chosen = [rows[order[(block * size + i) % len(order)]] for i in range(size)]
            requests = [[row.text for row in chosen[start : start + batch]] for start in range(0, size, batch)]
            for name in names[block % len(names) :] + names[: block % len(names)]:
                started = time.perf_counter()
                parts = [requests[caller::threads] for caller in range(threads)]
                done = list(callers.map(partial(_one_by_one, contenders[name]), parts))
                means[name].append((time.perf_counter() - started) / size * 1e3)
                for caller, (milliseconds, answers) in enumerate(done):
                    spent[name] += milliseconds
                    asked = [row for i in range(caller * batch, size, threads * batch) for row in chosen[i : i + batch]]
                    right[name] += [answer.label == row.label for answer, row in zip(answers, asked, strict=True)]
    result = []
    for name in names:
        ratio = paired_ratio(means[BASELINE], means[name])
        p50, p99 = np.percentile(spent[name], (50, 99))
        mean, accuracy = float(np.median(means[name])), float(np.mean(right[name]))
        result.append(
            Row(name, batch, threads, mean, float(p50), float(p99), accuracy, ratio.value, ratio.low, ratio.high)
        )
    return result


def _one_by_one(answer: Answer, requests: Sequence[list[str]]) -> tuple[list[float], list[Any]]:
    """What one caller does: milliseconds of each request, and all answers."""
    spent: list[float] = []
    answers: list[Any] = []
    for texts in requests:
        started = time.perf_counter()
        answers += answer(texts)
        spent.append((time.perf_counter() - started) * 1e3)
    return spent, answers


def print_table(rows: Sequence[Row]) -> None:
    """The rows as a person reads them."""
    print(f"{'name':16} batch threads  mean ms   p50 ms   p99 ms  texts/s  accuracy  times faster (95 %)")
    for row in rows:
        print(
            f"{row.name:16} {row.batch:5} {row.threads:7} {row.mean_ms:8.3f} {row.p50_ms:8.3f} {row.p99_ms:8.3f} "
            f"{1e3 / row.mean_ms:8.0f}  {row.accuracy:7.2%}  {row.ratio:6.2f} ({row.ratio_low:.2f} to {row.ratio_high:.2f})"
        )


if __name__ == "__main__":
    main()
