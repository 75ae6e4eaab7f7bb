"""The drill can fail: each invariant, when it is broken, is seen and named."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from registry.inbox import FileState, LandedFile
from registry.ledger import Draft, Entry, Kind
from tests.faults.ground import NAME, Ground
from tests.faults.invariants import Books, broken_inbox, broken_promotions

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def entries(*drafts: Draft) -> tuple[Entry, ...]:
    return tuple(
        Entry.sealed(NAME, draft, sequence=number, at=NOW, previous="") for number, draft in enumerate(drafts, start=1)
    )


def registered(version: int, verdict: str = "PASS", bundle: str = "b") -> Draft:
    details = {"verdict": verdict, "bundle_digest": bundle}
    return Draft(kind=Kind.REGISTERED, actor="a", reason="r", to_version=version, details=details)


def promoted(version: int, kind: Kind = Kind.PROMOTED, **details: object) -> Draft:
    return Draft(
        kind=kind, actor="a", reason="r", to_version=version, details={"bundle": "b", "blessing": {}} | details
    )


def books(*drafts: Draft, files: tuple[LandedFile, ...] = (), held: tuple[str, ...] = ()) -> Books:
    return Books(files=files, batches=0, held=held, entries=entries(*drafts))


BLESSED = {"blessing": {"rows": 8}}


def test_a_blessed_pass_and_an_override_break_nothing() -> None:
    fine = books(registered(1), promoted(1, **BLESSED), registered(2, "FAIL"), promoted(2, Kind.OVERRIDDEN, **BLESSED))
    assert list(broken_promotions(fine)) == []


def test_a_double_promotion_and_an_unproven_champion_are_seen() -> None:
    twice = books(registered(1), promoted(1, **BLESSED), promoted(1, **BLESSED))
    assert list(broken_promotions(twice)) == ["version 1 was promoted 2 times"]
    failed = books(registered(2, "FAIL"), promoted(2, **BLESSED))
    assert list(broken_promotions(failed)) == ["version 2 became champion with the verdict FAIL"]
    early = books(promoted(3, **BLESSED), registered(3))
    assert list(broken_promotions(early)) == ["version 3 became champion and was not registered before"]
    others = books(registered(4, bundle="other"), promoted(4, **BLESSED))
    assert list(broken_promotions(others)) == ["version 4 became champion without a blessing of its bytes"]
    unblessed = books(registered(5), promoted(5))
    assert list(broken_promotions(unblessed)) == ["version 5 became champion without a blessing of its bytes"]


def test_a_lost_a_torn_and_a_waiting_file_are_seen(tmp_path: Path) -> None:
    ground = object.__new__(Ground)  # without its data, which nobody reads here
    ground.landed = {}
    known = []
    processed = FileState.PROCESSED
    for name, rows, state in (("done", 2, processed), ("torn", 1, processed), ("late", 2, FileState.LANDED)):
        file = tmp_path / f"{name}.jsonl"
        file.write_text(f'{{"text": "{name}"}}\n' * 2, encoding="utf-8")
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        ground.landed[sha256] = file
        known.append(
            LandedFile(
                model=NAME,
                sha256=sha256,
                format="jsonl",
                name=file.name,
                size=1,
                received_at=NOW,
                state=state,
                rows=rows,
                quarantined=0,
            )
        )
    ground.landed["lost"] = tmp_path / "lost.jsonl"
    ground.landed["lost"].write_text("", encoding="utf-8")
    strange = known[0].model_copy(update={"sha256": "strange", "name": "strange.jsonl"})
    assert list(broken_inbox(ground, books(files=(*known, strange), held=("take-in-1",)))) == [
        "torn.jsonl has 2 rows, and the inbox says 1 and 0",
        "late.jsonl is landed and not processed",
        "lost.jsonl was landed and is not in the inbox",
        "strange.jsonl is in the inbox and was never landed",
        "the batch take-in-1 is held, and nothing runs",
    ]
