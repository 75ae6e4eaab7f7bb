"""How long do the registry's own commands take when there is much in it?

Run: python tests/benchmarks/registry.py [--versions 50] [--entries 10000] [--repeats 7]

Medians: a promotion and a rollback (without the blessing, which depends on the model) with so many registered versions, and
the printing of a history of so many entries, each in a process that has MLflow and SQLAlchemy imported already.
"""

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from flows.command_line.history import line
from registry.ledger import Draft, Kind
from registry.ledger.entries import broken_link
from registry.promotion import promote_version
from registry.rollback import rollback
from tests.registry.shelf import MODEL, Shelf


def main() -> None:
    """Fill a registry, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        for _ in range(options.versions):
            shelf.put()
        promotions, rollbacks = [], []
        for _ in range(options.repeats + 1):
            latest = shelf.put(against=shelf.state.champion).version
            promotions.append(timed(lambda number=latest: promote_version(shelf.registrar, MODEL, number, reason="x")))
            if shelf.state.previous_champions:
                rollbacks.append(timed(lambda: rollback(shelf.registrar, MODEL, reason="x")))
        print(f"promotion with {options.versions} versions: {statistics.median(promotions):.3f} s")
        print(f"rollback with {options.versions} versions: {statistics.median(rollbacks):.3f} s")

        ledger, head = shelf.registrar.ledger, None
        for number in range(options.entries):
            draft = Draft(kind=Kind.REFUSED, actor="someone", reason="a reason of usual length", to_version=number)
            head = ledger.append("long", draft, after=head)
        printing = [timed(lambda: show(shelf)) for _ in range(options.repeats)]
        print(f"history of {options.entries} entries: {statistics.median(printing):.3f} s")
        checking = [timed(lambda: broken_link(ledger.entries("long"))) for _ in range(options.repeats)]
        print(f"check of its chain: {statistics.median(checking):.3f} s")
        ledger.close()


def show(shelf: Shelf) -> None:
    """What `miaotui history` does once it is running."""
    with contextlib.redirect_stdout(io.StringIO()):
        for entry in shelf.registrar.ledger.entries("long"):
            print(line(entry))


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call took."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
