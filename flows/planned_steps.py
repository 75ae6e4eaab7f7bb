"""What the steps of a run are called, in order, before it begins."""

from flows.certify_rows import certify_labels
from flows.gather_evidence import PROBE, benchmark_labels
from flows.home import Home
from flows.preparation import PreparedRun
from flows.snapshots import snapshot_labels
from tasks.families.family import family_of


def planned_steps(prepared: PreparedRun, home: Home, *, compared: bool = False) -> list[str]:
    """Up to the benchmarks, as far as is known so far; `compared`: there is a champion to compare with."""
    family = family_of(prepared.recipe)
    labels = [*snapshot_labels(prepared), *certify_labels(prepared, home), *family.labels(prepared.recipe)]
    labels += [family.evaluate.name, PROBE.name, *([family.compare.name] if compared else [])]
    return [*labels, *benchmark_labels(prepared.targets)]
