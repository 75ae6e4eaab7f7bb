"""What a person should know of the rows that were read: what was not taken as it is written, left out, or looks like a slip."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from tasks.data.validation import Placed, Rejected, most_common_reasons
from tasks.hints import listed, quote
from tasks.labels import alike

_GROUPS_SHOWN: Final = 3


def remarks_on_rows(placed: Sequence[Placed], rejected: Sequence[Rejected]) -> Iterator[str]:
    """One sentence each, for the record of the step; none where there is nothing to say."""
    if rejected:
        total = len(placed) + len(rejected)
        yield f"{len(rejected):,} of {total:,} rows cannot be used and are in quarantine: {most_common_reasons(rejected)}"
    for reading, count in Counter(reading for entry in placed for reading in entry.readings).most_common():
        yield f"taken as it is meant, not as it is written: {count:,} × {reading}"


def remarks_on_labels(labels: Collection[str], out_of_scope_label: str | None) -> Iterator[str]:
    """Likewise, on all labels that there are."""
    groups = alike(labels)
    if groups:
        more = f", and {len(groups) - _GROUPS_SHOWN} more" if len(groups) > _GROUPS_SHOWN else ""
        shown = "; ".join(map(listed, groups[:_GROUPS_SHOWN]))
        yield f"labels that differ in nothing but case and white space are classes of their own: {shown}{more}"
    if out_of_scope_label is not None and out_of_scope_label not in labels:
        yield f"no row has the out-of-scope label {quote(out_of_scope_label)}"
