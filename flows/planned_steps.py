"""What the steps of a run are called, in order, before it begins."""

from flows.gather_evidence import PROBE, benchmark_labels
from flows.preparation import PreparedRun
from flows.snapshots import snapshot_labels
from tasks.families.family import family_of


def planned_steps(prepared: PreparedRun, *, compared: bool = False) -> list[str]:
    """Up to the benchmarks; `compared`: there is a champion to compare with."""
    family = family_of(prepared.recipe)
    labels = [*snapshot_labels(prepared), *family.labels(prepared.recipe), family.evaluate.name, PROBE.name]
    labels += [family.compare.name] if compared else []
    return [*labels, *benchmark_labels(prepared.targets)]
