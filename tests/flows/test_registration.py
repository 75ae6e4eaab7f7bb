"""What was registered and promoted before is found again, and nothing that happened since is undone."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from flows import registration
from registry.checks import Check, Outcome, Verdict
from registry.package import Registration
from registry.promotion import Promotion
from registry.versions import RegisteredVersion
from tasks.errors import UserError

PASS = Verdict.of([Check(name="accuracy", outcome=Outcome.PASS, sentence="good")])


def version(number: int = 1, aliases: tuple[str, ...] = (), **tags: str) -> RegisteredVersion:
    return RegisteredVersion(
        name="model",
        version=number,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        verdict=Outcome.PASS,
        bundle_digest="b",
        aliases=aliases,
        run_id="r",
        tags=tags,
    )


class Store:
    """A store that holds a champion."""

    exists = True

    def __init__(self, champion: RegisteredVersion | None = None) -> None:
        self.champion = champion

    def open(self) -> "Store":
        return self


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch) -> list[RegisteredVersion]:
    """The versions for which a promotion was asked."""
    asked: list[RegisteredVersion] = []

    def promote(_store: object, registered: Registration, _verdict: Verdict, *, mode: str) -> Promotion:
        asked.append(registered.version)
        return Promotion(name="model", version=1, alias="champion", moved=True, replaced=None, sentence=mode)

    monkeypatch.setattr(registration, "promote", promote)
    monkeypatch.setattr(registration, "find_alias", lambda client, _name, _alias: client.champion)
    return asked


def settle(store: Store, found: RegisteredVersion, *, reused: bool = True) -> Promotion:
    return registration.settle(store, Registration(found, None, reused=reused), PASS, "auto")  # type: ignore[arg-type]


def test_a_new_version_is_promoted(promoted: list[RegisteredVersion]) -> None:
    assert settle(Store(), version(), reused=False).moved
    assert len(promoted) == 1


def test_a_champion_is_not_promoted_again(promoted: list[RegisteredVersion]) -> None:
    settled = settle(Store(), version(aliases=("champion",), promotion="auto"))
    assert (settled.alias, settled.moved, promoted) == ("champion", False, [])


def test_a_version_that_another_has_replaced_since_stays_replaced(promoted: list[RegisteredVersion]) -> None:
    champion = version(2, ("champion",), promoted_at="2026-01-02")
    settled = settle(Store(champion), version(promotion="auto", promoted_at="2026-01-01"))
    assert (settled.alias, settled.moved, promoted) == (None, False, [])
    assert "replaced since" in settled.sentence


@pytest.mark.parametrize("champion", [None, version(2, ("champion",), promoted_at="2025-12-31")])
def test_a_promotion_that_was_cut_off_before_the_alias_moved_is_finished(
    promoted: list[RegisteredVersion], champion: RegisteredVersion | None
) -> None:
    assert settle(Store(champion), version(promotion="auto", promoted_at="2026-01-01")).moved
    assert len(promoted) == 1


def test_a_registration_that_was_cut_off_before_its_promotion_is_finished(promoted: list[RegisteredVersion]) -> None:
    assert settle(Store(version(2, ("champion",), promoted_at="2025-12-31")), version()).moved
    assert len(promoted) == 1


def test_what_a_reviewer_decided_stays(promoted: list[RegisteredVersion]) -> None:
    assert not settle(Store(), version(review="rejected")).moved
    assert promoted == []


def test_a_version_whose_bytes_are_gone_is_not_taken_for_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_store: object, found: RegisteredVersion) -> None:
        if found.version == 2:
            raise UserError("the bytes are gone")

    evidence: Any = SimpleNamespace(bundle_digest="b", digest="e")
    monkeypatch.setattr(registration, "versions_with_tags", lambda *_: (version(2), version(1)))
    monkeypatch.setattr(registration, "fetch_bundle", gone)
    found = registration.find_registered(Store(), "model", evidence, PASS)  # type: ignore[arg-type]
    assert found is not None
    assert found.version == 1


def test_nothing_is_found_where_nothing_was_ever_registered() -> None:
    evidence: Any = SimpleNamespace(bundle_digest="b", digest="e")
    nothing: Any = SimpleNamespace(exists=False)
    assert registration.find_registered(nothing, "model", evidence, PASS) is None
