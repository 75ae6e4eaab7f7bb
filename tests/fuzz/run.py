"""Random recipes, data and base models through the pipeline: nothing that a person can cause may end in an internal error.

    python -m tests.fuzz.run --cases 500 --full 50 --seed 1 --folder FOLDER

Case `k` of a seed is the same for the same recipe schema. The first `--full` cases go through the whole command line, a fifth of
the others and all of odd base models up to a bundle that meets the probes, the rest up to the training. One line a case is
appended to FOLDER/log.jsonl; a run that was killed goes on where it stopped. Prints the counts by outcome; the exit code is 1
where a case ended in none that a person can act on.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.fuzz.decoders import DECODERS
from tests.fuzz.draw import draw
from tests.fuzz.drawn import Depth, Drawn
from tests.fuzz.encoders import ENCODERS
from tests.fuzz.full import PROJECT, run_full
from tests.fuzz.light import import_libraries, run_light
from tests.fuzz.outcomes import GOOD, Outcome, append, line_of, read

_PROBED_EVERY: Final = 5


def depth_of(number: int, full: int) -> Depth:
    """How far case `number` is taken."""
    if number < full:
        return "full"
    return "prepared" if number % _PROBED_EVERY else "probed"


def make_bases(folder: Path) -> None:
    """All base models, once; each is whole or not there."""
    for family, bases in (("text-classification", ENCODERS), ("text-generation", DECODERS)):
        for name, base in bases.items():
            place = folder / family / name
            if place.exists():
                continue
            unfinished = place.with_name(f".{name}")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            base.write(unfinished)
            unfinished.rename(place)


def run_case(case: Drawn, folder: Path, commit: str, log: Path) -> bool:
    """Runs one case and logs it; whether it ended well. Its folder is kept where it did not, or not as expected."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_bytes(case.yaml or b"")
    begin = time.monotonic()
    outcome = run_full(case, folder) if case.depth == "full" else run_light(case, folder)
    line = line_of(case, outcome, time.monotonic() - begin, commit)
    append(log, line)
    _say(line.case, outcome, line.suspect, line.oddities, line.seconds)
    if outcome.kind in GOOD and not line.suspect:
        shutil.rmtree(folder)
    else:
        shutil.rmtree(folder / "home", ignore_errors=True)
        (folder / "trace.txt").write_text(outcome.trace, encoding="utf-8", errors="backslashreplace")
    return outcome.kind in GOOD


def summary(lines: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """The counts by depth and outcome, then what is not as expected."""
    counts = Counter((line["depth"], line["kind"]) for line in lines.values())
    rows = [f"{depth:9} {kind:15} {times:5}" for (depth, kind), times in sorted(counts.items())]
    suspects = [line for line in lines.values() if line["suspect"]]
    rows += [f"{len(lines)} cases, {len(suspects)} not as expected"]
    return rows + [
        f"  {line['case']}: {line['kind']} [{'; '.join(line['oddities'])}] {line['suspect']}: {line['message'][:160]}"
        for line in suspects
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the log does not have yet."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--cases", type=int, default=500, help="how many (500)")
    parser.add_argument("--full", type=int, default=50, help="how many of them through the whole command line (50)")
    parser.add_argument("--seed", type=int, default=1, help="draws the cases (1)")
    parser.add_argument("--folder", type=Path, required=True, help="where the log, the base models and bad cases are")
    parser.add_argument("--only", type=int, nargs="*", metavar="CASE", help="these again, whatever the log has")
    parser.add_argument("--depths", nargs="*", default=["prepared", "probed", "full"], help="cases of these alone")
    parser.add_argument("--again", action="store_true", help="those that were not as expected again")
    parser.add_argument("--summary", action="store_true", help="only print the counts")
    options = parser.parse_args(arguments)
    log, commit = options.folder / "log.jsonl", _commit()
    known = read(log)
    wanted = options.only if options.only is not None else range(options.cases)
    todo = [
        number
        for number in wanted
        if options.only or number not in known or (options.again and known[number]["suspect"])
    ]
    if todo and not options.summary:
        import_libraries(options.folder)
        make_bases(options.folder / "bases")
        # What costs least first: the cases with most draws are done before the long ones begin.
        for number in sorted(todo, key=lambda number: (number < options.full, number)):
            depth = depth_of(number, options.full)
            if depth in options.depths:
                folder = options.folder / "cases" / f"{number:04d}"
                run_case(draw(options.seed, number, depth), folder, commit, log)
    lines = read(log)
    print("\n".join(summary(lines)))
    return 0 if all(line["kind"] in GOOD for line in lines.values()) else 1


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", PROJECT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _say(number: int, outcome: Outcome, suspect: str, oddities: Sequence[str], seconds: float) -> None:
    mark = "" if outcome.kind in GOOD else "  <<<"
    shown = json.dumps(outcome.message[:150], ensure_ascii=False)
    print(
        f"{number:4d} {outcome.kind:14} {seconds:5.1f} s {'; '.join(oddities)[:90]} | {suspect} | {shown}{mark}",
        flush=True,
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
