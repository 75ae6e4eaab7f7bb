"""What a snapshot of the data holds."""

from tasks.artifact import Record


class SourceFile(Record):
    """One source as it was read."""

    location: str
    sha256: str
    rows: int
    quarantined: int


class LandedRows(Record):
    """What became of the rows that landed after the recipe's own, of which there are `rows`.

    `added`: by split. `repeated`: rows that were there already, or (nearly) in another split. `contradicting`: rows whose
    text has several labels, or had another one before. `thin`: rows by label, new and with too few rows to train on.
    `untrained`: rows for training, of which recalibration makes no use.
    """

    rows: int
    added: dict[str, int]
    repeated: int
    contradicting: int
    thin: dict[str, int]
    untrained: int = 0

    @property
    def sentence(self) -> str:
        """For a person."""
        into = ", ".join(f"{count:,} in {split}" for split, count in self.added.items())
        thin = f", {sum(self.thin.values()):,} of labels too rare to train on" if self.thin else ""
        untrained = f", {self.untrained:,} for a training to come" if self.untrained else ""
        return (
            f"{self.rows:,} landed rows: {into}; left out: {self.repeated:,} repeated, {self.contradicting:,} "
            f"contradicting{thin}{untrained}"
        )


class SnapshotResult(Record):
    """An immutable version of the data.

    `labels`: all labels a head is trained for, in id order; `out_of_scope_label` is among them only if train has such rows.
    `rows`, `out_of_scope_rows`: per split. `leaking_exact`, `leaking_near`: rows that left a split because a better
    protected one (gate before certify before tune before train) has (nearly) the same text. `contradicting`:
    rows dropped because the same text has several labels. `retired`: rows that left certify, since so many attempts at a
    certificate have looked at them that nothing could be proven by them any more.
    """

    rows: dict[str, int]
    out_of_scope_rows: dict[str, int]
    labels: tuple[str, ...]
    out_of_scope_label: str | None
    slices: tuple[str, ...]
    sources: tuple[SourceFile, ...]
    quarantined: int
    quarantine_reasons: dict[str, int]
    duplicates: int
    contradicting: int
    leaking_exact: int
    leaking_near: int
    content_digest: str
    landed: LandedRows | None = None
    retired: int = 0
