"""How classification words what it made: the pruned encoder, the lexical path, the seeds."""

from tasks.families.classification.records import FineTuneResult, LexicalResult, PruneResult, SeedChoice
from tasks.formatting import count, megabytes, milliseconds, number, percent
from tasks.records import SnapshotResult
from tasks.records.sections import Account, Fact, Section, Table, TableRow


def account_of(
    snapshot: SnapshotResult,
    tuned: FineTuneResult,
    *,
    prune: PruneResult | None,
    lexical: LexicalResult | None,
    seeds: SeedChoice | None,
) -> Account:
    """Of a run's results; what is None was no part of it."""
    return Account(
        kind=f"text classifier with {len(snapshot.labels)} labels",
        origin=_origin(tuned),
        accuracy="accuracy",
        right="Out-of-scope rows are right when the model abstains.",
        outputs="logits",
        budget="its budget",
        answer=("label", "confidence", "path", "abstained"),
        sections=(_pruning(prune, tuned), _lexical(lexical), *([_seeds(seeds)] if seeds else [])),
    )


def _origin(tuned: FineTuneResult) -> str:
    compared = ""
    if tuned.plain_accuracy is not None:
        compared = (
            f" The last head is right on {tuned.accuracy['full']:.2%} of tune; fine-tuned without early exits, "
            f"it is on {tuned.plain_accuracy:.2%}."
        )
    return (
        f"{tuned.layers} layers with exit heads after {', '.join(map(str, tuned.exits)) or 'none'}; "
        f"{number(tuned.parameters / 1e6)} M parameters; {tuned.epochs_run} epochs, best after {tuned.best_epoch}; "
        f"last training loss {number(tuned.train_loss)}.{compared}"
    )


def _pruning(prune: PruneResult | None, tuned: FineTuneResult) -> Section:
    """What pruning took away, and what the latency table had promised."""
    if prune is None:
        return Section("techniques", missing="Pruning: not part of this run.")
    facts = (
        Fact("layers kept", f"{', '.join(map(str, prune.layers))} of {tuned.layers}"),
        Fact("FFN widths", ", ".join(count(width) for width in prune.ffn_widths)),
        Fact("parameters", f"{number(prune.parent_parameters / 1e6)} M → {number(prune.parameters / 1e6)} M"),
        Fact("predicted by the latency table", f"{number(prune.predicted_speedup)}×"),
        Fact("accuracy on tune", ", ".join(f"{name} {percent(value)}" for name, value in prune.accuracy.items())),
        Fact(
            "one layer by FFN width",
            ", ".join(f"{count(width)}: {milliseconds(ms)}" for width, ms in sorted(prune.latency_table.items())),
        ),
    )
    return Section("techniques", "Pruned encoder", facts)


def _lexical(lexical: LexicalResult | None) -> Section:
    if lexical is None:
        return Section("cost", missing="Lexical path: not part of this run.")
    note = (
        f"Lexical path: {count(lexical.pairs)} pairs of word pieces, width {lexical.width}, {megabytes(lexical.size_mb)}, "
        f"{percent(lexical.tune_accuracy)} right on tune."
    )
    return Section("cost", note=note)


def _seeds(seeds: SeedChoice) -> Section:
    rows = tuple(
        TableRow(
            (
                candidate.name,
                percent(candidate.accuracy, 2),
                number(candidate.train_loss),
                f"{count(candidate.best_epoch)} of {count(candidate.epochs_run)}",
            ),
            candidate.chosen,
        )
        for candidate in seeds.candidates
    )
    table = Table(("candidate", "accuracy on tune", "training loss", "best epoch"), rows)
    note = f"Seed {seeds.seed} was chosen: {seeds.reason}. Certify and gate rows had no part in it."
    return Section("lineage", "Seeds of fine-tuning", tables=(table,), note=note)
