"""Only a genuine, fresh and new delivery of MLflow's is taken, and it says no more than which version to look at."""

import json
import sqlite3
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.deliveries import SeenDeliveries
from registry.webhooks import (
    CLOCK_SKEW_S,
    MAX_AGE_S,
    Delivery,
    RefusedDeliveryError,
    signature,
    verified,
)
from tasks.errors import UserError

NOW = 1_764_000_000.5
ID = "0d9b9a3c-4b1e-4f0b-9f43-2f1f7a1f0001"
SECRET = "a secret of the webhook"
DATA = {"name": "support-intents", "version": "7", "key": "review", "value": "approved"}
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"))


def body_of(data: object = DATA, entity: str = "model_version_tag", action: str = "set") -> bytes:
    payload = {"entity": entity, "action": action, "timestamp": "2026-01-01T00:00:00+00:00", "data": data}
    return json.dumps(payload).encode()


def signed(body: bytes, *, secret: str = SECRET, delivery_id: str = ID, sent_at: float = NOW) -> dict[str, str]:
    timestamp = str(int(sent_at))
    return {
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": signature(secret, delivery_id, timestamp, body),
    }


def delivery(delivery_id: str = ID, sent_at: float = NOW) -> Delivery:
    return Delivery(delivery_id=delivery_id, sent_at=int(sent_at), event="e", name="n", version=1)


class TestVerified:
    def test_a_tag_set_points_to_its_version(self):
        assert verified(SECRET, signed(body_of()), body_of(), now=NOW) == Delivery(
            delivery_id=ID, sent_at=int(NOW), event="model_version_tag.set", name="support-intents", version=7
        )

    def test_a_deleted_alias_names_no_version(self):
        body = body_of({"name": "support-intents", "alias": "champion"}, "model_version_alias", "deleted")
        assert verified(SECRET, signed(body), body, now=NOW).version is None

    @settings(deadline=None)
    @given(secret=texts.filter(bool), delivery_id=ids, timestamp=st.integers(0, 10**12 - 1), text=texts)
    def test_the_signature_is_mlflows(self, secret, delivery_id, timestamp, text):
        from mlflow.webhooks.delivery import _generate_hmac_signature

        expected = _generate_hmac_signature(secret, delivery_id, str(timestamp), text)
        assert signature(secret, delivery_id, str(timestamp), text.encode()) == expected

    @settings(deadline=None)
    @given(
        part=st.sampled_from(["secret", "id", "timestamp", "signature", "body"]),
        at=st.integers(0),
        with_=st.integers(1),
    )
    def test_one_changed_character_anywhere_is_refused(self, part, at, with_):
        body, secret = body_of(), SECRET
        headers = signed(body)
        if part == "secret":
            secret = changed(secret, at, with_)
        elif part == "body":
            body = changed(body.decode(), at, with_).encode()
        else:
            name = {"id": "X-MLflow-Delivery-Id", "timestamp": "X-MLflow-Timestamp"}.get(part, "X-MLflow-Signature")
            headers[name] = changed(headers[name], at, with_)
        with pytest.raises(RefusedDeliveryError) as refused:
            verified(secret, headers, body, now=NOW)
        assert refused.value.status in ((400, 401) if part in ("id", "timestamp") else (401,))
        assert SECRET not in str(refused.value)

    @settings(deadline=None)
    @given(age=st.floats(-1e6, 1e6))
    def test_only_what_was_signed_within_the_window_is_taken(self, age):
        body = body_of()
        headers = signed(body, sent_at=NOW - age)
        sent_at = int(headers["X-MLflow-Timestamp"])
        if -CLOCK_SKEW_S <= NOW - sent_at <= MAX_AGE_S:
            assert verified(SECRET, headers, body, now=NOW).sent_at == sent_at
        else:
            with pytest.raises(RefusedDeliveryError) as refused:
                verified(SECRET, headers, body, now=NOW)
            assert refused.value.status == 401

    @settings(deadline=None)
    @given(headers=st.dictionaries(st.sampled_from([*signed(b""), "Host"]), st.text(max_size=80)), body=st.binary())
    def test_whatever_is_sent_is_refused_and_breaks_nothing(self, headers, body):
        with pytest.raises(RefusedDeliveryError):
            verified(SECRET, headers, body, now=NOW)

    @settings(deadline=None)
    @given(body=st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: body_of(x)))
    def test_a_genuine_delivery_that_is_no_event_of_a_model_is_malformed(self, body):
        with pytest.raises(RefusedDeliveryError) as refused:
            verified(SECRET, signed(body), body, now=NOW)
        assert refused.value.status == 400

    @pytest.mark.parametrize("version", ["0", "-1", "latest", "1" * 5000, "1.5", []])
    def test_a_version_is_a_number_from_one_on(self, version):
        body = body_of(DATA | {"version": version})
        with pytest.raises(RefusedDeliveryError) as refused:
            verified(SECRET, signed(body), body, now=NOW)
        assert refused.value.status == 400

    def test_a_signature_does_not_hold_for_another_split_of_what_was_signed(self):
        body = body_of(DATA | {"value": f'.{int(NOW)}.{{"entity": "x"}}'})
        headers = signed(body)
        before, _, after = body.decode().partition(f".{int(NOW)}.")
        moved = headers | {"X-MLflow-Delivery-Id": f"{ID}.{int(NOW)}.{before}"}
        with pytest.raises(RefusedDeliveryError) as refused:
            verified(SECRET, moved, after.encode(), now=NOW)
        assert refused.value.status == 400


class TestSeenDeliveries:
    def test_a_delivery_is_claimed_once_also_after_a_restart(self, tmp_path):
        SeenDeliveries(tmp_path / "seen.db").claim(delivery(), now=NOW)
        with pytest.raises(RefusedDeliveryError) as refused:
            SeenDeliveries(tmp_path / "seen.db").claim(delivery(), now=NOW + MAX_AGE_S)
        assert refused.value.status == 409

    def test_of_many_at_once_one_claims(self, tmp_path):
        seen = SeenDeliveries(tmp_path / "seen.db")
        outcomes: list[int] = []
        together = threading.Barrier(8)

        def claim() -> None:
            together.wait()
            try:
                seen.claim(delivery(), now=NOW)
                outcomes.append(204)
            except RefusedDeliveryError as refused:
                outcomes.append(refused.status)

        threads = [threading.Thread(target=claim) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [204] + 7 * [409]

    def test_what_could_not_be_acted_upon_may_come_again(self, tmp_path):
        seen = SeenDeliveries(tmp_path / "seen.db")
        seen.claim(delivery(), now=NOW)
        seen.release(delivery())
        seen.claim(delivery(), now=NOW)

    def test_ids_are_forgotten_only_when_their_signature_is_no_longer_accepted(self, tmp_path):
        seen = SeenDeliveries(tmp_path / "seen.db", capacity=2)
        for name in ("a", "b"):
            seen.claim(delivery(name), now=NOW)
        with pytest.raises(RefusedDeliveryError) as refused:
            seen.claim(delivery("c"), now=NOW)
        assert refused.value.status == 503
        with pytest.raises(RefusedDeliveryError) as refused:
            seen.claim(delivery("a"), now=NOW + MAX_AGE_S)
        assert refused.value.status == 409
        later = NOW + 3 * MAX_AGE_S
        seen.claim(delivery("c", sent_at=later), now=later)
        with sqlite3.connect(tmp_path / "seen.db") as connection:
            assert connection.execute("SELECT id FROM seen").fetchall() == [("c",)]

    def test_a_file_that_is_no_database_is_named(self, tmp_path):
        (tmp_path / "seen.db").write_text("these are my notes, not a database, and they are long enough to be read")
        with pytest.raises(UserError, match=r"seen\.db: cannot be used"):
            SeenDeliveries(tmp_path / "seen.db")


def changed(text: str, at: int, with_: int) -> str:
    """The text with one character exchanged for another printable one."""
    place = at % len(text)
    printable = [chr(code) for code in range(33, 127) if chr(code) != text[place]]
    return text[:place] + printable[with_ % len(printable)] + text[place + 1 :]
