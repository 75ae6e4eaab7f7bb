"""MLflow's webhooks: who sent a delivery, whether it is fresh, and which model version it points to.

A webhook is a hint that something changed. Whoever gets one reads the registry again: deliveries are lost, repeated and
out of order, and their content is never taken for the state. Signatures are those of MLflow's `mlflow.webhooks.delivery`
(after Standard Webhooks): `v1,` and the base64 of HMAC-SHA256 over `DELIVERY_ID.TIMESTAMP.BODY`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from tasks.artifact import Record

MAX_AGE_S: Final = 300
"""A delivery signed longer ago is refused, so ids need not be remembered for ever."""
CLOCK_SKEW_S: Final = 5
"""How far the sender's clock may be ahead of ours."""

_DELIVERY_ID: Final = "x-mlflow-delivery-id"
_TIMESTAMP: Final = "x-mlflow-timestamp"
_SIGNATURE: Final = "x-mlflow-signature"
# Without dots, so that a signature over `ID.TIMESTAMP.BODY` cannot be read as that of another split.
_ID_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIMESTAMP_FORM: Final = re.compile(r"[0-9]{1,12}")


class RefusedDeliveryError(Exception):
    """A delivery that is not acted upon; `status` is the HTTP status that says why."""

    def __init__(self, status: int, reason: str) -> None:
        """`reason`: one sentence without anything secret."""
        self.status = status
        super().__init__(reason)


class Delivery(Record):
    """A genuine, fresh delivery. `sent_at`: Unix time in seconds; `version` is None where the event names none."""

    delivery_id: str
    sent_at: int
    event: str
    name: str
    version: int | None


class _Data(BaseModel):
    name: str = Field(min_length=1, max_length=256)
    version: int | None = Field(default=None, ge=1)


class _Payload(BaseModel):
    entity: str
    action: str
    data: _Data


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> Delivery:
    """The delivery, if its signature is of this secret and no older than MAX_AGE_S at `now` (Unix time, seconds).

    Raises RefusedDeliveryError: 401 for a wrong or missing signature or a time outside of the window, 400 for what is
    no delivery of MLflow's. Whether it came before is for the caller to know (`registry.deliveries`).
    """
    lower = {name.lower(): value for name, value in headers.items()}
    delivery_id, timestamp = lower.get(_DELIVERY_ID, ""), lower.get(_TIMESTAMP, "")
    if not _ID_FORM.fullmatch(delivery_id) or not _TIMESTAMP_FORM.fullmatch(timestamp):
        raise RefusedDeliveryError(400, "the delivery's id or timestamp is missing or malformed")
    expected = signature(secret, delivery_id, timestamp, body).encode()
    # Compared as bytes: a header may hold anything, and compare_digest takes no text beyond ASCII.
    if not hmac.compare_digest(expected, lower.get(_SIGNATURE, "").encode("utf-8", "surrogatepass")):
        raise RefusedDeliveryError(401, "the signature is not of this webhook's secret")
    sent_at = int(timestamp)
    if not now - MAX_AGE_S <= sent_at <= now + CLOCK_SKEW_S:
        raise RefusedDeliveryError(401, f"the delivery was signed {now - sent_at:.0f} s ago; {MAX_AGE_S} s are allowed")
    try:
        payload = _Payload.model_validate_json(body)
    except ValidationError as error:
        raise RefusedDeliveryError(400, "the body is no event about a registered model") from error
    event = f"{payload.entity}.{payload.action}"
    return Delivery(
        delivery_id=delivery_id, sent_at=sent_at, event=event, name=payload.data.name, version=payload.data.version
    )


def signature(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """What MLflow sends as `X-MLflow-Signature`."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
