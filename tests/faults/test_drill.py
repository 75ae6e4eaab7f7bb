"""The short fault drill: some of every kind of kill; the long one is `python -m tests.faults.drill`."""

from pathlib import Path

import pytest

from tests.faults.drill import drill

pytestmark = [pytest.mark.slow, pytest.mark.prefect, pytest.mark.e2e, pytest.mark.timeout(2400)]

VICTIMS = ("worker and flow", "everything")


def test_nothing_is_lost_or_done_twice_and_nothing_is_wedged_whoever_is_killed(tmp_path: Path) -> None:
    counts, summary = drill(len(VICTIMS), seed=3, folder=tmp_path, victims=VICTIMS)
    print("\n".join(summary))
    assert counts.broken == []
    assert any(line.startswith("landed: ") and not line.startswith("landed: 0 ") for line in summary)
    assert counts.kills == dict.fromkeys(VICTIMS, 1)
    assert len(counts.recovery_s) == len(VICTIMS)
