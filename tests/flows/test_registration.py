"""What was registered before is found again."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from flows import registration
from registry.checks import Check, Outcome, Verdict
from registry.versions import RegisteredVersion
from tasks.errors import UserError

PASS = Verdict.of([Check(name="accuracy", outcome=Outcome.PASS, sentence="good")])


def version(number: int = 1) -> RegisteredVersion:
    return RegisteredVersion(
        name="model",
        version=number,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        verdict=Outcome.PASS,
        bundle_digest="b",
        aliases=(),
        run_id="r",
        tags={},
    )


class Store:
    """A store that has something in it."""

    exists = True

    def open(self) -> "Store":
        return self


def test_a_version_whose_bytes_are_gone_is_not_taken_for_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_store: object, found: RegisteredVersion) -> None:
        if found.version == 2:
            raise UserError("the bytes are gone")

    evidence: Any = SimpleNamespace(bundle_digest="b", digest="e")
    monkeypatch.setattr(registration, "versions_with_tags", lambda *_: (version(2), version(1)))
    monkeypatch.setattr(registration, "verify_model", gone)
    found = registration.find_registered(Store(), "model", evidence, PASS)  # type: ignore[arg-type]
    assert found is not None
    assert found.version == 1


def test_nothing_is_found_where_nothing_was_ever_registered() -> None:
    evidence: Any = SimpleNamespace(bundle_digest="b", digest="e")
    nothing: Any = SimpleNamespace(exists=False)
    assert registration.find_registered(nothing, "model", evidence, PASS) is None
