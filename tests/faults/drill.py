"""The fault drill: real servers and a real pipeline, in which somebody is killed again and again at random moments.

    python -m tests.faults.drill --kills 100 --seed 7 [--postgresql]

While files land and runs of the night and of the intake go on, a worker, a server, a run, the supervisor, the database or
all of them get SIGKILL. After each kill a new nightly run has to complete; at the end the books have to be in order. Prints
the counts; the exit code is 1 where an invariant was broken.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final

from tests.faults.database import Database, killable_database
from tests.faults.ground import NAME, Ground
from tests.faults.invariants import Books, broken_inbox, broken_promotions, broken_servers
from tests.faults.victims import VICTIMS, kill

NIGHTLY: Final = f"nightly/{NAME}"
TAKE_IN: Final = f"take-in/{NAME}"
DATABASE: Final = "database"

_RECOVERY_S: Final = 900.0  # what is wedged stays so; a machine with other work may take its time
_DRAIN_S: Final = 900.0
_FLOW_START_S: Final = 90.0
_LONGEST_WAIT_S: Final = 15.0
_LOOK_EVERY_S: Final = 0.5


@dataclass
class Counts:
    """What the drill has done and seen. `recovery_s`: from each kill to the end of a new nightly run."""

    kills: Counter[str] = field(default_factory=Counter)
    second_tries: int = 0
    gave_up: int = 0
    recovery_s: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@dataclass
class Drill:
    """One drill on one ground."""

    ground: Ground
    chance: random.Random
    database: Database | None = None
    counts: Counts = field(default_factory=Counts)
    landings: int = 0

    def prepare(self) -> None:
        """Servers up, deployed, and one whole run, so that there is a champion to lose."""
        self.ground.up()
        self.ground.miaotui("deploy", str(self.ground.recipe), "--sweep-every", "10")
        self._completes("first", [])

    def round(self, number: int, victim: str) -> None:
        """One kill in the middle of a run, while a file lands at the first one and perhaps at others, and a new nightly run."""
        wait = self.chance.uniform(0, _LONGEST_WAIT_S)
        self.ground.request(NIGHTLY, f"during-{number}", {"overrides": _changed(2 * number)})
        landing = self._land_at(self.chance.uniform(0, wait + 5)) if number == 0 or self.chance.random() < 0.5 else None
        if "flow" in victim:
            self._wait_for_flow()
        time.sleep(wait)
        self._kill(victim)
        begin = time.monotonic()
        time.sleep(self.chance.uniform(0, 3))
        self._bring_back()
        self._completes(f"after-{number}", _changed(2 * number + 1))
        self.counts.recovery_s.append(time.monotonic() - begin)
        if landing is not None:
            landing.join()
        self.counts.broken += broken_promotions(Books.of(self.ground))

    def finish(self) -> None:
        """Lets what has landed be taken in, and looks through the books."""
        deadline, tries = time.monotonic() + _DRAIN_S, 0
        while (books := Books.of(self.ground)).waiting or books.held:
            if time.monotonic() > deadline:
                break
            self._bring_back()
            run = self.ground.request(TAKE_IN, f"drain-{tries}", {})
            if run is not None:
                self.ground.wait_for_end(run, deadline)
                tries += 1
        self.counts.broken += broken_inbox(self.ground, books)
        self.counts.broken += broken_promotions(books)
        self.counts.broken += self._at_rest()
        verified = self.ground.miaotui("verify", NAME, allowed=(0, 3))
        if verified.returncode:
            self.counts.broken.append(verified.stdout.strip())

    def _kill(self, victim: str) -> None:
        if victim == DATABASE:
            assert self.database is not None
            self.database.kill()
            time.sleep(self.chance.uniform(0, 5))
            self.database.start()
        elif not kill(self.ground, victim):
            return
        self.counts.kills[victim] += 1

    def _bring_back(self) -> None:
        """A person, or the machine's start, runs `miaotui up` where nothing runs; everything else comes back by itself."""
        if self.ground.servers is None:
            self.ground.up()

    def _completes(self, key: str, overrides: Sequence[str]) -> None:
        """A new nightly run completes, at the second try at the latest: the first may meet a server that is on its way up."""
        deadline, tries = time.monotonic() + _RECOVERY_S, 0
        while time.monotonic() < deadline:
            if self.ground.servers is None:  # it gave up on a server that died too often
                self.counts.gave_up += 1
                self.ground.up()
            run = self.ground.request(NIGHTLY, f"{key}-{tries}", {"overrides": list(overrides)})
            if run is None:
                time.sleep(_LOOK_EVERY_S)
                continue
            ended = self.ground.wait_for_end(run, deadline)
            if ended == "COMPLETED":
                return
            if ended is not None:
                tries += 1
                self.counts.second_tries += 1
        self.counts.broken.append(f"wedged: no nightly run {key} completed within {_RECOVERY_S:.0f} s")

    def _wait_for_flow(self) -> None:
        deadline = time.monotonic() + _FLOW_START_S
        recorded = self.ground.servers
        while recorded is not None and time.monotonic() < deadline and not VICTIMS["flow"](recorded):
            time.sleep(_LOOK_EVERY_S)

    def _land_at(self, after_s: float) -> Thread:
        """Lands a file in a while, whatever is up then."""
        number, seed = self.landings, self.chance.randrange(2**31)
        self.landings += 1

        def land() -> None:
            time.sleep(after_s)
            try:
                self.ground.land(random.Random(seed), number)
            except RuntimeError as error:
                self.counts.broken.append(f"a file could not be landed: {error}")

        thread = Thread(target=land)
        thread.start()
        return thread

    def _at_rest(self) -> list[str]:
        """What is wrong on Prefect's server once nothing runs. A deployment's own schedule may start something meanwhile."""
        deadline = time.monotonic() + _RECOVERY_S
        while True:
            broken = list(broken_servers(self.ground))
            if not broken or time.monotonic() > deadline:
                return broken
            time.sleep(_LOOK_EVERY_S)


def drill(
    kills: int, seed: int, *, folder: Path, postgresql: bool = False, victims: Sequence[str] = ()
) -> tuple[Counts, list[str]]:
    """The counts, and what to print. `victims`: who is killed in turn, else drawn by `seed`."""
    chance, begin = random.Random(seed), time.monotonic()
    with ExitStack() as stack:
        database = stack.enter_context(killable_database()) if postgresql else None
        ground = Ground(folder, database=database.url if database else None)
        stack.callback(_down, ground)
        run = Drill(ground, chance, database)
        run.prepare()
        known = (*VICTIMS, *([DATABASE] if database else []))
        number = 0
        while run.counts.kills.total() < kills:
            victim = victims[number % len(victims)] if victims else chance.choice(known)
            run.round(number, victim)
            _say(f"{run.counts.kills.total()}/{kills} {victim}: {run.counts.recovery_s[-1]:.1f} s", run.counts.broken)
            number += 1
        run.finish()
        return run.counts, list(_summary(run, time.monotonic() - begin))


def _changed(number: int) -> list[str]:
    """Another gate, so that the same bundle comes to a new verdict, is registered anew and promoted: in seconds."""
    return [f"gates.memory_mb={20_000 + number}"]


def _down(ground: Ground) -> None:
    if (ground.home / "servers.json").exists():
        ground.miaotui("down")


def _say(line: str, broken: Sequence[str]) -> None:
    print(line + (f"; BROKEN: {len(broken)}" if broken else ""), flush=True)


def _summary(run: Drill, seconds: float) -> Iterator[str]:
    counts, books = run.counts, Books.of(run.ground)
    runs: Counter[tuple[str, str]] = Counter((run["flow_name"], run["state_type"]) for run in _named(run.ground))
    kills = ", ".join(f"{victim} {times}" for victim, times in sorted(counts.kills.items()))
    yield f"kills: {counts.kills.total()} ({kills}) in {seconds:.0f} s"
    ordered = sorted(counts.recovery_s)
    yield (
        f"a new nightly run completed after each kill: {len(ordered)}, median {ordered[len(ordered) // 2]:.1f} s, longest "
        f"{ordered[-1]:.1f} s; second tries {counts.second_tries}; `miaotui up` again after it gave up {counts.gave_up}"
    )
    for (flow, state), times in sorted(runs.items()):
        yield f"runs of {flow}: {state.lower()} {times}"
    rows = sum(file.rows for file in books.files)
    yield f"landed: {len(run.ground.landed)} files; on the books {len(books.files)} with {rows} rows, in {books.batches} batches"
    yield f"promotions: {len(books.promotions)} of {len({entry.to_version for entry in books.promotions})} versions"
    yield f"broken invariants: {len(counts.broken)}"
    yield from (f"  {sentence}" for sentence in counts.broken)


def _named(ground: Ground) -> Iterator[dict[str, Any]]:
    flows = {flow["id"]: flow["name"] for flow in ground.ask("/flows/filter", {"limit": 200}) or []}
    for run in ground.all_runs():
        yield {"flow_name": flows.get(run["flow_id"], "?"), "state_type": run["state_type"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a drill in a temporary folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.drill", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="how many (100)")
    parser.add_argument("--seed", type=int, default=7, help="draws victims and moments (7)")
    parser.add_argument("--postgresql", action="store_true", help="servers on a PostgreSQL, which is killed, too")
    parser.add_argument("--victims", nargs="*", default=(), metavar="VICTIM", help=f"in turn: {', '.join(VICTIMS)}")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder to work in, which is kept")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        if options.keep:
            options.keep.mkdir(parents=True)
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="miaotui-drill-")))
        counts, lines = drill(
            options.kills, options.seed, folder=folder, postgresql=options.postgresql, victims=options.victims
        )
    print("\n".join(lines))
    return 1 if counts.broken else 0


if __name__ == "__main__":
    sys.exit(main())
